"""Float network -> .tflite with int8 weights, activations, input and outputs."""

from collections.abc import Callable, Iterator
from typing import Any

import flatbuffers  # type: ignore[import-untyped,import-not-found,unused-ignore]
import numpy as np
import tensorflow as tf  # type: ignore[import-untyped,import-not-found,unused-ignore]
from tensorflow.lite.python import schema_py_generated as schema  # type: ignore[import-untyped,import-not-found,unused-ignore]

from model_build.values import HEAD_TOP, Floats, Head, Pixels, Tensor, to_unit

_USEFUL_LOGIT = -1.0
"""Anchors surer than this (.27) set the range of the boxes; the others never become faces."""
_SCORE_LIMIT = 8.0
"""Logits beyond +-8 (.0003, .9997) say nothing more."""
_TAILS = 0.0005
_MARGIN = 0.12
_OUTPUTS = {1: b"scores", 128: b"embedding", 192: b"embedding"}
"""By the last side of the shape; anything else holds boxes."""
Network = Callable[[Tensor], dict[str, Tensor]]


class Unfit(Exception):
    """The converted model breaks a promise that the runtime relies on."""


def head_range(network: Network, pictures: list[Pixels]) -> Head:
    """The range of each box number over the useful anchors of all pictures, with a margin."""
    useful = []
    for picture in pictures:
        found = network(tf.constant(to_unit(picture)))
        useful.append(found["boxes"].numpy()[0][found["scores"].numpy()[0, :, 0] > _USEFUL_LOGIT])
    boxes = np.concatenate(useful)
    lo, hi = np.quantile(boxes, _TAILS, axis=0), np.quantile(boxes, 1 - _TAILS, axis=0)
    room = (hi - lo) * _MARGIN
    return Head(-_SCORE_LIMIT, _SCORE_LIMIT, _rounded(lo - room), _rounded(hi + room))


def _rounded(values: Floats) -> Floats:
    return np.round(values, 3).astype(np.float32)


def to_int8(network: Network, size: int, pictures: list[Pixels], has_head: bool) -> bytes:
    """The network quantised after training (Jacob et al. 2018, arXiv 1712.05877), one static picture."""
    module = tf.Module()
    signature = [tf.TensorSpec([1, size, size, 3], tf.float32, name="image")]
    module.call = tf.function(network, input_signature=signature, autograph=False)
    converter = tf.lite.TFLiteConverter.from_concrete_functions([module.call.get_concrete_function()], module)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = lambda: _samples(pictures)
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter.inference_input_type = converter.inference_output_type = tf.int8
    return _finished(converter.convert(), has_head)


def _samples(pictures: list[Pixels]) -> Iterator[list[Floats]]:
    for picture in pictures:
        yield [to_unit(picture)]


def _finished(model: bytes, has_head: bool) -> bytes:
    """The same model with speaking names, its heads spanning [0, 6] whatever calibration saw of it."""
    parsed = schema.ModelT.InitFromPackedBuf(model, 0)
    graph = parsed.subgraphs[0]
    graph.tensors[int(graph.inputs[0])].name = b"image"
    for number in graph.outputs:
        tensor = graph.tensors[int(number)]
        tensor.name = _OUTPUTS.get(int(tensor.shape[-1]), b"boxes")
        if has_head:
            _span_head(graph, int(number))
    builder = flatbuffers.Builder(len(model))
    builder.Finish(parsed.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def _span_head(graph: Any, number: int) -> None:
    """Sets the scale of an output and of the tensors it is gathered from, back to the convolutions.

    The interpreter derives a convolution's multiplier from its output's scale when it loads the
    model, and RELU6 cuts at 6, so this is only another choice of range, made without calibration.
    """
    quantisation = graph.tensors[number].quantization
    quantisation.scale, quantisation.zeroPoint = [HEAD_TOP / 255], [-128]
    (maker,) = [op for op in graph.operators if number in op.outputs]
    if maker.builtinOptionsType != schema.BuiltinOptions.Conv2DOptions:
        for source in maker.inputs:
            if graph.tensors[int(source)].type == schema.TensorType.INT8:
                _span_head(graph, int(source))


def check(model: bytes, has_head: bool) -> None:
    """Refuses a model whose input is not pixel - 128, or whose heads do not span [0, 6]."""
    interpreter = tf.lite.Interpreter(model_content=model)
    (image,) = interpreter.get_input_details()
    scale, zero = image["quantization"]
    if image["dtype"] != np.int8 or zero != 0 or abs(scale * 128 - 1) > 1e-6:
        raise Unfit(f"the input is {image['dtype']} with scale {scale}, zero point {zero}, not pixel - 128")
    for output in interpreter.get_output_details():
        _check_output(output, has_head)


def _check_output(output: dict[str, Any], has_head: bool) -> None:
    scale, zero = output["quantization"]
    if has_head and output["dtype"] != np.int8:
        raise Unfit(f"{output['name']} is {output['dtype']}, not int8")
    if has_head and (zero != -128 or abs(scale * 255 / HEAD_TOP - 1) > 1e-3):
        raise Unfit(f"{output['name']} spans {scale * 255:.4f} from {zero}, not [0, {HEAD_TOP}]")
