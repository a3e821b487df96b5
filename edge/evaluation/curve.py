"""How many of the right are accepted when only so many of the wrong may be: the ROC of pairs, and DIR
against FPIR of an open-set search, are the same arithmetic."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from edge.evaluation.intervals import NOTHING, Estimate, Floats, Ints, clustered, percentiles, widened

LEAST_WRONG = 10
"""A rate is reported when it lets so many of the wrong pass: of fewer nobody could say how many it were in
another sample."""

_SPARE = 4
"""How much further down the wrong scores a bootstrap may have to look than the estimate itself."""


@dataclass(frozen=True, slots=True, eq=False)
class Trials:
    """Scores of what should be accepted and of what should not, with the identities behind them.

    right: g scores; right_owners: g identities. wrong: the highest scores, falling, perhaps not all;
    wrong_owners: their identities, k x 1 or (both people of a pair) k x 2. wrong_total: how many there
    are altogether, for weights of the identities (times x identities -> times).
    """

    right: Floats
    right_owners: Ints
    wrong: Floats
    wrong_owners: Ints
    wrong_total: Callable[[Floats], Floats]
    identities: int

    @property
    def wrong_count(self) -> int:
        """All wrong scores, those included that are not kept."""
        return round(float(self.wrong_total(np.ones((1, self.identities)))[0]))


@dataclass(frozen=True, slots=True)
class Point:
    """At most false_rate of the wrong lie above the threshold; true_rate of the right do."""

    false_rate: float
    threshold: float
    true_rate: Estimate


def points(
    trials: Trials, false_rates: Sequence[float], weights: Floats, least: int = LEAST_WRONG
) -> list[Point]:
    """One point for each rate (0..1). weights: see intervals.resampled; no rows, no intervals.

    A score is accepted when it is above the threshold. Threshold and share are NaN where the rate lets fewer
    than `least` of the wrong pass, and where the wrong scores that were kept do not reach down so far.
    """
    limit = min(len(trials.wrong), round(max(false_rates) * trials.wrong_count * _SPARE) + 1000)
    cut = _Cut(trials, limit)
    once = cut.at(np.ones(trials.identities), false_rates)
    again = np.array([cut.at(row, false_rates)[1] for row in weights]).reshape(len(weights), len(false_rates))
    people = len(np.unique(trials.right_owners))
    enough = [rate * trials.wrong_count * (1 + 1e-9) >= least for rate in false_rates]
    return [
        Point(
            rate,
            float(once[0][place]),
            widened(percentiles(float(once[1][place]), again[:, place]), people),
        )
        if enough[place]
        else Point(rate, math.nan, NOTHING)
        for place, rate in enumerate(false_rates)
    ]


class _Cut:
    """The scores in order, so that a set of weights costs two cumulative sums."""

    def __init__(self, trials: Trials, limit: int) -> None:
        order = np.argsort(-trials.right, kind="stable")
        self._right, self._right_owners = -trials.right[order], trials.right_owners[order]
        self._wrong, self._wrong_owners = trials.wrong[:limit], trials.wrong_owners[:limit]
        self._total = trials.wrong_total
        self._whole = limit == trials.wrong_count

    def at(self, weights: Floats, false_rates: Sequence[float]) -> tuple[Floats, Floats]:
        """Thresholds and true rates."""
        above = np.cumsum(weights[self._wrong_owners].prod(axis=1))
        total = float(self._total(weights[np.newaxis])[0])
        allowed = np.array(false_rates) * total * (1 + 1e-9)
        places = np.searchsorted(above, allowed, side="right")
        beyond = -math.inf if self._whole else math.nan
        thresholds = np.append(self._wrong, beyond)[np.minimum(places, len(self._wrong))]
        accepted = np.concatenate([[0.0], np.cumsum(weights[self._right_owners])])
        if accepted[-1] == 0:
            return thresholds, np.full(len(false_rates), math.nan)
        shares = accepted[np.searchsorted(self._right, -thresholds, side="left")] / accepted[-1]
        return thresholds, np.where(np.isnan(thresholds), math.nan, shares)


def equal_error(trials: Trials) -> float:
    """The rate (0..1) at which as many of the wrong are accepted as of the right are not: the larger of the
    two, where it is smallest. NaN when the wrong scores that were kept do not reach down so far."""
    if len(trials.right) == 0 or len(trials.wrong) == 0:
        return math.nan
    false = np.searchsorted(-trials.wrong, -trials.wrong, side="left") / trials.wrong_count
    missed = np.searchsorted(np.sort(trials.right), trials.wrong, side="right") / len(trials.right)
    larger = np.maximum(false, missed)
    best = int(np.argmin(larger))
    if best == len(larger) - 1 and len(larger) < trials.wrong_count:
        return math.nan
    return float(larger[best])


def accepted_at(trials: Trials, threshold: float, weights: Floats) -> tuple[float, Estimate]:
    """Shares of the wrong (NaN: too low to be known) and of the right at or above a given threshold."""
    reach = len(trials.wrong) == trials.wrong_count or (
        len(trials.wrong) > 0 and threshold > trials.wrong[-1]
    )
    above = int((trials.wrong >= threshold).sum())
    false = above / trials.wrong_count if reach and trials.wrong_count else math.nan
    return false, clustered(trials.right >= threshold, trials.right_owners, weights)
