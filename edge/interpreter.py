"""The model seam: the only room that knows a TFLite runtime.

Two threads on one interpreter give exceptions and wrong answers, and a held tensor view makes the
next invoke fail; so a `Model` copies what goes in and out, and lets one thread in at a time.
"""

from __future__ import annotations

import copy
import functools
import hashlib
import importlib
import importlib.metadata
import json
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.errors import ModelError
from edge.face import Pixels, Vector

MODELS = Path(__file__).resolve().parent.parent / "models"
_RUNTIMES = (
    ("ai_edge_litert.interpreter", "ai-edge-litert"),
    ("tflite_runtime.interpreter", "tflite-runtime"),
)
_TO_INT8 = np.uint8(0x80)


@dataclass(frozen=True, slots=True, eq=False)
class Tensor:
    """One output as the model gives it: int8 or float32, real value = (value - zero_point) * scale."""

    values: NDArray[np.int8] | NDArray[np.float32]
    scale: float
    zero_point: int

    def real(self) -> Vector:
        """The real values, float32, of the same shape."""
        return (self.values.astype(np.float32) - self.zero_point) * np.float32(self.scale)

    def quantised(self, real: float) -> float:
        """Where a real value lies on the int8 scale (not rounded), for comparing without dequantising."""
        return real / self.scale + self.zero_point


@dataclass(frozen=True, slots=True)
class Runtime:
    """Which TFLite runtime is installed."""

    name: str
    version: str
    module: str


@functools.cache
def runtime() -> Runtime:
    """The runtime that is installed; ai-edge-litert goes first. Raises ModelError when there is none."""
    for module, package in _RUNTIMES:
        try:
            importlib.import_module(module)
        except ModuleNotFoundError:
            continue
        return Runtime(package, importlib.metadata.version(package), module)
    raise ModelError("no TFLite runtime is installed: neither ai-edge-litert nor tflite-runtime")


class Model:
    """One network with an int8 input of 1 x height x width x 3: exactly its sidecar's `input` or, where the
    sidecar has a `multiple`, any height and width that are multiples of it and no larger in area."""

    def __init__(self, name: str, threads: int = 1, folder: Path = MODELS) -> None:
        """Load `folder/name.tflite` and its sidecar. Raises ModelError: missing, damaged, other shapes."""
        self.name = name
        self.card = read_card(name, folder)
        self.calibration = _read_calibration(name, folder)
        self._content = _verified(folder / f"{name}.tflite")
        self._threads = threads
        self._guard = threading.Lock()
        self.seconds = 0.0  # spent in run() so far
        self._interpreter = _build(name, self._content, threads)
        details = self._interpreter.get_input_details()[0]
        self.shape: tuple[int, ...] = tuple(int(side) for side in details["shape"][1:])
        self._allocated = self.shape
        self._input = int(details["index"])
        self._check_input(details)
        self._outputs = {key: self._output(key, wanted) for key, wanted in self.card["outputs"].items()}

    def another(self) -> Model:
        """The same network for another thread: an interpreter of its own over the same bytes."""
        twin = copy.copy(self)
        twin._guard = threading.Lock()
        twin._interpreter = _build(self.name, self._content, self._threads)
        twin._allocated = self.shape
        twin.seconds = 0.0
        return twin

    def _check_input(self, details: Mapping[str, Any]) -> None:
        if list(self.shape) != self.card["input"]:
            raise ModelError(
                f"model {self.name}: input is {self.shape}, its sidecar says {self.card['input']}"
            )
        if details["dtype"] is not np.int8:
            raise ModelError(f"model {self.name}: input is {details['dtype']}, not int8")

    def _output(self, key: str, wanted: Mapping[str, Any]) -> Mapping[str, Any]:
        details: Mapping[str, Any] = self._interpreter.get_output_details()[wanted["position"]]
        if [int(side) for side in details["shape"]] != wanted["shape"]:
            raise ModelError(f"model {self.name}: output {key} is {details['shape']}, not {wanted['shape']}")
        return details

    def run(self, pixels: Pixels) -> dict[str, Tensor]:
        """The outputs, by the sidecar's names, for one picture of a shape that the network takes."""
        if not self._takes(pixels.shape):
            raise ValueError(f"model {self.name} takes {self.shape}, not {pixels.shape}")
        with self._guard:
            started = time.perf_counter()
            if pixels.shape != self._allocated:
                self._resize(pixels.shape)
            self._fill(pixels)
            self._interpreter.invoke()
            outputs = {key: self._copy(details) for key, details in self._outputs.items()}
            self.seconds += time.perf_counter() - started
            return outputs

    def _takes(self, shape: tuple[int, ...]) -> bool:
        if shape == self.shape:
            return True
        step = self.card.get("multiple")
        if step is None or len(shape) != 3 or shape[2] != self.shape[2]:
            return False
        whole = shape[0] > 0 and shape[1] > 0 and shape[0] % step == 0 and shape[1] % step == 0
        return bool(whole and shape[0] * shape[1] <= self.shape[0] * self.shape[1])

    def _resize(self, shape: tuple[int, ...]) -> None:
        """The weights stay packed as they are; measured: 1-2 ms with XNNPACK, no memory that stays."""
        self._interpreter.resize_tensor_input(self._input, [1, *shape])
        self._interpreter.allocate_tensors()
        self._allocated = shape

    def _fill(self, pixels: Pixels) -> None:
        """Straight into the input tensor, whose view must be gone before invoke."""
        tensor = self._interpreter.tensor(self._input)()[0].view(np.uint8)
        np.bitwise_xor(pixels, _TO_INT8, out=tensor)

    def _copy(self, details: Mapping[str, Any]) -> Tensor:
        scale, zero = details["quantization"]
        values = self._interpreter.get_tensor(details["index"])[0]
        if values.dtype == np.float32:
            return Tensor(values, 1.0, 0)
        return Tensor(values, float(scale), int(zero))

    def operators(self) -> list[str]:
        """Names of the nodes that will run; a delegate shows up as one node of its own."""
        return [str(node["op_name"]) for node in self._interpreter._get_ops_details()]


