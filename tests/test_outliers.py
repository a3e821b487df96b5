"""Which references of a person disagree with the others."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.calibration import calibration_of
from edge.engine import EMBEDDER
from edge.face import Vector
from edge.gallery import unit
from edge.outliers import OUTLIER_RATE, disagreeing, log_rate_to

CALIBRATION = calibration_of(EMBEDDER)
DIMENSIONS = 128


def face(who: int, likeness: float, picture: int) -> Vector:
    """A unit vector with that cosine to the middle of a person's faces."""
    middle = unit(np.random.default_rng(who).standard_normal(DIMENSIONS).astype(np.float32))
    other = np.random.default_rng((who, 1 + picture)).standard_normal(DIMENSIONS).astype(np.float32)
    aside = unit(other - (other @ middle) * middle)
    return unit(likeness * middle + np.sqrt(1 - likeness**2) * aside)


def faces(who: int, count: int) -> list[Vector]:
    return [face(who, 0.99, picture) for picture in range(count)]


@pytest.mark.parametrize("count", [0, 1, 2, 3, 8])
def test_who_agrees_is_not_accused(count: int) -> None:
    vectors = np.array(faces(1, count), np.float32).reshape(count, DIMENSIONS)
    assert disagreeing(vectors, CALIBRATION) == []


@pytest.mark.parametrize("count", [2, 3, 4, 7])
@pytest.mark.parametrize("wrong", [0, 1])
def test_one_wrong_face_is_found_and_the_others_are_not_accused(count: int, wrong: int) -> None:
    vectors = faces(1, count)
    vectors.insert(wrong, face(2, 1.0, 0))
    found = disagreeing(np.stack(vectors), CALIBRATION)
    assert [one.index for one in found] == [wrong]
    assert 0 >= found[0].log_rate > math.log10(OUTLIER_RATE)


def test_of_two_that_disagree_both_are_named() -> None:
    found = disagreeing(np.stack([face(1, 1.0, 0), face(2, 1.0, 0)]), CALIBRATION)
    assert [one.index for one in found] == [0, 1]
    assert found[0].log_rate == found[1].log_rate > math.log10(OUTLIER_RATE)


def test_two_wrong_faces_among_many_are_found() -> None:
    vectors = np.stack([*faces(1, 5), face(2, 1.0, 0), face(3, 1.0, 0)])
    assert sorted(one.index for one in disagreeing(vectors, CALIBRATION)) == [5, 6]


def test_nothing_in_common_accuses_everybody_once() -> None:
    vectors = np.stack([face(who, 1.0, 0) for who in range(4)])
    assert sorted(one.index for one in disagreeing(vectors, CALIBRATION)) == [0, 1, 2, 3]


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 6), st.integers(0, 2**32 - 1))
def test_the_order_does_not_matter(count: int, seed: int) -> None:
    chance = np.random.default_rng(seed)
    vectors = unit(chance.standard_normal((count, DIMENSIONS)).astype(np.float32))
    order = chance.permutation(count)
    before = {one.index for one in disagreeing(vectors, CALIBRATION)}
    after = {int(order[one.index]) for one in disagreeing(vectors[order], CALIBRATION)}
    assert before == after


def test_no_stranger_is_as_near_as_the_picture_itself_and_all_are_nearer_than_its_opposite() -> None:
    vector = face(1, 1.0, 0)
    assert log_rate_to(vector, vector[np.newaxis], CALIBRATION) < math.log10(OUTLIER_RATE)
    assert log_rate_to(vector, -vector[np.newaxis], CALIBRATION) == pytest.approx(0.0)
