"""Verification: rates over all pairs, and the accuracy of official pairs."""

from __future__ import annotations

import dataclasses
import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.evaluation import pairs
from edge.evaluation.curve import Trials, accepted_at, equal_error, points
from edge.evaluation.intervals import Floats, resampled, wilson
from edge.evaluation.pairs import Side, best_threshold, crossed, fold_accuracy, scores_of
from edge.gallery import unit

RATES = (0.01, 0.05, 0.1, 0.3, 0.9)


def trials(right: list[float], wrong: list[float]) -> Trials:
    """Each score of another identity."""
    count = len(wrong)
    return Trials(
        np.array(right),
        np.arange(len(right)) % max(count, 1),
        -np.sort(-np.array(wrong)),
        np.arange(count)[:, np.newaxis],
        lambda rows: rows.sum(axis=1),
        count,
    )


def side(seed: int, people: int, photographs: int, missing: int = 0) -> Side:
    """Random faces; the first few photographs have none."""
    rng = np.random.default_rng(seed)
    vectors = unit(rng.standard_normal((photographs, 8)).astype(np.float32))
    vectors[:missing] = np.nan
    return Side(vectors, rng.integers(0, people, photographs), np.arange(photographs))


def test_by_hand() -> None:
    """One in ten of the wrong may pass: the best of them, 0.9; above the next, 0.8, lie two of three."""
    found = points(trials([0.95, 0.85, 0.5], [0.9, 0.8, *[0.1] * 8]), [0.1, 0.05, 0.2], np.empty((0, 10)), 0)
    assert [point.threshold for point in found] == [0.8, 0.9, 0.1]
    assert [point.true_rate.value for point in found] == pytest.approx([2 / 3, 1 / 3, 1])
    assert math.isnan(found[0].true_rate.low)


def test_a_rate_that_lets_fewer_than_ten_pass_shows_nothing() -> None:
    """Of 999 wrong ones one in 100 is 9.99."""
    right = list(np.linspace(0.5, 0.9, 40))
    for count, known in ((999, False), (1000, True)):
        wrong = list(np.linspace(-0.5, 0.4, count))
        low, high = points(trials(right, wrong), [0.01, 0.1], resampled(count, 20, seed=0))
        assert math.isnan(low.true_rate.value) is not known
        assert math.isnan(low.threshold) is not known
        assert high.true_rate.value == 1


def test_where_all_are_accepted_the_interval_still_has_a_width() -> None:
    """Both photographs of each of twenty people: Wilson's end for twenty."""
    scored = dataclasses.replace(
        trials([0.9] * 40, list(np.linspace(-0.5, 0.4, 200))), right_owners=np.repeat(np.arange(20), 2)
    )
    (point,) = points(scored, [0.1], resampled(200, 50, seed=0))
    assert point.true_rate == wilson(20, 20)


@settings(max_examples=50, deadline=None)
@given(
    right=st.lists(st.floats(-1, 1), min_size=1, max_size=40),
    wrong=st.lists(st.floats(-1, 1), min_size=2, max_size=60),
)
def test_no_more_of_the_wrong_pass_than_may_and_more_pass_with_a_higher_rate(
    right: list[float], wrong: list[float]
) -> None:
    found = points(trials(right, wrong), RATES, resampled(len(wrong), 20, seed=0), 0)
    shares = [point.true_rate.value for point in found]
    assert shares == sorted(shares)
    for point in found:
        assert np.mean(np.array(wrong) > point.threshold) <= point.false_rate
        assert point.true_rate.value == pytest.approx(np.mean(np.array(right) > point.threshold))
        if not math.isnan(point.true_rate.low):
            assert point.true_rate.low <= point.true_rate.value <= point.true_rate.high


@pytest.mark.parametrize("missing", [0, 3])
def test_all_pairs_are_those_of_two_loops(missing: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pairs, "_ROWS", 7)
    one = side(1, 5, 40, missing)
    found = crossed(one, None, 5)
    right: list[float] = []
    wrong: list[float] = []
    for i, j in itertools.combinations(range(40), 2):
        score = float(np.nan_to_num(one.vectors[i] @ one.vectors[j], nan=-1.0))
        (right if one.owners[i] == one.owners[j] else wrong).append(score)
    assert sorted(found.trials.right) == pytest.approx(sorted(right), abs=1e-6)
    assert found.trials.wrong == pytest.approx(sorted(wrong, reverse=True), abs=1e-6)
    assert found.trials.wrong_count == len(wrong)
    assert found.same_histogram.sum() == len(right)
    assert found.different_histogram.sum() == len(wrong)


def test_two_sides_leave_out_a_photograph_with_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pairs, "_ROWS", 16)
    one = side(2, 6, 30)
    other = Side(side(3, 6, 30).vectors, one.owners, one.photographs)
    found = crossed(one, other, 6)
    counts = np.bincount(one.owners)
    assert len(found.trials.right) == (counts * (counts - 1)).sum()
    assert found.trials.wrong_count == len(found.trials.wrong) == 900 - (counts**2).sum()


