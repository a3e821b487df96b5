"""Open set: what is counted is what edge.match decides."""

from __future__ import annotations

import math

import numpy as np
import pytest

from edge.calibration import Calibration, Mirror, Tail, calibration_of
from edge.evaluation import rotation
from edge.evaluation.intervals import resampled
from edge.evaluation.openset import Drawn, Outcome, Rule, Tries, attempted, dir_fpir, enrolled, result
from edge.evaluation.rotation import Pool, largest, rotated
from edge.gallery import unit
from edge.match import Kind, decide
from edge.settings import EMBEDDERS

LINEAR = Calibration(((1, Tail(0.0, -4.0, 0.0)),), 0.02, 0.99, Mirror(0.99, 0.9))
"""A cosine of 1 is reached by one stranger in 10,000 and person."""


def faces(seed: int, count: int, dimensions: int = 32) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return unit(rng.standard_normal((count, dimensions)).astype(np.float32))


def looks(faces_of: np.ndarray, seed: int, spread: float = 0.05) -> np.ndarray:
    """Another photograph of each."""
    rng = np.random.default_rng(seed)
    return unit(faces_of + spread * rng.standard_normal(faces_of.shape).astype(np.float32))


def test_known_people_are_found_and_strangers_are_not() -> None:
    people = faces(1, 30)
    gallery = enrolled({row: people[row : row + 1] for row in range(10)}, 32)
    rule = Rule(LINEAR, 1e-2)
    known = attempted(gallery, looks(people[:10], 2), np.arange(10), True, rule)
    strangers = attempted(gallery, people[10:], np.arange(10, 30), False, rule)
    assert set(known.outcomes) == {Outcome.RIGHT}
    assert set(strangers.outcomes) == {Outcome.UNKNOWN}
    found = result(Tries.joined([known, strangers]), Drawn(10, 1, 1), rule, resampled(30, 50, seed=0))
    assert (found.found.value, found.strangers_named.value) == (1, 0)
    assert (found.known_tries, found.stranger_tries, found.stranger_people) == (10, 20, 20)
    assert found.strangers_named.high > 0.1
    assert all(math.isnan(point.true_rate.value) for point in found.curve)  # of 20 strangers two at most


def test_a_wrong_name_and_a_face_that_was_not_found() -> None:
    people = faces(3, 4)
    gallery = enrolled({0: people[:1], 1: people[1:2]}, 32)
    probes = np.stack([people[1], np.full(32, np.nan, np.float32), people[0]])
    tries = attempted(gallery, probes, np.array([0, 0, 0]), True, Rule(LINEAR, 1e-2))
    assert tries.outcomes.tolist() == [Outcome.WRONG, Outcome.UNKNOWN, Outcome.RIGHT]
    assert tries.nearest_right.tolist() == [False, False, True]
    assert tries.rarity[1] == -math.inf


@pytest.mark.parametrize("model", EMBEDDERS.values())
@pytest.mark.parametrize("rate", [1e-5, 1e-3, 1e-2, 0.1])
def test_the_rarity_passes_a_rate_exactly_where_a_name_is_given(model: str, rate: float) -> None:
    """On the curve somebody has a name when the verdict at that rate is a match."""
    calibration = calibration_of(model)
    rng = np.random.default_rng(0)
    people = faces(4, 12)
    gallery = enrolled({row: looks(people[[row]], row)[:1].repeat(1 + row % 4, 0) for row in range(12)}, 32)
    rule = Rule(calibration, rate)
    for spread in np.linspace(0, 0.3, 60):
        probe = looks(people[[int(rng.integers(12))]], int(rng.integers(10**6)), float(spread))[0]
        nearest = gallery.nearest(probe)
        rarity, person = rule.nearness(nearest, 12)
        verdict = decide(calibration, nearest, 12, rate)
        named = rarity >= -math.log10(rate) + 1e-9
        if abs(rarity + math.log10(rate)) > 1e-6:
            assert named == (verdict.kind is Kind.MATCH)
        if verdict.kind is Kind.MATCH:
            assert person == verdict.person_row


def test_dir_at_fpir_by_hand() -> None:
    """Of 100 strangers ten may be named: the rarest, 4, so that known people need more than 3."""
    rarity = np.array([5.0, 3.5, 2.0, 6.0, *[4.0] * 10, *[3.0] * 10, *[0.0] * 80])
    tries = Tries(
        np.arange(104),
        np.arange(104) < 4,
        np.zeros(104, np.int8),
        rarity,
        np.array([True, True, True, False, *[False] * 100]),
    )
    point, finer = dir_fpir(tries, [0.1, 0.05], resampled(104, 10, seed=0))
    assert point.threshold == 3.0
    assert point.true_rate.value == 0.5
    assert math.isnan(finer.true_rate.value)  # five strangers would be too few to say


def test_rotating_galleries_never_try_a_reference_and_leave_strangers(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(rotation, "DRAWS", 5)
    monkeypatch.setattr(rotation, "STRANGER_TRIES", 100)
    people = faces(5, 20)
    owners = np.repeat(np.arange(20), 5)
    vectors = looks(people[owners], 6)
    pool = Pool(vectors, vectors, owners)
    assert largest(pool, 3) == 15
    assert largest(pool, 5) == 0
    tries, draws = rotated(pool, 15, 3, Rule(LINEAR, 1e-2), seed=1)
    assert draws == 20
    assert (tries.known.sum(), (~tries.known).sum()) == (20 * 15 * 2, 100)
    assert tries.rarity.max() < 4.999  # a reference itself would be at 5
    again, _ = rotated(pool, 15, 3, Rule(LINEAR, 1e-2), seed=1)
    assert (again.owners == tries.owners).all()
