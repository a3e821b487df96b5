"""When a frame is worth detecting in, and a face worth embedding. Times in steady seconds."""

from __future__ import annotations

from collections.abc import Sequence

from edge.evidence import Opinion
from edge.visit import Visit

_EAGER_S = 3.0
"""For so long after something began to move every frame is looked at."""

_RESTLESS_S = 0.4
"""Pause between looks while things move without a face: leaves, cars, a television."""

_FOLLOW_S = 0.25
"""Pause while those in view are known and move."""

_STILL_S = 1.0
"""Pause while those in view are known and nothing moves."""

_FURNITURE_S = 10.0
"""Pause while there are only faces that never move."""

IDLE_S = 30.0
"""Pause while nothing moves and nobody is there: what the gate has missed is found then."""

_MOVED_S = 1.0
"""Something moves if it has moved within so many seconds."""

_GAPS_S = (0.0, 0.25, 0.25, 0.25, 0.5, 0.75, 1.0, 1.5)
"""Pause before each of the first views while it is open who it is; then _GLANCE_S."""

_GLANCE_S = 15.0
"""Pause between the views of somebody who is known, to see that the track has not gone over to another, and
of somebody whom so many views could not decide."""

_BETTER = 1.2
"""A face that promises so many times more than any view before has its turn after the shortest pause."""

_WORSE = 0.6
"""One that promises less than this share waits, for up to two seconds."""

FIRST_VIEWS = len(_GAPS_S)
"""Views in the first seconds, if it takes so many: five seconds or so."""

_HOPELESS = 30
"""Frames with a face that never was large enough for a view."""

_RECENT_S = 1.0
"""Who was not seen for so long is not waited for with every frame."""


class Schedule:
    """When to run the detector. Used by one thread."""

    def __init__(self) -> None:
        self._detected_at = float("-inf")
        self._wanted_at: float | None = None
        self._moved_at = float("-inf")
        self._moving_since = float("-inf")

    def due(self, time: float, moved: bool, visits: Sequence[Visit]) -> bool:
        """Whether to detect in the frame of that time. moved: what the gate says of it."""
        if moved:
            if time - self._moved_at > _MOVED_S:
                self._moving_since = time
            self._moved_at = time
        due = time - self._detected_at >= self._pause(time, visits) - 1e-3
        if due and self._wanted_at is None:
            self._wanted_at = time
        return due

    def waited(self, time: float) -> float:
        """For how long a look has been due."""
        return 0.0 if self._wanted_at is None else time - self._wanted_at

    def detected(self, time: float, found: bool) -> None:
        """The detector has run. found: whether it saw anybody."""
        self._detected_at, self._wanted_at = time, None
        if found:
            self._moving_since = max(self._moving_since, time - _EAGER_S)

    def _pause(self, time: float, visits: Sequence[Visit]) -> float:
        moving = time - self._moved_at < _MOVED_S
        people = [visit for visit in visits if not visit.furniture]
        if any(_undecided(visit, time) for visit in people):
            return 0.0
        if people:
            return _FOLLOW_S if moving else _STILL_S
        if moving:
            return 0.0 if time - self._moving_since < _EAGER_S else _RESTLESS_S
        return _FURNITURE_S if visits else IDLE_S


def may_embed(visit: Visit, promise: float, time: float) -> bool:
    """Whether the face of a visit is worth a view now. promise: edge.evidence.usable, 0 for none at all."""
    age, since = time - visit.started, time - visit.embedded_at
    if promise <= 0 or visit.embedded >= FIRST_VIEWS + age // _GLANCE_S:
        return False
    if visit.embedded == 0:
        return visit.track.hits >= 2
    if visit.evidence.doubted or visit.track.resumed > visit.embedded_at:
        return since >= _GAPS_S[1] - 1e-3
    if visit.belief.opinion is not Opinion.OPEN:
        return since >= _GLANCE_S
    gap = _GAPS_S[visit.embedded] if visit.embedded < FIRST_VIEWS else _GLANCE_S
    if promise > _BETTER * visit.promising:
        gap = _GAPS_S[1]
    elif promise < _WORSE * visit.promising:
        gap = max(gap, 2.0)
    return since >= gap - 1e-3


def _undecided(visit: Visit, time: float) -> bool:
    """Whether more frames may tell who it is."""
    if visit.belief.opinion is not Opinion.OPEN or time - visit.last > _RECENT_S:
        return False
    return visit.embedded < FIRST_VIEWS and not (visit.embedded == 0 and visit.frames > _HOPELESS)
