"""Intervals: they hold the estimate, and say how little a small sample shows."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.evaluation.intervals import clustered, percentiles, poisson_at_least, resampled, wilson


def test_wilson_by_hand() -> None:
    """5 of 10: (0.5 + z2/20 -+ z sqrt(0.025 + z2/400)) / (1 + z2/10), z = 1.96."""
    found = wilson(5, 10)
    assert found.value == 0.5
    assert found.low == pytest.approx(0.2366, abs=1e-4)
    assert found.high == pytest.approx(0.7634, abs=1e-4)


def test_no_hits_in_few_tries_prove_little() -> None:
    assert wilson(0, 100).low == 0
    assert wilson(0, 100).high == pytest.approx(0.0370, abs=1e-4)
    assert math.isnan(wilson(0, 0).value)


@given(tries=st.integers(1, 10_000), share=st.floats(0, 1))
def test_wilson_holds_the_share(tries: int, share: float) -> None:
    hits = round(share * tries)
    found = wilson(hits, tries)
    assert 0 <= found.low <= found.value <= found.high <= 1


def test_a_resample_draws_as_many_identities_as_there_are() -> None:
    weights = resampled(7, 50, seed=3)
    assert weights.shape == (50, 7)
    assert set(weights.sum(axis=1)) == {7.0}
    assert (weights == resampled(7, 50, seed=3)).all()
    assert (weights != resampled(7, 50, seed=4)).any()


@given(value=st.floats(0, 1), replicates=st.lists(st.floats(0, 1), min_size=1, max_size=50))
def test_percentiles_hold_the_estimate(value: float, replicates: list[float]) -> None:
    found = percentiles(value, np.array(replicates))
    assert found.low <= value <= found.high


def test_what_belongs_to_one_person_counts_as_one() -> None:
    """Ten tries of each of 20 people, of whom 10 always fail: the interval is that of 20, not of 200."""
    owners = np.repeat(np.arange(20), 10)
    found = clustered(owners < 10, owners, resampled(20, 2000, seed=0))
    alone, crowd = wilson(10, 20), wilson(100, 200)
    assert found.value == 0.5
    assert found.high - found.low == pytest.approx(alone.high - alone.low, abs=0.06)
    assert found.high - found.low > 1.5 * (crowd.high - crowd.low)


def test_without_a_hit_the_number_of_people_limits_what_is_known() -> None:
    owners = np.repeat(np.arange(30), 100)
    assert clustered(np.zeros(3000, bool), owners, resampled(30, 100, seed=0)) == wilson(0, 30)
    assert clustered(np.ones(3000, bool), owners, resampled(30, 100, seed=0)) == wilson(30, 30)
    assert math.isnan(clustered(np.zeros(0, bool), np.zeros(0, int), resampled(30, 100, seed=0)).value)


def test_poisson_by_hand() -> None:
    assert poisson_at_least(0, 0.5) == 1
    assert poisson_at_least(1, 0.5) == pytest.approx(1 - math.exp(-0.5))
    assert poisson_at_least(2, 0.5) == pytest.approx(1 - 1.5 * math.exp(-0.5))
    assert poisson_at_least(1, 0.0) == 0
    assert poisson_at_least(5, 5.0) == pytest.approx(0.5595, abs=1e-4)


@given(count=st.integers(0, 30), mean=st.floats(0, 20))
def test_poisson_falls_with_the_count(count: int, mean: float) -> None:
    assert 0 <= poisson_at_least(count + 1, mean) <= poisson_at_least(count, mean) <= 1
