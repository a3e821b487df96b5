"""A replay: what a folder or a clip shows, at the times at which a camera would have given it."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from edge.camera.frame import Frame
from edge.camera.sizes import small_size
from edge.camera.spec import Spec
from edge.clock import Clock
from edge.errors import CameraEnded, CameraError, CameraStalled, PictureError
from edge.picture import Plane, Planes

_ROUNDING_S = 0.002
"""Media that count milliseconds are off by this much at most."""

_MOST_BAD = 100
"""Pictures that cannot be decoded, one after another, which end a replay: it might loop for ever."""

_log = logging.getLogger(__name__)


class Still(Protocol):
    """One picture of a reel. width, height: of its full size, pixels, even."""

    width: int
    height: int

    def planes(self, width: int, height: int) -> Planes:
        """In that size (pixels, even). Raises PictureError."""


class Reel(Protocol):
    """What can be played more than once."""

    def stills(self) -> Iterator[tuple[float, Still]]:
        """From the beginning: seconds of the media, rising, and what is seen then."""

    def close(self) -> None:
        """Let go of the file."""


@dataclass(frozen=True, slots=True)
class _Moment:
    """A still that is to be shown at a steady time (seconds)."""

    number: int
    time: float
    still: Still


class Replay:
    """Plays a reel as a camera of spec.fps would have seen it: one still of each 1/fps of the media.

    In real time a still that nobody asked for in time is missed, as with a camera.
    """

    def __init__(self, reel: Reel, spec: Spec, clock: Clock) -> None:
        self._reel = reel
        self._spec = spec
        self._clock = clock
        self._begun = clock.steady()
        self._number = 0
        self._base = 0.0  # media seconds of the rounds played before
        self._cell = -1
        self._last = 0.0
        self._stills = reel.stills()
        self._early: _Moment | None = None  # its time had not come
        self._ready: tuple[Frame, Still] | None = None
        self._given = Given(spec.rotation)
        self._bad = 0

    def next(self, wait_s: float) -> Frame:
        """See Capture."""
        end = self._clock.steady() + wait_s
        while self._ready is None:
            moment, self._early = self._early or self._step(), None
            if self._spec.full_speed or self._is_time(moment, end):
                self._ready = self._shown(moment)
        (frame, still), self._ready = self._ready, None
        self._given.give(still)
        return frame

    def ahead(self) -> None:
        """Prepare the frame that will be asked for next, while nobody waits. Only at full speed: in real time
        the next one is not known yet."""
        try:
            while self._spec.full_speed and self._ready is None:
                self._ready = self._shown(self._step())
        except CameraError:
            return  # whoever asks for it is told

    def region(self, left: int, top: int, width: int, height: int) -> Planes:
        """See Capture."""
        return self._given.region(left, top, width, height)

    def flush(self) -> None:
        """Nothing is under way."""

    def close(self) -> None:
        """See Capture."""
        self._reel.close()

    def _is_time(self, moment: _Moment, end: float) -> bool:
        """Waits for it; False when it was missed. Raises CameraStalled: it does not come before the end."""
        now = self._clock.steady()
        if now - moment.time > 1 / self._spec.fps and now < end:
            return False
        time.sleep(max(0.0, min(moment.time, end) - now))
        if moment.time > end:
            self._early = moment
            raise CameraStalled("the next picture of the replay is not due yet")
        return True

    def _shown(self, moment: _Moment) -> tuple[Frame, Still] | None:
        """None: it cannot be decoded."""
        still = moment.still
        try:
            small = self._given.small(still)
        except PictureError as error:
            _log.warning("a picture of the replay is left out: %s", error.message)
            self._bad += 1
            if self._bad >= _MOST_BAD:
                raise CameraEnded(f"{_MOST_BAD} pictures in a row cannot be decoded") from error
            return None
        self._bad = 0
        return Frame(moment.number, moment.time, small, still.width, still.height), still

    def _step(self) -> _Moment:
        """The first still of the next 1/fps of the media that has any. Raises CameraEnded."""
        played = True
        while True:
            for at, still in self._stills:
                played = True
                self._last = max(self._last, self._base + at)
                cell = int((self._last + _ROUNDING_S) * self._spec.fps)
                if cell > self._cell:
                    self._cell = cell
                    self._number += 1
                    return _Moment(self._number, self._begun + self._last, still)
            if not self._spec.loop or not played:
                raise CameraEnded(f"{self._spec.target}: the replay has come to its end")
            played = False
            self._base = self._last + 1 / self._spec.fps
            self._stills = self._reel.stills()


class Given:
    """The still that was given last, in full size once somebody asks for a part of it."""

    def __init__(self, rotation: int) -> None:
        """rotation: 0 or 180 degrees."""
        self._rotation = rotation
        self._still: Still | None = None
        self._full: Planes | None = None

    def give(self, still: Still) -> None:
        """From now on parts are of this one."""
        self._still, self._full = still, None

    def small(self, still: Still) -> Planes:
        """A still as the small stream has it, upright. Raises PictureError."""
        return self._turned(still.planes(*small_size(still.width, still.height)))

    def region(self, left: int, top: int, width: int, height: int) -> Planes:
        """See Capture."""
        if self._still is None:
            raise ValueError("a region before the first frame")
        if self._full is None:
            self._full = self._turned(self._still.planes(self._still.width, self._still.height))
        return part(self._full, left, top, width, height)

    def _turned(self, planes: Planes) -> Planes:
        return turned(planes) if self._rotation == 180 else planes


def turned(planes: Planes) -> Planes:
    """Upside down; the same memory."""
    return Planes(planes.y[::-1, ::-1], planes.u[::-1, ::-1], planes.v[::-1, ::-1])


def part(planes: Planes, left: int, top: int, width: int, height: int) -> Planes:
    """A part (pixels, all even); the same memory."""

    def cut(plane: Plane, by: int) -> Plane:
        return plane[top // by : (top + height) // by, left // by : (left + width) // by]

    return Planes(cut(planes.y, 1), cut(planes.u, 2), cut(planes.v, 2))
