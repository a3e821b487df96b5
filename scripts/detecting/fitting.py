"""Logistic regression, and how far a probability can be believed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]


def logistic(evidence: Floats, right: Flags, weight: Floats, ridge: float) -> Floats:
    """The weights (one for each column) that make `right` likeliest: Newton's method.

    The first column is the constant 1 and is not drawn to nought; ridge counts in weighted rows, per
    standard deviation of a column.
    """
    spread = evidence.std(axis=0)
    spread[0] = 1.0
    scaled = evidence / spread
    pull = np.full(evidence.shape[1], ridge)
    pull[0] = 0.0
    weights = np.zeros(evidence.shape[1])
    for _ in range(50):
        likely = probability(scaled, weights)
        slope = scaled.T @ (weight * (right - likely)) - pull * weights
        bend = (scaled * (weight * likely * (1 - likely))[:, np.newaxis]).T @ scaled + np.diag(pull)
        step = np.linalg.solve(bend, slope)
        weights += step
        if np.abs(step).max() < 1e-9:
            break
    return weights / spread


def probability(evidence: Floats, weights: Floats) -> Floats:
    """What the regression says of each row, 0..1."""
    likely: Floats = 1 / (1 + np.exp(-np.clip(evidence @ weights, -30, 30)))
    return likely


@dataclass(frozen=True)
class Bin:
    """Rows whose probability lies in one tenth: their weight, mean probability, and share that is right."""

    low: float
    rows: int
    weight: float
    said: float
    seen: float


def reliability(likely: Floats, right: Flags, weight: Floats) -> list[Bin]:
    """Said against seen, for each tenth that has rows."""
    bins = []
    for low in np.arange(10) / 10:
        inside = (likely >= low) & ((likely < low + 0.1) | (low > 0.85))
        if inside.any():
            share = weight[inside]
            said, seen = (float(np.average(values[inside], weights=share)) for values in (likely, right))
            bins.append(Bin(float(low), int(inside.sum()), float(share.sum()), said, seen))
    return bins


def calibration_error(bins: list[Bin]) -> float:
    """Expected calibration error: the mean of |said - seen| (Naeini et al., AAAI 2015)."""
    return sum(part.weight * abs(part.said - part.seen) for part in bins) / sum(part.weight for part in bins)
