"""references of one person -> those that disagree with the rest. Nothing is set aside here.

Each reference is compared with the template of the others (leave one out). The worst goes first and is then
left out of the others' templates: a wrong face among three would else pull the two right ones down
(docs/quality.md).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from edge.calibration import Calibration
from edge.face import Vector
from edge.gallery import unit
from edge.match import USUAL_RATE, similarity_percent

OUTLIER_RATE = 0.01
"""A reference disagrees with a person's others when more strangers than this are as similar to them."""

LEAST_ALIKE = similarity_percent(math.log10(OUTLIER_RATE), USUAL_RATE)
"""That as a similarity in percent."""


@dataclass(frozen=True, slots=True)
class Disagreement:
    """The index of a reference, and its similarity in percent to the template of the others."""

    index: int
    similarity: float


def disagreeing(vectors: Vector, calibration: Calibration) -> list[Disagreement]:
    """The references (n x d, unit vectors of one model) unlike the person's others, worst first.

    Of two that disagree nothing tells which one is wrong: both are given.
    """
    left = list(range(len(vectors)))
    found: list[Disagreement] = []
    while len(left) > 1:
        scores = [_score(vectors[one], vectors[[other for other in left if other != one]]) for one in left]
        worst = int(np.argmin(scores))
        similarity = _similarity(scores[worst], len(left) - 1, calibration)
        if similarity >= LEAST_ALIKE:
            break
        if len(left) == 2:
            return [*found, *(Disagreement(one, similarity) for one in left)]
        found.append(Disagreement(left.pop(worst), similarity))
    return found


def similarity_to(vector: Vector, others: Vector, calibration: Calibration) -> float:
    """Similarity in percent of a unit vector and the template of these references (n x d, n at least 1).

    How rarely a stranger gets so near to one person: nobody else is asked for.
    """
    return _similarity(_score(vector, others), len(others), calibration)


def _score(vector: Vector, others: Vector) -> float:
    return float(unit(unit(others).mean(axis=0)) @ vector)


def _similarity(score: float, references: int, calibration: Calibration) -> float:
    return similarity_percent(calibration.log_rate(score, 1, references), USUAL_RATE)
