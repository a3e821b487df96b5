"""A camera that fails as it is told: `python -m tests.faulty_camera FOLDER SPEC SOCKET MEMORY`.

FOLDER/fault names the fault (no such file: none); FOLDER/calls is what was asked of the device, a word on
each line.
"""

from __future__ import annotations

import errno
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from edge.camera import child
from edge.camera.frame import Capture, Frame
from edge.camera.replay import part
from edge.camera.spec import Spec
from edge.errors import CameraAbsent, CameraStalled
from edge.picture import Planes

PERIOD_S = 0.02


class FaultyCamera:
    """Each frame is a gray level brighter than the one before."""

    def __init__(self, folder: Path, spec: Spec) -> None:
        self._folder = folder
        self._spec = spec
        self._number = 0
        self._leaked: list[bytes] = []
        self._note("open")
        match self.fault():
            case "absent":
                raise CameraAbsent("no camera on the cable")
            case "enomem":
                raise OSError(errno.ENOMEM, os.strerror(errno.ENOMEM))
            case "stalled until reopened":
                self._heal("open", 2)

    def fault(self) -> str:
        path = self._folder / "fault"
        return path.read_text() if path.exists() else ""

    def next(self, wait_s: float) -> Frame:
        fault = self.fault()
        if fault.startswith("stalled"):
            time.sleep(wait_s)
            raise CameraStalled("nothing came")
        if fault == "hung":
            time.sleep(3600)
        if fault == "broken":
            raise RuntimeError("the driver said something odd")
        if fault == "crashed":
            os._exit(7)
        if fault == "leaking":
            self._leaked.append(b"x" * (8 << 20))
        time.sleep(PERIOD_S)
        self._number += 1
        level = {"black": 0, "frozen": 77}.get(fault, 20 + self._number % 200)
        self._full = gray(level, self._spec.width, self._spec.height)
        small = gray(level, self._spec.width // 2, self._spec.height // 2)
        return Frame(self._number, time.monotonic(), small, self._spec.width, self._spec.height)

    def region(self, left: int, top: int, width: int, height: int) -> Planes:
        if self.fault() == "hung in region":
            time.sleep(3600)
        return part(self._full, left, top, width, height)

    def flush(self) -> None:
        self._note("flush")
        if self.fault() == "stalled until flushed":
            (self._folder / "fault").unlink()

    def close(self) -> None:
        self._note("close")

    def _heal(self, word: str, times: int) -> None:
        if (self._folder / "calls").read_text().split().count(word) >= times:
            (self._folder / "fault").unlink()

    def _note(self, word: str) -> None:
        with (self._folder / "calls").open("a") as file:
            file.write(f"{word}\n")


def gray(level: int, width: int, height: int) -> Planes:
    """A gray picture, darker by one in its left half."""
    y = np.full((height, width), level, np.uint8)
    y[:, : width // 2] -= 0 if level == 0 else 1
    chroma = np.full((height // 2, width // 2), 128, np.uint8)
    return Planes(y, chroma, chroma)


def opener(folder: Path) -> Callable[[Spec], Capture]:
    """Opens the camera of that folder."""
    return lambda spec: FaultyCamera(folder, spec)


if __name__ == "__main__":
    sys.exit(child.main(sys.argv[2:], opener(Path(sys.argv[1]))))
