"""How far a measured share may be from the true one: 95 % intervals.

Photographs of one person resemble each other, so what is drawn anew in a bootstrap is people (all that
belongs to a person comes along, as often as the person was drawn), not photographs or pairs.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_Z = 1.959964
"""Standard deviations to either side that hold 95 % of a normal distribution."""

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Estimate:
    """A share (0..1) and its 95 % interval; NaN where nothing could be measured."""

    value: float
    low: float
    high: float


NOTHING = Estimate(math.nan, math.nan, math.nan)


def wilson(hits: int, tries: int) -> Estimate:
    """A share of independent tries: Wilson, "Probable inference, the law of succession, and statistical
    inference", JASA 1927. It stays honest at 0 hits and with few tries."""
    if tries == 0:
        return NOTHING
    share, square = hits / tries, _Z * _Z
    centre = (share + square / (2 * tries)) / (1 + square / tries)
    half = _Z / (1 + square / tries) * math.sqrt(share * (1 - share) / tries + square / (4 * tries * tries))
    return Estimate(share, min(max(centre - half, 0.0), share), max(min(centre + half, 1.0), share))


def resampled(identities: int, times: int, seed: int) -> Floats:
    """times x identities: how often each of them is drawn when as many are drawn with replacement."""
    if identities == 0:
        return np.ones((times, 0))
    rng = np.random.default_rng(seed)
    return rng.multinomial(identities, np.full(identities, 1 / identities), times).astype(np.float64)


def percentiles(value: float, replicates: Floats) -> Estimate:
    """The 2.5th and 97.5th percentile of what the bootstrap gave; the value itself always lies between."""
    there = replicates[np.isfinite(replicates)]
    if not math.isfinite(value) or len(there) == 0:
        return Estimate(value, math.nan, math.nan)
    low, high = np.quantile(there, (0.025, 0.975))
    return Estimate(value, min(float(low), value), max(float(high), value))


def widened(found: Estimate, distinct: int) -> Estimate:
    """Where the share is 0 or 1, no bootstrap could show that another sample might differ: the far end is
    then at least Wilson's, as if each of so many distinct identities had been tried once."""
    if found.value not in (0.0, 1.0):
        return found
    end = wilson(round(found.value) * distinct, distinct)
    return Estimate(found.value, float(np.fmin(found.low, end.low)), float(np.fmax(found.high, end.high)))


def clustered(hits: NDArray[np.bool_], owners: Ints, weights: Floats) -> Estimate:
    """A share of tries of which several belong to one identity.

    owners: the identity of each try, a column of weights (see resampled). The interval is widened() by the
    number of identities that were tried.
    """
    if len(hits) == 0:
        return NOTHING
    identities = weights.shape[1]
    per_hits = np.bincount(owners, hits, identities)
    per_tries = np.bincount(owners, minlength=identities).astype(np.float64)
    value = float(hits.mean())
    with np.errstate(invalid="ignore"):
        found = percentiles(value, (weights @ per_hits) / (weights @ per_tries))
    return widened(found, int((per_tries > 0).sum()))


def poisson_at_least(count: int, mean: float) -> float:
    """The probability (0..1) of so many independent rare events or more when so many are expected."""
    if count <= 0:
        return 1.0
    if mean <= 0:
        return 0.0
    below = sum(math.exp(k * math.log(mean) - mean - math.lgamma(k + 1)) for k in range(count))
    return max(1.0 - below, 0.0)
