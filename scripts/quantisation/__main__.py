"""python -m quantisation: builds every way, measures it on both runtimes, prints the table."""

import argparse
import hashlib
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np

from quantisation import chips, variants, verification
from quantisation.verification import Scores, Vectors

_MODULE = ["-m", "quantisation.runtimes"]
_HEAD = (
    "| way | cosine to float, mean / lowest | pairs % | TAR % at FAR 1e-3 / 1e-4 | kB | MiB | partitions "
    "| LiteRT ms, 1 / 2 threads | tflite-runtime ms, 1 / 2 threads |"
)


def main() -> int:
    """Prints one row after the other."""
    options = _options()
    folder = options.work / "variants"
    files = variants.made(options.work / "archives", folder, options.only)
    names, cache = verification.photographs(options.lfw), options.work / "lfw-chips.npz"
    names, _ = chips.aligned(options.lfw, names, cache)
    official = verification.pairs(options.lfw, names)
    exact = _embedded(folder / f"{variants.EXACT}.tflite", cache)
    speeds = [
        _times(python, threads, files) for python in (sys.executable, options.other) for threads in (1, 2)
    ]
    print(
        f"{len(names)} photographs, {len(official.same)} pairs\n\n{_HEAD}\n|{'---|' * (_HEAD.count('|') - 1)}"
    )
    for file in files:
        measured = verification.scores(_embedded(file, cache), exact, official, names)
        print(_row(file, measured, [speed[file.stem] for speed in speeds]), flush=True)
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("lfw", type=Path)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--other", type=Path, required=True, help="Python of the other runtime")
    parser.add_argument("--only", nargs="*", default=[])
    return parser.parse_args()


def _embedded(file: Path, cache: Path) -> Vectors:
    """Kept beside the file under the hash of its bytes: embedding takes minutes."""
    digest = hashlib.sha256(file.read_bytes() + str(cache.stat().st_mtime_ns).encode()).hexdigest()[:16]
    out = file.with_name(f"{file.stem}-{digest}.npy")
    if not out.exists():
        subprocess.run([sys.executable, *_MODULE, "embed", file, cache, out], check=True)
    vectors: Vectors = np.load(out)
    return vectors


def _times(python: Any, threads: int, files: list[Path]) -> dict[str, float]:
    return _told([python, *_MODULE, "time", str(threads), *files])


def _told(command: list[Any]) -> dict[str, float]:
    told = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    found: dict[str, float] = json.loads(told.splitlines()[-1])
    return found


def _row(file: Path, measured: Scores, ms: list[float]) -> str:
    memory = _told([sys.executable, *_MODULE, "memory", file])
    rates = " / ".join(f"{rate * 100:.2f}" for rate in measured.rates)
    return (
        f"| {file.stem} | {measured.cosine:.5f} / {measured.lowest:.5f} | {measured.accuracy * 100:.2f} | {rates} "
        f"| {file.stat().st_size / 1000:.0f} | {memory['mib']:.1f} | {memory['partitions']:.0f} "
        f"| {ms[0]:.1f} / {ms[1]:.1f} | {ms[2]:.1f} / {ms[3]:.1f} |"
    )


if __name__ == "__main__":
    sys.exit(main())
