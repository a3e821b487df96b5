"""views of one face through time -> belief: whose it is, by all that was seen of it so far.

One blurred frame decides nothing. Views are averaged, weighted by what was measured of them, and the mean is
compared with the gallery. It must be as near as strangers get three times more rarely than the installer
allows for one photograph: many looks at one stranger are many tries. What lies between "known" and "certainly
a stranger" stays open.
"""

from __future__ import annotations

import enum
import functools
import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from edge import match
from edge.calibration import Calibration, calibration_of
from edge.face import Vector
from edge.gallery import Gallery, unit
from edge.match import Kind

STRICTER = 0.3
"""Strangers that may be named, in those that the setting false_positive_rate allows for one photograph."""

LOOSER = 3.0
"""Somebody is a stranger only if so many times more strangers get as near to the nearest person."""

LEAST_VIEWS = 2
"""Views that name somebody: two moments that agree."""

GOOD_VIEWS = 3
"""Good views before a stranger is somebody. None of them alone may be near anybody: known people have bad
moments."""

TELLING = 0.65
"""Views that weigh less than this share of the best one do not count beside it: somebody who comes nearer is
seen better and better, and what was seen from afar would spoil the mean."""

_SAME, _REJOIN = -2.0, -5.0
"""log10 of the strangers who are as near to one view: of the same face while it is followed, and of one that
comes back after it was lost. Blurred and turned views of one visit stay nearer than one stranger in 100;
whoever takes two people for one a moment longer loses little, for a name needs more. Whoever rejoins takes
the name over."""

_MOST_VIEWS = 32
"""Views that are kept, the best ones: somebody may be in view for days."""


@dataclass(frozen=True, slots=True)
class Alike:
    """Cosines of an embedder from which two views are the same face (see _SAME, _REJOIN)."""

    same: float
    rejoin: float


@functools.cache
def alike(model: str) -> Alike:
    """Of that embedder. Raises ModelError."""
    tail = calibration_of(model).tail(1)
    return Alike(tail.score(_SAME), tail.score(_REJOIN))


@dataclass(frozen=True, slots=True, eq=False)
class View:
    """One embedded look at a face.

    vector: of length 1, of one embedder. weight: how much it counts, above 0. good: whether it is fit to
    remember somebody by. time: steady seconds.
    """

    vector: Vector
    weight: float
    good: bool
    time: float


Crowd = Callable[[int], int]
"""Among how many people a stranger might be taken for the one of that row
(edge.recognize.Recognizer.crowd)."""


class Opinion(enum.StrEnum):
    """What the views say."""

    OPEN = "open"
    KNOWN = "known"
    STRANGER = "stranger"


@dataclass(frozen=True, slots=True)
class Belief:
    """person_row: of the known one. similarity: percent, as in Verdict."""

    opinion: Opinion
    person_row: int | None
    similarity: float | None


OPEN = Belief(Opinion.OPEN, None, None)


class Evidence:
    """The views of one face, all of one embedder. Used by one thread."""

    def __init__(self, model: str) -> None:
        """model: the embedder. Raises ModelError."""
        self.model = model
        self.alike = alike(model)
        self.views: list[View] = []
        self._against = 0

    @property
    def mean(self) -> Vector:
        """The weighted mean of the telling views, of length 1. There must be one."""
        telling = self._telling()
        weights = np.array([view.weight for view in telling], np.float32)
        return unit(weights @ np.stack([view.vector for view in telling]))

    @property
    def good(self) -> int:
        """How many views are good."""
        return sum(view.good for view in self.views)

    @property
    def doubted(self) -> bool:
        """Whether the last view showed somebody else."""
        return self._against > 0

    @property
    def contradicted(self) -> bool:
        """Whether the last two views showed somebody else."""
        return self._against >= 2

    def add(self, view: View) -> None:
        """One more. One that shows another face does not count; `contradicted` tells when they go on."""
        if self.views and float(view.vector @ self.mean) < self.alike.same:
            self._against += 1
            if len(self.views) > 1 or not view.weight > self.views[0].weight:
                return
            self.views.clear()  # of two that disagree the better one stays
        self._against = 0
        self.views.append(view)
        if len(self.views) > _MOST_VIEWS:
            self.views.remove(min(self.views, key=lambda one: one.weight))

    def belief(
        self, calibration: Calibration, gallery: Gallery, rate: float, crowd: Crowd, *, final: bool
    ) -> Belief:
        """Whose face it is. rate: the setting false_positive_rate. final: no more views are to be had soon;
        until then somebody who is not known is not taken for a stranger.
        """
        if len(self.views) < LEAST_VIEWS:
            return OPEN
        nearest = gallery.nearest(self.mean)
        people = crowd(nearest[0].person_row) if nearest else 0
        verdict = match.decide(calibration, nearest, people, rate * STRICTER)
        if verdict.kind is Kind.MATCH:
            similarity = match.decide(calibration, nearest, people, rate).similarity
            return Belief(Opinion.KNOWN, verdict.person_row, similarity)
        if not final or verdict.kind is Kind.AMBIGUOUS or self.good < GOOD_VIEWS:
            return OPEN
        if self._nobody(calibration, gallery, rate, crowd):
            return Belief(Opinion.STRANGER, None, verdict.similarity)
        return OPEN

    def _nobody(self, calibration: Calibration, gallery: Gallery, rate: float, crowd: Crowd) -> bool:
        """Whether it is certainly nobody: neither all views together nor a good one alone come near
        anybody."""

        def far(vector: Vector, at: float) -> bool:
            nearest = gallery.nearest(vector)
            people = crowd(nearest[0].person_row) if nearest else 0
            return match.decide(calibration, nearest, people, min(at, 0.5)).kind is Kind.UNKNOWN

        good = [view.vector for view in self.views if view.good]
        return far(self.mean, rate * LOOSER) and all(far(vector, rate) for vector in good)

    def _telling(self) -> list[View]:
        best = sorted(self.views, key=lambda view: -view.weight)
        return [
            view
            for number, view in enumerate(best)
            if number < LEAST_VIEWS or view.weight >= TELLING * best[0].weight
        ]


def weight(usefulness: float, sharpness: float, side: float) -> float:
    """How much a view counts, above 0.

    usefulness: of edge.quality, 0..1. sharpness: 0..1, full from 0.3. side: the shorter side of the face in
    pixels; more of them tell more, up to 200.
    """
    return max(usefulness, 0.05) * min(max(sharpness / 0.3, 0.2), 1.0) * min(max(side / 64, 0.3), 200 / 64)


def usable(side: float, yaw: float) -> float:
    """How promising a face is before it is embedded, 0..1: large and frontal. side: pixels; yaw: degrees."""
    return min(side / 96, 1.0) * math.cos(math.radians(min(abs(yaw), 80.0)))
