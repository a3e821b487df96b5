"""MobileFaceNet as a .tflite of int8 weights, of which XNNPACK makes one partition.

The 1x1 convolutions, nine tenths of all products, multiply int8 by int8: their input is brought to
int8 as it comes, with the range of that very picture, and their output is float again ("dynamic
range"). All the rest, cheap but sensitive, is computed in float: the depthwise convolutions, PReLU
with its slopes from -9 to 9, the sums of the residual blocks. Nothing is calibrated but the rounding
of the weights, so no picture can leave a range.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tensorflow.lite.python import schema_py_generated as schema  # type: ignore[import-untyped,import-not-found,unused-ignore]

from model_build.graph import Graph, Grid, Stored
from model_build.layers import Layer
from model_build.mobilefacenet import SIZE
from model_build.rounding import Inputs, Rounded, rounded

_IMAGE = Grid(1 / 128, 0)
"""to_unit() of a pixel is (pixel - 128) / 128."""
_OPS = schema.BuiltinOperator


@dataclass(frozen=True)
class Int8Layer:
    """A layer with its weights rounded."""

    layer: Layer
    rounded: Rounded
    """Weights [inputs of one output, outputs]; for a depthwise layer the inputs are its taps."""


def with_int8_weights(layers: list[Layer], inputs: Iterable[list[Inputs] | None]) -> list[Int8Layer]:
    """Each layer rounded by what is known of its inputs; None: each weight to its nearest."""
    return [Int8Layer(layer, _rounded(layer, known)) for layer, known in zip(layers, inputs, strict=True)]


def _rounded(layer: Layer, known: list[Inputs] | None) -> Rounded:
    weights = layer.conv.weights.reshape(-1, layer.conv.bias.size)
    if known is None or len(known) == 1:
        return rounded(weights, layer.conv.bias, known[0] if known else None)
    channels = [rounded(weights[:, [i]], layer.conv.bias[[i]], channel) for i, channel in enumerate(known)]
    return Rounded(
        np.concatenate([channel.weights for channel in channels], 1),
        np.concatenate([channel.scales for channel in channels]),
        np.concatenate([channel.bias for channel in channels]),
    )


def tflite(layers: list[Int8Layer], int8_products: bool = True) -> bytes:
    """The file: int8 image in, float32 embedding out. int8_products=False: weights int8, products float."""
    graph = Graph()
    image = graph.tensor((1, SIZE, SIZE, 3), _IMAGE, "image")
    flows = [_dequantised(graph, image, "pixels")]
    for number, (last, layer) in enumerate(_with_last(layers)):
        name = "embedding" if last else f"layer{number}"
        dynamic = int8_products and not last and layer.layer.conv.weights.shape[:2] == (1, 1)
        flow = _convolved(graph, flows[-1], layer, dynamic, name)
        if layer.layer.residual:
            flow = _sum(graph, flow, flows[-3], name + "/sum")
        flows.append(flow)
    return graph.finished(image, flows[-1])


def _with_last(layers: list[Int8Layer]) -> list[tuple[bool, Int8Layer]]:
    """The last layer, once a picture, is no burden in float, and its output is what everything was for."""
    return [(layer is layers[-1], layer) for layer in layers]


def _convolved(graph: Graph, flow: Stored, layer: Int8Layer, dynamic: bool, name: str) -> Stored:
    plain, known = layer.layer, layer.rounded
    weights = _as_stored(known.weights, plain)
    axis = 3 if plain.depthwise else 0
    number = graph.constant(weights, known.scales, axis, name + "/weights")
    if not dynamic:
        coded = Stored(number, weights.shape, Grid(1.0, 0))
        number = _dequantised(graph, coded, name + "/float_weights").number
    bias = graph.constant(known.bias, None, 0, name + "/bias")
    kind = _OPS.DEPTHWISE_CONV_2D if plain.depthwise else _OPS.CONV_2D
    made = name if plain.slopes is None else name + "/linear"
    output = graph.tensor(_shape(flow, plain), None, made)
    flow = graph.operator(kind, [flow.number, number, bias], output, _options(plain))
    if plain.slopes is None:
        return flow
    slopes = graph.constant(plain.slopes.reshape(1, 1, -1), None, 0, name + "/slopes")
    return graph.operator(_OPS.PRELU, [flow.number, slopes], graph.tensor(flow.shape, None, name))


def _as_stored(weights: NDArray[np.int8], layer: Layer) -> NDArray[np.int8]:
    """[out, height, width, in], a depthwise one [1, height, width, out]."""
    return weights.reshape(layer.conv.weights.shape).transpose(3, 0, 1, 2)


def _shape(flow: Stored, layer: Layer) -> tuple[int, ...]:
    side, taps = flow.shape[1], layer.conv.weights.shape[0]
    room = side if layer.padding == "SAME" else side - taps + 1
    side = -(-room // layer.stride)
    return (1, side, side, layer.conv.bias.size)


def _options(layer: Layer) -> Any:
    options = schema.DepthwiseConv2DOptionsT() if layer.depthwise else schema.Conv2DOptionsT()
    options.padding = getattr(schema.Padding, layer.padding)
    options.strideH = options.strideW = layer.stride
    options.dilationHFactor = options.dilationWFactor = 1
    if layer.depthwise:
        options.depthMultiplier = 1
    return options


def _dequantised(graph: Graph, source: Stored, name: str) -> Stored:
    output = graph.tensor(source.shape, None, name)
    return graph.operator(_OPS.DEQUANTIZE, [source.number], output, schema.DequantizeOptionsT())


def _sum(graph: Graph, first: Stored, second: Stored, name: str) -> Stored:
    output = graph.tensor(first.shape, None, name)
    return graph.operator(_OPS.ADD, [first.number, second.number], output, schema.AddOptionsT())
