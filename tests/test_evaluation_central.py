"""The face that a photograph of one person is of."""

from __future__ import annotations

import numpy as np

from edge.evaluation.central import central, central_box
from edge.face import Box, Face, Landmarks

EYES = Landmarks(np.zeros((4, 2), np.float32), 0.9)


def test_the_nearest_to_the_middle_that_can_be_embedded() -> None:
    middle, beside = Box(40, 40, 20, 20), Box(0, 0, 20, 20)
    faces = [Face(beside, 0.9, EYES), Face(middle, 0.5, EYES), Face(middle, 0.99, None)]
    assert central(faces, 100, 100) is faces[1]
    assert central(faces[2:], 100, 100) is None
    assert central([], 100, 100) is None


def test_a_large_one_wins_over_a_small_one_that_is_a_little_nearer() -> None:
    small, large = Box(47, 47, 6, 6), Box(30, 30, 50, 50)
    assert central_box([small, large], 100, 100) == 1
    assert central_box([small, Box(40, 47, 8, 8)], 100, 100) == 0
    assert central_box([], 100, 100) is None
