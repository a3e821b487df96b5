"""Verification: do two photographs show the same person?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge.evaluation.curve import Trials
from edge.evaluation.intervals import Estimate, Floats, Ints, percentiles, widened
from edge.face import Vector

MISSING = -1.0
"""Score of a pair of which one photograph has no face: nobody is accepted with it."""

KEPT = 1_000_000
"""Highest scores between strangers that are kept; the others only count."""

BINS = np.linspace(-1.0, 1.0, 801)
"""Edges of the histograms of scores."""

_ROWS = 512
"""Rows of scores that are in memory at a time."""

_Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Side:
    """Photographs that stand on one side of comparisons: n x d embeddings (NaN: no face), whom they show,
    and which photograph each is (the same number on both sides: the same photograph)."""

    vectors: Vector
    owners: Ints
    photographs: Ints


@dataclass(frozen=True, slots=True, eq=False)
class Crossed:
    """All comparisons of two sides. Histograms: counts between BINS, of the same and of different people."""

    trials: Trials
    same_histogram: Ints
    different_histogram: Ints


def scores_of(one: Vector, other: Vector) -> Floats:
    """Cosine of each row with the row beside it; MISSING where one of them is NaN."""
    scores: Floats = np.nan_to_num(np.einsum("ij,ij->i", one, other), nan=MISSING).astype(np.float64)
    return scores


def crossed(one: Side, other: Side | None, identities: int, kept: int = KEPT) -> Crossed:
    """Every photograph of one side with every other photograph of the other side; None: of the same side,
    each pair once. In blocks: n x m scores are never in memory at once."""
    across = one if other is None else other
    right: list[Floats] = []
    right_owners: list[Ints] = []
    best = _Best(kept)
    histograms = np.zeros((2, len(BINS) - 1), np.int64)
    for start in range(0, len(one.vectors), _ROWS):
        rows = np.arange(start, min(start + _ROWS, len(one.vectors)))
        scores = np.nan_to_num(one.vectors[rows] @ across.vectors.T, nan=MISSING)
        same = one.owners[rows, np.newaxis] == across.owners[np.newaxis]
        if other is None:
            counted = rows[:, np.newaxis] < np.arange(len(across.vectors))[np.newaxis]
        else:
            counted = one.photographs[rows, np.newaxis] != across.photographs[np.newaxis]
        row, _ = np.nonzero(same & counted)
        right.append(scores[same & counted].astype(np.float64))
        right_owners.append(one.owners[rows][row])
        best.add(scores, ~same & counted, one.owners[rows], across.owners)
        for number, mask in enumerate((same & counted, ~same & counted)):
            histograms[number] += np.histogram(np.clip(scores[mask], -1, 1), BINS)[0]
    wrong, wrong_owners = best.sorted()
    total = _Total(one.owners, across.owners, identities, 0.5 if other is None else 1.0)
    trials = Trials(
        np.concatenate(right), np.concatenate(right_owners), wrong, wrong_owners, total, identities
    )
    return Crossed(trials, histograms[0], histograms[1])


class _Best:
    """The highest scores of all that were added, with the identities behind them."""

    def __init__(self, kept: int) -> None:
        self._kept = kept
        self._scores = np.empty(0, np.float32)
        self._owners = np.empty((0, 2), np.int32)
        self._least = -np.inf

    def add(self, scores: Vector, mask: _Mask, rows: Ints, columns: Ints) -> None:
        row, column = np.nonzero(mask & (scores > self._least))
        self._scores = np.concatenate([self._scores, scores[row, column]])
        owners = np.stack([rows[row], columns[column]], axis=1).astype(np.int32)
        self._owners = np.concatenate([self._owners, owners])
        if len(self._scores) > 2 * self._kept:
            self._cut()

    def sorted(self) -> tuple[Floats, Ints]:
        self._cut()
        order = np.argsort(-self._scores, kind="stable")
        return self._scores[order].astype(np.float64), self._owners[order].astype(np.int64)

    def _cut(self) -> None:
        if len(self._scores) > self._kept:
            best = np.argpartition(-self._scores, self._kept - 1)[: self._kept]
            self._scores, self._owners = self._scores[best], self._owners[best]
            self._least = float(self._scores.min())


class _Total:
    """Comparisons of different people, when each person counts `weights` times."""

    def __init__(self, one: Ints, other: Ints, identities: int, share: float) -> None:
        self._one = np.bincount(one, minlength=identities).astype(np.float64)
        self._other = np.bincount(other, minlength=identities).astype(np.float64)
        self._share = share

    def __call__(self, weights: Floats) -> Floats:
        every = (weights @ self._one) * (weights @ self._other)
        same = (weights * weights) @ (self._one * self._other)
        total: Floats = self._share * (every - same)
        return total


# -- official pairs -------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Accuracy:
    """Share of the pairs judged rightly: the mean of the folds, and by fold; thresholds by fold."""

    mean: Estimate
    folds: dict[int, Estimate]
    thresholds: dict[int, float]


def fold_accuracy(scores: Floats, same: _Mask, folds: Ints, owners: Ints, weights: Floats) -> Accuracy | None:
    """Each fold is judged at the threshold that is best on the other folds; None when there is only one.

    owners: the two identities of each pair, n x 2. A resampled pair counts as often as both its people
    were drawn, and thresholds are chosen anew each time: the intervals are on the wide side.
    """
    numbers = [int(number) for number in np.unique(folds)]
    if len(numbers) < 2:
        return None

    def judge(pair_weights: Floats) -> list[tuple[float, float]]:
        return [_judged(scores, same, folds == number, pair_weights) for number in numbers]

    once = judge(np.ones(len(scores)))
    different = owners[:, 0] != owners[:, 1]
    again = np.array(
        [
            [share for share, _ in judge(row[owners[:, 0]] * np.where(different, row[owners[:, 1]], 1.0))]
            for row in weights
        ]
    ).reshape(len(weights), len(numbers))
    estimates = [percentiles(once[place][0], again[:, place]) for place in range(len(numbers))]
    by_fold = {
        number: widened(estimate, _distinct(owners[folds == number]))
        for number, estimate in zip(numbers, estimates, strict=True)
    }
    mean = percentiles(float(np.mean([share for share, _ in once])), again.mean(axis=1))
    thresholds = {number: once[place][1] for place, number in enumerate(numbers)}
    return Accuracy(widened(mean, _distinct(owners)), by_fold, thresholds)


def _distinct(owners: Ints) -> int:
    """Independent tries among pairs: no more than there are pairs, or people."""
    return min(len(owners), len(np.unique(owners)))


def _judged(scores: Floats, same: _Mask, judged: _Mask, weights: Floats) -> tuple[float, float]:
    """The share that is right among the judged pairs, and the threshold, which the others chose."""
    threshold = best_threshold(scores[~judged], same[~judged], weights[~judged])
    right = (scores[judged] > threshold) == same[judged]
    total = float(weights[judged].sum())
    return (float(right @ weights[judged]) / total if total else float("nan")), threshold


def best_threshold(scores: Floats, same: _Mask, weights: Floats) -> float:
    """The lowest of the scores above which most pairs are judged rightly."""
    order = np.argsort(scores, kind="stable")
    ordered, signed = scores[order], np.where(same, -1.0, 1.0)[order] * weights[order]
    last = np.append(ordered[1:] != ordered[:-1], True)  # only behind the last of equal scores
    return float(ordered[last][int(np.argmax(np.cumsum(signed)[last]))])