def read_card(name: str, folder: Path = MODELS) -> dict[str, Any]:
    """The machine-readable sidecar of a model (its hash checked). Raises ModelError."""
    card = json.loads(_verified(folder / f"{name}.json"))
    if not isinstance(card, dict):
        raise ModelError(f"sidecar of model {name} is not an object")
    return card


def verify_files(folder: Path = MODELS) -> int:
    """How many files SHA256SUMS lists, after each was found to be as it says. Raises ModelError."""
    names = _sums(folder)
    for name in names:
        _verified(folder / name)
    return len(names)


def _read_calibration(name: str, folder: Path) -> dict[str, Any]:
    """Thresholds and constants that were fitted to the model's output; empty when it has none."""
    name = f"{name}.calibration"
    return read_card(name, folder) if f"{name}.json" in _sums(folder) else {}


def _build(name: str, content: bytes, threads: int) -> Any:
    module: Any = importlib.import_module(runtime().module)
    try:
        interpreter = module.Interpreter(model_content=content, num_threads=threads)
        interpreter.allocate_tensors()
    except (ValueError, RuntimeError) as error:
        raise ModelError(f"model {name}: {runtime().name} cannot load it: {error}") from error
    return interpreter


def _verified(path: Path) -> bytes:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ModelError(f"model file {path}: {error.strerror}") from error
    wanted = _sums(path.parent).get(path.name)
    if wanted is None:
        raise ModelError(f"model file {path.name} is not listed in {path.parent / 'SHA256SUMS'}")
    found = hashlib.sha256(content).hexdigest()
    if found != wanted:
        raise ModelError(
            f"model file {path} is damaged: sha256 is {found}, SHA256SUMS says {wanted}; "
            "install it anew (git checkout models)"
        )
    return content


def _sums(folder: Path) -> dict[str, str]:
    try:
        lines = (folder / "SHA256SUMS").read_text(encoding="ascii").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ModelError(f"{folder / 'SHA256SUMS'}: {error}") from error
    pairs = [line.split(maxsplit=1) for line in lines if line.strip()]
    return {pair[1].lstrip("*"): pair[0] for pair in pairs if len(pair) == 2}