def test_a_weighted_identity_is_one_that_is_there_so_often(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rates with weights are the rates of a sample in which people stand several times."""
    one = side(4, 4, 20)
    weights = np.array([[2.0, 0.0, 1.0, 1.0]])
    found = points(crossed(one, None, 4).trials, [0.2], weights, 0)[0]
    right: list[float] = []
    wrong: list[float] = []
    copies = [(person, number) for person, times in enumerate(weights[0]) for number in range(int(times))]
    everybody = [(copy, i) for copy in copies for i in np.flatnonzero(one.owners == copy[0])]
    for (copy, i), (another, j) in itertools.combinations(everybody, 2):
        score = float(one.vectors[i] @ one.vectors[j])
        if copy == another:
            right.append(score)
        elif copy[0] != another[0]:
            wrong.append(score)
    expected = points(trials(right, wrong), [0.2], np.empty((0, len(wrong))), 0)[0].true_rate.value
    assert found.true_rate.low == pytest.approx(min(expected, found.true_rate.value), abs=1e-6)
    assert found.true_rate.high == pytest.approx(max(expected, found.true_rate.value), abs=1e-6)


def test_only_the_highest_are_kept_and_the_rest_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pairs, "_ROWS", 10)
    one = side(5, 9, 60)
    whole, part = crossed(one, None, 9), crossed(one, None, 9, kept=50)
    assert part.trials.wrong == pytest.approx(whole.trials.wrong[:50])
    assert part.trials.wrong_count == whole.trials.wrong_count
    high, low = points(part.trials, [0.01, 0.5], np.empty((0, 9)), 0)
    assert high == points(whole.trials, [0.01], np.empty((0, 9)), 0)[0]
    assert math.isnan(low.threshold)
    assert math.isnan(low.true_rate.value)


def test_equal_error() -> None:
    assert equal_error(trials([0.9, 0.8], [0.1, 0.2])) <= 0.5
    assert equal_error(trials([0.9] * 99 + [0.0], [0.1] * 99 + [0.95])) == pytest.approx(0.01)


def test_a_given_threshold() -> None:
    false, accepted = accepted_at(trials([0.9, 0.8, 0.3], [0.9, 0.5]), 0.8, resampled(2, 10, seed=0))
    assert false == 0.5
    assert accepted.value == pytest.approx(2 / 3)


def naive_accuracy(scores: Floats, same: np.ndarray, folds: np.ndarray) -> list[float]:
    results = []
    for fold in np.unique(folds):
        others = folds != fold
        steps = np.unique(scores)
        right = [np.mean((scores[others] > step) == same[others]) for step in steps]
        results.append(float(np.mean((scores[~others] > steps[int(np.argmax(right))]) == same[~others])))
    return results


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 1000))
def test_the_threshold_of_a_fold_comes_from_the_others(seed: int) -> None:
    rng = np.random.default_rng(seed)
    same = rng.random(60) < 0.5
    scores = np.round(rng.standard_normal(60) * 0.3 + same * 0.4, 1).astype(np.float64)
    folds = rng.permutation(np.repeat([0, 1, 2], 20))
    owners = np.stack([np.arange(60), np.arange(60) + 60 * ~same], axis=1)
    found = fold_accuracy(scores, same, folds, owners, resampled(120, 20, seed=0))
    assert found is not None
    assert [one.value for one in found.folds.values()] == pytest.approx(naive_accuracy(scores, same, folds))
    assert found.mean.low <= found.mean.value <= found.mean.high


def test_all_pairs_judged_rightly_prove_little_when_they_are_few() -> None:
    """Two pairs in each fold."""
    same = np.array([True, False] * 2)
    owners = np.array([[0, 0], [1, 2], [3, 3], [4, 5]])
    found = fold_accuracy(same * 0.5, same, np.array([0, 0, 1, 1]), owners, resampled(6, 50, seed=0))
    assert found is not None
    assert found.folds[0] == wilson(2, 2)
    assert found.mean == wilson(4, 4)


def test_photographs_of_one_person_have_no_rates() -> None:
    """There is nobody else to be taken for."""
    found = points(crossed(side(6, 1, 8), None, 1).trials, RATES, resampled(1, 5, seed=0))
    assert all(math.isnan(point.true_rate.value) for point in found)


def test_one_fold_has_no_threshold() -> None:
    found = fold_accuracy(
        np.zeros(2), np.zeros(2, bool), np.zeros(2, int), np.zeros((2, 2), int), np.ones((1, 1))
    )
    assert found is None


def test_best_threshold_by_hand() -> None:
    scores, same = np.array([0.1, 0.2, 0.2, 0.6, 0.7]), np.array([False, False, True, True, True])
    assert best_threshold(scores, same, np.ones(5)) == 0.1
    assert best_threshold(scores, same, np.array([1.0, 2.0, 1.0, 1.0, 1.0])) == 0.2


def test_a_missing_face_is_minus_one() -> None:
    one = np.array([[1.0, 0.0], [np.nan, np.nan]], np.float32)
    assert scores_of(one, np.array([[0.6, 0.8], [1.0, 0.0]], np.float32)) == pytest.approx([0.6, -1.0])
