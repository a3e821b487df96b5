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

LOST_S, _LOST_MISSES = 1.5, 3
"""A track is lost when it was not found for so long (seconds), and so many times: a hand before the face. Who
comes to that place then may be another, so only edge.attention, which knows faces, brings a lost one back."""

_PREDICTED_S = 0.5
"""For how long a face is expected to go on as it went (seconds)."""

_NEAR, _NEAR_PER_S, _NEAREST = 0.4, 2.5, 1.5
"""How far from where it is expected a face may be, in its own sides: at once, more per second, and at
most."""

_STILL_S, _NEAR_STILL = 5.0, 0.5
"""A face that has not moved for so long (seconds) is no further than this from its place: who passes before a
poster does not take it along."""

_GROWS, _GROWS_PER_S, _GROWS_MOST = 1.3, 0.8, 1.7
"""How many times larger or smaller it may have become: at once, more per second, and at most."""

_PER_GROWTH = 0.7
"""Sides of distance that a change of size by a factor of e counts as much as, where two faces claim one
track."""

_MOVES, _GROWN = 0.06, 1.12
"""A face that has stayed within so many of its own sides of where it was, and about as large, has not moved;
the boxes of a still picture jitter by half of that."""

_MOVED_TIMES, _MOVES_WITHIN_S = 4, 10.0
"""So many moves away from where it was, each so soon after the one before (seconds), make a face that moves:
two are another face before a poster, or a box that was amiss once."""

_JUMP = 0.5
"""A face that is so many of its sides away from where it was a moment ago may be another."""


@dataclass(slots=True, eq=False)
class Track:
    """One face through time. Boxes in pixels of the full frame, times in steady seconds.

    hits: detections; missed: looks in vain since. speed: sides per second, smoothed, right and down. home:
    the box it has not moved away from since `still_since`; moves: how often it has lately; moved: whether it
    ever did so often enough, which a picture on the wall does not. resumed: when it was seen again after a
    pause or a jump, in which another face may have taken its place.
    """

    face: Face
    first: float
    last: float
    home: Box
    still_since: float
    number: int
    hits: int = 1
    missed: int = 0
    speed: tuple[float, float] = (0.0, 0.0)
    moves: int = 0
    moved: bool = False
    resumed: float = float("-inf")

    @property
    def box(self) -> Box:
        """Where it was seen last."""
        return self.face.box

    @property
    def confirmed(self) -> bool:
        """Whether it was seen often enough to be somebody."""
        return self.hits >= CONFIRMED_HITS

    @property
    def seen_now(self) -> bool:
        """Whether it was found when last looked for."""
        return self.missed == 0

    def lost(self, time: float) -> bool:
        """Whether it has been away for so long that its place says no longer who comes there."""
        return self.missed >= _LOST_MISSES and time - self.last > LOST_S

    def expected(self, time: float) -> tuple[float, float]:
        """Where its middle should be by then."""
        passed, side = min(max(time - self.last, 0.0), _PREDICTED_S), _side(self.box)
        across, down = _middle(self.box)
        return across + self.speed[0] * side * passed, down + self.speed[1] * side * passed

    def reach(self, time: float) -> float:
        """How far from there it may be, in sides."""
        near = min(_NEAR + _NEAR_PER_S * (time - self.last), _NEAREST)
        return min(near, _NEAR_STILL) if self.last - self.still_since > _STILL_S else near

    def see(self, face: Face, time: float) -> None:
        """It was detected again."""
        passed, side = max(time - self.last, 1e-3), _side(face.box)
        (was_x, was_y), (is_x, is_y) = _middle(self.box), _middle(face.box)
        if self.missed >= _LOST_MISSES or math.hypot(is_x - was_x, is_y - was_y) > _JUMP * side:
            self.resumed = time
        share = min(passed / (passed + 0.2), 0.7)  # the box jitters: a few frames decide
        fresh = ((is_x - was_x) / side / passed, (is_y - was_y) / side / passed)
        self.speed = (
            self.speed[0] + share * (fresh[0] - self.speed[0]),
            self.speed[1] + share * (fresh[1] - self.speed[1]),
        )
        away = _distance(_middle(self.home), (is_x, is_y))
        if away > _MOVES * side or _ratio(self.home, face.box) > _GROWN:
            self.moves = 1 if time - self.still_since > _MOVES_WITHIN_S else self.moves + 1
            self.moved = self.moved or self.moves >= _MOVED_TIMES
            self.home, self.still_since = face.box, time
        self.face, self.last, self.missed = face, time, 0
        self.hits += 1


class Tracker:
    """The tracks of one camera. Used by one thread."""

    def __init__(self) -> None:
        self.tracks: list[Track] = []
        self._numbers = 0

    def follow(self, faces: Sequence[Face], time: float) -> None:
        """Give each face to the track that expected it, nearest first; a face that nobody expected begins
        one."""
        waiting = {id(track) for track in self.tracks}
        for track in self.tracks:
            track.missed += 1
        given: set[int] = set()
        for _, track, index in sorted(self._pairs(faces, time), key=lambda pair: pair[0]):
            if id(track) in waiting and index not in given:
                waiting.remove(id(track))
                given.add(index)
                track.missed -= 1
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
            if track.lost(time):
                continue
            grows = min(_GROWS + _GROWS_PER_S * (time - track.last), _GROWS_MOST)
            expected, reach = track.expected(time), track.reach(time)
            for index, face in enumerate(faces):
                ratio = _ratio(track.box, face.box)
                side = max(_side(track.box), _side(face.box))
                away = _distance(expected, _middle(face.box)) / side
                if ratio <= grows and away <= reach:
                    yield away + _PER_GROWTH * math.log(ratio), track, index


def _middle(box: Box) -> tuple[float, float]:
    return box.left + box.width / 2, box.top + box.height / 2


def _side(box: Box) -> float:
    return max(math.sqrt(box.width * box.height), 1.0)


def _distance(one: tuple[float, float], other: tuple[float, float]) -> float:
    return math.hypot(one[0] - other[0], one[1] - other[1])


def _ratio(one: Box, other: Box) -> float:
    ratio = _side(one) / _side(other)
    return max(ratio, 1 / ratio)
