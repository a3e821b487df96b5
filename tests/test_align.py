"""The transforms between picture and crop."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from edge.align import apply, invert, similarity_transform, square_crop, then

POINTS = np.array([[52.0, 47.0], [98.0, 47.0], [75.0, 75.0], [75.0, 102.0]], np.float32)


@given(
    angle=st.floats(-3.1, 3.1),
    scale=st.floats(0.05, 20),
    shift=st.tuples(st.floats(-2000, 2000), st.floats(-2000, 2000)),
)
def test_similarity_transform_finds_the_motion_back(
    angle: float, scale: float, shift: tuple[float, float]
) -> None:
    turn = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    moved = (POINTS @ turn.T + np.array(shift)).astype(np.float32)
    back = apply(similarity_transform(moved, POINTS), moved)
    assert np.abs(back - POINTS).max() < 0.5


def test_similarity_transform_never_mirrors() -> None:
    mirrored = POINTS * np.array([-1.0, 1.0], np.float32)
    matrix = similarity_transform(mirrored, POINTS)
    assert np.linalg.det(matrix[:, :2]) > 0


def test_similarity_transform_of_one_place_stays_finite() -> None:
    matrix = similarity_transform(np.ones((4, 2), np.float32), POINTS)
    assert np.isfinite(matrix).all()


def test_invert_and_then_undo_each_other() -> None:
    matrix = similarity_transform(POINTS, POINTS * 2 + 7)
    identity = then(matrix, invert(matrix))
    assert np.allclose(identity, [[1, 0, 0], [0, 1, 0]], atol=1e-6)


def test_square_crop_puts_the_centre_in_the_middle() -> None:
    matrix = square_crop(40.0, 30.0, 20.0, 192)
    middle, corner = apply(matrix, np.array([[40.0, 30.0], [30.0, 20.0]], np.float32))
    assert np.allclose(middle, [96, 96])
    assert np.allclose(corner, [0, 0])
