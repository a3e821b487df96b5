"""Writes an int8 .tflite operator by operator, with scales that were chosen, not calibrated.

TensorFlow's converter picks every scale itself and rounds every weight itself; here both come from
the caller. The quantisation is that of the TFLite int8 specification: weights symmetric, one scale a
channel; activations one scale and zero point a tensor; bias int32 at input scale * weight scale.
"""

from dataclasses import dataclass
from typing import Any

import flatbuffers  # type: ignore[import-untyped,import-not-found,unused-ignore]
import numpy as np
from numpy.typing import NDArray
from tensorflow.lite.python import schema_py_generated as schema  # type: ignore[import-untyped,import-not-found,unused-ignore]

_KINDS = {
    np.dtype(np.int8): schema.TensorType.INT8,
    np.dtype(np.int32): schema.TensorType.INT32,
    np.dtype(np.float32): schema.TensorType.FLOAT32,
}


@dataclass(frozen=True)
class Grid:
    """int8 values of an activation: real value = (value - zero) * scale."""

    scale: float
    zero: int


@dataclass(frozen=True)
class Stored:
    """One tensor of the graph: its number, its shape, its grid (None: float32)."""

    number: int
    shape: tuple[int, ...]
    grid: Grid | None


class Graph:
    """A graph under construction."""

    def __init__(self) -> None:
        self._model = schema.ModelT()
        self._model.version = 3
        self._model.buffers = [schema.BufferT()]
        self._model.operatorCodes = []
        self._graph = schema.SubGraphT()
        self._graph.tensors, self._graph.operators = [], []
        self._model.subgraphs = [self._graph]
        self._codes: dict[int, int] = {}

    def tensor(self, shape: tuple[int, ...], grid: Grid | None, name: str) -> Stored:
        """An activation."""
        number = self._add(shape, np.dtype(np.float32 if grid is None else np.int8), name)
        if grid is not None:
            self._quantise(number, np.array([grid.scale]), np.array([grid.zero]), 0)
        return Stored(number, shape, grid)

    def constant(self, values: NDArray[Any], scales: NDArray[Any] | None, axis: int, name: str) -> int:
        """Weights or a bias with one scale for each index along axis."""
        number = self._add(values.shape, values.dtype, name)
        buffer = schema.BufferT()
        buffer.data = np.frombuffer(np.ascontiguousarray(values).tobytes(), np.uint8)
        self._model.buffers.append(buffer)
        self._graph.tensors[number].buffer = len(self._model.buffers) - 1
        if scales is not None:
            self._quantise(number, scales, np.zeros(len(scales)), axis)
        return number

    def operator(self, kind: int, inputs: list[int], output: Stored, options: Any = None) -> Stored:
        """Appends one operator; options is one of the schema's ...OptionsT."""
        op = schema.OperatorT()
        op.opcodeIndex = self._code(kind)
        op.inputs, op.outputs = inputs, [output.number]
        if options is not None:
            name = type(options).__name__.removesuffix("T")
            op.builtinOptionsType, op.builtinOptions = getattr(schema.BuiltinOptions, name), options
        self._graph.operators.append(op)
        return output

    def finished(self, image: Stored, output: Stored) -> bytes:
        """The file."""
        self._graph.inputs, self._graph.outputs = [image.number], [output.number]
        builder = flatbuffers.Builder(1 << 21)
        builder.Finish(self._model.Pack(builder), b"TFL3")
        return bytes(builder.Output())

    def _add(self, shape: tuple[int, ...], dtype: Any, name: str) -> int:
        tensor = schema.TensorT()
        tensor.shape, tensor.type, tensor.name = list(shape), _KINDS[np.dtype(dtype)], name.encode()
        tensor.buffer = 0
        self._graph.tensors.append(tensor)
        return len(self._graph.tensors) - 1

    def _quantise(self, number: int, scales: NDArray[Any], zeros: NDArray[Any], axis: int) -> None:
        quantisation = schema.QuantizationParametersT()
        quantisation.scale = scales.astype(np.float32)
        quantisation.zeroPoint = zeros.astype(np.int64)
        quantisation.quantizedDimension = axis
        self._graph.tensors[number].quantization = quantisation

    def _code(self, kind: int) -> int:
        if kind not in self._codes:
            code = schema.OperatorCodeT()
            code.builtinCode = kind
            code.deprecatedBuiltinCode = min(kind, 127)
            code.version = _VERSIONS.get(kind, 2)
            self._codes[kind] = len(self._model.operatorCodes)
            self._model.operatorCodes.append(code)
        return self._codes[kind]


_VERSIONS = {
    schema.BuiltinOperator.CONV_2D: 3,
    schema.BuiltinOperator.DEPTHWISE_CONV_2D: 3,
    schema.BuiltinOperator.PRELU: 1,
    schema.BuiltinOperator.RESHAPE: 1,
}
"""The first version of each operator that takes int8."""
