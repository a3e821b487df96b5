"""What a camera gives."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from edge.picture import Planes

SMALL_WIDTH = 640
"""Width of the small stream, pixels: a face that is large enough in the full frame to be recognised is 20 px
there, which is what the detector's smallest anchor finds without enlarging."""


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """One moment, in its small size. The full size stays with the camera until the next frame is asked for.

    number: counts up since the camera was opened; one that was missed is left out. time: steady seconds of
    the clock at which it was taken; a replay at full speed runs ahead of it. small: valid until the next
    frame is asked for. width, height: of the full frame, pixels.
    """

    number: int
    time: float
    small: Planes
    width: int
    height: int


class Capture(Protocol):
    """A source of frames as the camera's own process knows it. Used by one thread.

    Opening may raise CameraAbsent. No call waits for longer than it was told.
    """

    def next(self, wait_s: float) -> Frame:
        """The newest frame that was not given before. Raises CameraStalled: none came in wait_s seconds;
        CameraEnded: there will be none."""

    def region(self, left: int, top: int, width: int, height: int) -> Planes:
        """A part of the last frame in full size (pixels, all even, inside the frame)."""

    def flush(self) -> None:
        """Drop what is under way: the first thing to try when a camera stalls."""

    def close(self) -> None:
        """Give the device back."""
