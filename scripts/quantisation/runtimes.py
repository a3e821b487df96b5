"""python -m quantisation.runtimes embed|time|memory: what one TFLite runtime makes of model files.

Runs in the virtual environment of either runtime, so it knows nothing but NumPy and the runtime.
Results go to standard output as JSON, embeddings to a .npy file.
"""

import json
import os
import resource
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

try:
    from ai_edge_litert.interpreter import Interpreter  # type: ignore[import-untyped,unused-ignore]
except ModuleNotFoundError:
    from tflite_runtime.interpreter import Interpreter  # type: ignore[import-not-found,unused-ignore]

_SECONDS = 40.0
_QUICKEST = 20
"""Other processes only ever add time: the mean of the quickest twentieth of the rounds counts."""


class Runner:
    """One model on one runtime. A file that takes batches of n gets n times the same chip."""

    def __init__(self, file: Path, threads: int = 1) -> None:
        self._interpreter = Interpreter(model_path=str(file), num_threads=threads)
        self._interpreter.allocate_tensors()
        (self._image,) = self._interpreter.get_input_details()
        (self._output,) = self._interpreter.get_output_details()
        self.batch = int(self._image["shape"][0])

    def load(self, chip: NDArray[np.uint8]) -> None:
        """Puts an RGB chip into the input, int8 or float as the file wants it."""
        if self._image["dtype"] == np.int8:
            values: NDArray[Any] = (chip ^ np.uint8(0x80)).view(np.int8)
        else:
            # The package's own file, the only one for two chips, was not rewritten for pixel - 128.
            values = (chip.astype(np.float32) - np.float32(128 if self.batch == 1 else 127.5)) / np.float32(
                128
            )
        self._interpreter.set_tensor(self._image["index"], np.stack([values] * self.batch))

    def invoke(self) -> None:
        """Runs the network."""
        self._interpreter.invoke()

    def embedding(self) -> NDArray[np.float32]:
        """The unit vector of the chip."""
        scale, zero = self._output["quantization"]
        raw = self._interpreter.get_tensor(self._output["index"])[0].reshape(-1).astype(np.float32)
        vector = (raw - zero) * scale if scale else raw
        return np.asarray(vector / np.linalg.norm(vector), np.float32)

    def operators(self) -> list[str]:
        """The nodes that run: those of the plan, where a delegate is one node."""
        return [str(node["op_name"]) for node in self._interpreter._get_ops_details()]


def embed(file: Path, chips: Path, out: Path) -> None:
    """[2, chips, dimensions]: the unit vectors of all chips and of their mirror images."""
    runner = Runner(file)
    found = []
    for chip in np.load(chips)["chips"]:
        for pixels in (chip, np.ascontiguousarray(chip[:, ::-1])):
            runner.load(pixels)
            runner.invoke()
            found.append(runner.embedding())
    np.save(out, np.array(found).reshape(-1, 2, found[0].size).transpose(1, 0, 2))


def timed(threads: int, files: list[Path]) -> dict[str, float]:
    """Milliseconds a chip, by file name; the files take turns, so that all see the same machine.

    With one thread it is that thread's own time, which is the time that passes on an idle machine.
    """
    clock = time.thread_time if threads == 1 else time.perf_counter
    chip = np.random.default_rng(0).integers(0, 256, (112, 112, 3), np.uint8)
    runners = {file.stem: Runner(file, threads) for file in files}
    spent: dict[str, list[float]] = {name: [] for name in runners}
    end = time.perf_counter() + _SECONDS
    while time.perf_counter() < end:
        for name, runner in runners.items():
            runner.load(chip)
            start = clock()
            runner.invoke()
            spent[name].append((clock() - start) * 1000 / runner.batch)
    return {name: float(np.mean(sorted(ms)[: 1 + len(ms) // _QUICKEST])) for name, ms in spent.items()}


def memory(file: Path) -> dict[str, float]:
    """Mebibytes that loading and running the file adds to the process, and its partitions in a delegate."""
    before = _resident()
    runner = Runner(file)
    runner.load(np.zeros((112, 112, 3), np.uint8))
    runner.invoke()
    return {"mib": _resident() - before, "partitions": runner.operators().count("DELEGATE")}


def _resident() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / (1 << 20)


def main(command: str, *arguments: str) -> None:
    """embed FILE CHIPS OUT; time THREADS FILE...; memory FILE."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    if command == "embed":
        embed(*(Path(argument) for argument in arguments))
    elif command == "time":
        print(json.dumps(timed(int(arguments[0]), [Path(file) for file in arguments[1:]])))
    else:
        print(json.dumps(memory(Path(arguments[0]))))


if __name__ == "__main__":
    main(*sys.argv[1:])
