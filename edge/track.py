"""faces of one frame -> tracks: which face is the one that was there before?

A track says where a face is and was. Whose it is, is edge.evidence's business.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from edge.face import Box, Face

CONFIRMED_HITS = 3
"""Detections after which a track is somebody: what the detector takes for a face once or twice is not."""

LOST_S = 1.5
"""Seconds without a detection after which a track is lost: a hand before the face, a look aside."""

_PAUSE_S = 1.2
"""A longer one than that between two looks at a still scene."""

_NEAR, _NEAR_LOST = 1.0, 2.0
"""How far a face may be from where it is expected, in its own sides; from one that was not seen just now."""

_GROWS = 1.7
"""How much larger or smaller a face may have become since it was seen last."""

_STILL = 0.06
"""A face that has stayed within so many of its own sides of where it was has not moved; the boxes of a still
picture jitter by half of that."""


@dataclass(slots=True, eq=False)
class Track:
    """One face through time. Boxes in pixels of the full frame, times in steady seconds.

    hits: detections. speed: sides per second, smoothed, right and down. home: the box it has not moved away
    from since `still_since`. moved: whether it ever has moved. resumed: when it was seen
    again after a pause in which another face may have taken its place.
    """

    face: Face
    first: float
    last: float
    home: Box
    still_since: float
    number: int
    hits: int = 1
    speed: tuple[float, float] = (0.0, 0.0)
    moved: bool = False
    seen_now: bool = True
    resumed: float = float("-inf")

    @property
    def box(self) -> Box:
        """Where it was seen last."""
        return self.face.box

    @property
    def confirmed(self) -> bool:
        """Whether it was seen often enough to be somebody."""
        return self.hits >= CONFIRMED_HITS

    def expected(self, time: float) -> tuple[float, float]:
        """Where its middle should be by then; it does not run on for longer than it is not lost."""
        passed = min(max(time - self.last, 0.0), LOST_S)
        side = _side(self.box)
        across, down = _middle(self.box)
        return across + self.speed[0] * side * passed, down + self.speed[1] * side * passed

    def see(self, face: Face, time: float) -> None:
        """It was detected again."""
        passed, side = max(time - self.last, 1e-3), _side(face.box)
        if passed > _PAUSE_S:
            self.resumed = time
        (was_x, was_y), (is_x, is_y) = _middle(self.box), _middle(face.box)
        share = min(passed / (passed + 0.2), 0.7)  # the box jitters: a few frames decide
        fresh = ((is_x - was_x) / side / passed, (is_y - was_y) / side / passed)
        self.speed = (
            self.speed[0] + share * (fresh[0] - self.speed[0]),
            self.speed[1] + share * (fresh[1] - self.speed[1]),
        )
        if _distance(_middle(self.home), (is_x, is_y)) > _STILL * side or _ratio(self.home, face.box) > 1.12:
            self.moved = self.moved or self.hits > 1
            self.home, self.still_since = face.box, time
        self.face, self.last, self.hits, self.seen_now = face, time, self.hits + 1, True


class Tracker:
    """The tracks of one camera. Used by one thread."""

    def __init__(self) -> None:
        self.tracks: list[Track] = []
        self._numbers = 0

    def follow(self, faces: Sequence[Face], time: float) -> None:
        """Give each face to the track that expected it, nearest first; a face that nobody expected begins
        one."""
        for track in self.tracks:
            track.seen_now = False
        pairs = sorted(self._pairs(faces, time), key=lambda pair: pair[0])
        given: set[int] = set()
        for _, track, index in pairs:
            if not track.seen_now and index not in given:
                given.add(index)
                track.see(faces[index], time)
        for index, face in enumerate(faces):
            if index not in given:
                self._numbers += 1
                self.tracks.append(Track(face, time, time, face.box, time, self._numbers))

    def drop(self, tracks: Iterable[Track]) -> None:
        """These are over."""
        over = {id(track) for track in tracks}
        self.tracks = [track for track in self.tracks if id(track) not in over]

    def _pairs(self, faces: Sequence[Face], time: float) -> Iterable[tuple[float, Track, int]]:
        for track in self.tracks:
            expected = track.expected(time)
            reach = _NEAR if time - track.last <= LOST_S else _NEAR_LOST
            for index, face in enumerate(faces):
                if _ratio(track.box, face.box) > _GROWS:
                    continue
                side = max(_side(track.box), _side(face.box))
                away = _distance(expected, _middle(face.box)) / side
                overlap = track.box.overlap(face.box)
                if away <= reach or overlap > 0:
                    yield away - overlap, track, index


def _middle(box: Box) -> tuple[float, float]:
    return box.left + box.width / 2, box.top + box.height / 2


def _side(box: Box) -> float:
    return max(math.sqrt(box.width * box.height), 1.0)


def _distance(one: tuple[float, float], other: tuple[float, float]) -> float:
    return math.hypot(one[0] - other[0], one[1] - other[1])


def _ratio(one: Box, other: Box) -> float:
    ratio = _side(one) / _side(other)
    return max(ratio, 1 / ratio)
