"""What every peer program does alike: a JSON line in for each photograph, one out with what was seen in it.

    in   {"path": "..."}
    out  {"width", "height", "boxes": [[left, top, width, height]...], "vectors": [[...] or null...],
          "detect_s", "wall_s", "cpu_s", "peak_bytes"}   or   {..., "refused": "why"}

The first line out, before anything is asked, says who answers: {"versions", "metric", "threshold"}.
Standard library only, so that it runs in any peer's environment.
"""

from __future__ import annotations

import importlib.metadata
import json
import os
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

COSINE = "cosine"
"""Two vectors are compared by their cosine."""

DISTANCE = "distance"
"""Two vectors are compared by the length of their difference."""


@dataclass(frozen=True)
class Seen:
    """The picture's size in pixels, the boxes (left, top, width, height) and a vector for each, or None."""

    width: int
    height: int
    boxes: Sequence[Sequence[float]]
    vectors: Sequence[Sequence[float] | None]


Look = Callable[[bytes, Callable[[], None]], Seen]
"""From a photograph's bytes to what is seen in it; calls its second argument once the faces are found."""


def answer(look: Look, versions: str, metric: str | None = None, threshold: float | None = None) -> None:
    """Say who answers, then answer until the standard input ends.

    versions: of what answers, for people to read. metric: how two vectors are compared, None where there are none. threshold: what this peer itself takes
    for the same person (a cosine at least, or a distance at most), None where it names none.
    """
    # Whatever a library prints must not come between the answers: it goes to the standard error.
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    _say(out, {"versions": versions, "metric": metric, "threshold": threshold})
    for line in sys.stdin:
        _say(out, _looked(look, Path(json.loads(line)["path"]).read_bytes()))


def versions_of(*packages: str) -> str:
    """Installed packages with their versions."""
    return ", ".join(f"{name} {importlib.metadata.version(name)}" for name in packages)


def _looked(look: Look, data: bytes) -> dict[str, object]:
    found_at: list[float] = []
    refused = None
    seen = Seen(0, 0, [], [])
    cpu, wall = time.process_time(), time.perf_counter()
    try:
        seen = look(data, lambda: found_at.append(time.perf_counter()))
    except Exception as error:  # one photograph that a library cannot take is no reason to leave the rest out
        refused = f"{type(error).__name__}: {error}"
    end, cpu_end = time.perf_counter(), time.process_time()
    vectors = [None if vector is None else [float(value) for value in vector] for vector in seen.vectors]
    return {
        "width": seen.width,
        "height": seen.height,
        "boxes": [[float(value) for value in box] for box in seen.boxes],
        "vectors": vectors,
        "detect_s": (found_at[0] if found_at else end) - wall,
        "wall_s": end - wall,
        "cpu_s": cpu_end - cpu,
        "peak_bytes": _peak_bytes(),
        "refused": refused,
    }


def _peak_bytes() -> int:
    """The most memory that this process ever had resident. getrusage would count the parent's, from before exec."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    return 0


def _say(out, what: dict[str, object]) -> None:
    out.write(json.dumps(what) + "\n")
    out.flush()
