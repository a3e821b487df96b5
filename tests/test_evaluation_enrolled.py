"""The enrolled people against each other."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.calibration import Calibration, Mirror, Tail
from edge.evaluation.enrolled import TIGHT_FROM, Examined, GalleryReport, examine, leave_one_out
from edge.gallery import Gallery, unit

CALIBRATION = Calibration(
    ((1, Tail(0.0, -5.0, 0.0)), (4, Tail(0.2, -5.0, 0.0))), 0.02, 0.99, Mirror(0.99, 0.9)
)
"""At 1 in 1,000 and ten people the threshold is 0.8 for one reference and 0.84 for four."""

People = dict[int, np.ndarray]


def people_of(seed: int, *references: int, spread: float = 0.05) -> People:
    rng = np.random.default_rng(seed)
    found = {}
    for row, count in enumerate(references, 1):
        face = rng.standard_normal(32)
        found[row] = unit((face + spread * rng.standard_normal((count, 32))).astype(np.float32))
    return found


def report(people: People, rate: float = 1e-3, most: int = 5000) -> GalleryReport:
    gallery = Gallery(32)
    for row, vectors in people.items():
        gallery.update(row, vectors)
    how = Examined(gallery.nearest, len(gallery), CALIBRATION, rate, most=most)
    return examine(people.items(), how)


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10**6), references=st.lists(st.integers(1, 4), min_size=2, max_size=6))
def test_it_is_what_loops_over_everybody_find(seed: int, references: list[int]) -> None:
    people = people_of(seed, *references, spread=1.0)
    templates = {row: unit(vectors.mean(axis=0)) for row, vectors in people.items()}
    found = report(people)
    hits = set()
    for one in found.standings:
        own = [
            float(vector @ unit(np.delete(people[one.row], place, axis=0).mean(axis=0)))
            for place, vector in enumerate(people[one.row])
            if len(people[one.row]) > 1
        ]
        assert one.own_score == (pytest.approx(min(own), abs=1e-5) if own else None)
        rarest = 0.0
        for vector in people[one.row]:
            scored = []
            for row, template in templates.items():
                score, count = float(vector @ template), len(people[row])
                if row != one.row:
                    scored.append((CALIBRATION.log_rate(score, 10, count), row, score, count))
            nearest = sorted(scored, key=lambda entry: -entry[2])[:2]  # of the two nearest, as edge.match
            log_rate, row, score, count = min(nearest)
            rarest = min(rarest, log_rate)
            if score >= CALIBRATION.threshold(1e-3, 10, count):
                hits.add(frozenset((one.row, row)))
        if rarest < 0:
            assert one.stranger_score is not None
            assert one.stranger_row is not None
            count = len(people[one.stranger_row])
            assert CALIBRATION.log_rate(one.stranger_score, 10, count) == pytest.approx(rarest, abs=1e-4)
    assert found.hits == len(hits)


def test_leave_one_out_by_hand() -> None:
    vectors = np.array([[1, 0], [0, 1], [0, 1]], np.float32)
    assert leave_one_out(vectors) == pytest.approx([0, np.sqrt(0.5), np.sqrt(0.5)])


def test_a_clear_gallery() -> None:
    found = report(people_of(1, 3, 3, 1))
    assert not found.tight
    assert (found.people, found.references, found.tested, found.single) == (3, 7, 7, 1)
    assert (found.hits, found.disagreeing) == (0, 0)
    assert found.expected_hits == pytest.approx(1e-3 * 7 * 0.2)
    assert found.head_room is not None
    assert found.similarity_room is not None
    assert found.head_room > 0
    assert found.similarity_room > 0
    assert found.standings[2].own_score is None
    assert found.standings[2].agrees is None


def test_one_person_enrolled_twice_makes_it_tight() -> None:
    """Such a pair is not chance: two people of three references, and 0.0006 pairs expected."""
    people = people_of(2, 3, 3)
    people[2] = people[1] + 0.001
    found = report(people)
    assert (found.hits, found.tight) == (1, True)
    assert found.closest in {(1, 2), (2, 1)}
    assert found.head_room is not None
    assert found.head_room < 0


def test_as_many_look_alikes_as_the_rate_explains_are_no_sign() -> None:
    """A pair among 60 people with a rate of 1 in 10: six are expected."""
    people = people_of(3, *[1] * 60)
    people[2] = people[1]
    found = report(people, rate=0.1)
    assert found.hits >= 1
    assert found.expected_hits == pytest.approx(6)
    assert found.chance > 0.01
    assert not found.tight


def test_a_reference_of_somebody_else_shows() -> None:
    people = people_of(4, 4, 4)
    people[1] = np.concatenate([people[1][:3], people_of(5, 1)[1]])
    found = report(people)
    assert found.disagreeing == 1
    assert [one.agrees for one in found.standings] == [False, True]


def test_nobody_and_a_single_person_have_no_head_room() -> None:
    for people in ({}, people_of(6, 2), {1: np.empty((0, 0), np.float32)}):
        found = report(people)
        assert (found.head_room, found.closest, found.hits, found.tight) == (None, None, 0, False)


def test_of_many_references_a_sample_is_tested() -> None:
    people = people_of(7, *[2] * 40)
    found = report(people, most=15)
    assert (found.references, found.tested) == (80, 15)
    assert found == report(people, most=15)
    assert sum(one.stranger_score is not None for one in found.standings) <= 15


def test_beyond_what_was_measured_it_is_tight() -> None:
    how = Examined(lambda vector, count: [], 0, CALIBRATION, 1e-3, most=1)
    vector = unit(np.ones((1, 4), np.float32))
    found = examine(((row, vector) for row in range(TIGHT_FROM)), how)
    assert found.tight
    assert dataclasses.asdict(found)["people"] == TIGHT_FROM


def turned(*cosines: float) -> np.ndarray:
    """Unit vectors in a plane, at these cosines to the first axis."""
    return np.array([[one, np.sqrt(1 - one * one), *[0.0] * 30] for one in cosines], np.float32)


def test_a_stranger_meets_all_the_people_but_its_own() -> None:
    """Eleven people: each reference is searched among ten, at 0.8, not at the 0.808 of eleven."""
    people = {row: np.eye(32, dtype=np.float32)[[row]] for row in range(1, 12)}
    people[2] = (0.804 * people[1] + np.sqrt(1 - 0.804**2) * people[2]).astype(np.float32)
    found = report(people)
    assert CALIBRATION.threshold(1e-3, 10, 1) < 0.804 < CALIBRATION.threshold(1e-3, 11, 1)
    assert found.hits == 1
    assert found.head_room == pytest.approx(0.8 - 0.804, abs=1e-5)


def test_a_reference_agrees_at_the_threshold_of_the_others() -> None:
    """Two references: each is compared with one, whose threshold is 0.8; that of two is higher."""
    assert CALIBRATION.threshold(1e-3, 10, 1) < 0.81 < CALIBRATION.threshold(1e-3, 10, 2)
    (standing,) = report({1: turned(1.0, 0.81)}).standings
    assert standing.own_score == pytest.approx(0.81, abs=1e-4)
    assert standing.agrees is True
    (standing,) = report({1: turned(1.0, 0.79)}).standings
    assert standing.agrees is False
