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

OUTLIER_RATE = 0.01
"""A reference disagrees with a person's others when more strangers than this are as similar to them."""

_LOG_OUTLIER_RATE = math.log10(OUTLIER_RATE)


@dataclass(frozen=True, slots=True)
class Disagreement:
    """The index of a reference, and log10 of the share of strangers as near to the template of the others."""

    index: int
    log_rate: float


def disagreeing(vectors: Vector, calibration: Calibration) -> list[Disagreement]:
    """The references (n x d, unit vectors of one model) unlike the person's others, worst first.

    Of two that disagree nothing tells which one is wrong: both are given.
    """
    left = list(range(len(vectors)))
    found: list[Disagreement] = []
    while len(left) > 1:
        scores = [_score(vectors[one], vectors[[other for other in left if other != one]]) for one in left]
        worst = int(np.argmin(scores))
        log_rate = calibration.log_rate(scores[worst], 1, len(left) - 1)
        if log_rate <= _LOG_OUTLIER_RATE:
            break
        if len(left) == 2:
            return [*found, *(Disagreement(one, log_rate) for one in left)]
        found.append(Disagreement(left.pop(worst), log_rate))
    return found


def log_rate_to(vector: Vector, others: Vector, calibration: Calibration) -> float:
    """log10 of the share of strangers who are as near to the template of these references (n x d, n at least
    1) as a unit vector is: how rarely a stranger gets so near to one person, nobody else being asked for."""
    return calibration.log_rate(_score(vector, others), 1, len(others))


def _score(vector: Vector, others: Vector) -> float:
    return float(unit(unit(others).mean(axis=0)) @ vector)
