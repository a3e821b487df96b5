"""Detection: average precision, recall by size."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.evaluation.detection import Pictured, average_precision, judged, recall_by_size, reliability
from edge.evaluation.intervals import resampled

BOXES = np.array([[10, 10, 20, 20], [60, 60, 30, 30], [200, 10, 8, 8]], np.float32)


def pictured(*found: tuple[float, ...], counted: tuple[bool, ...] = (True, True, True)) -> Pictured:
    rows = np.array(found, np.float32).reshape(-1, 5)
    return Pictured(rows, BOXES, np.array(counted, bool)[:, np.newaxis], 300)


def faces_on(boxes: np.ndarray, confidence: float) -> list[tuple[float, ...]]:
    return [(*map(float, box), confidence) for box in boxes]


def precision(*pictures: Pictured) -> float:
    return average_precision(judged(pictures, 0), np.empty((0, len(pictures)))).value


def test_perfect_detection_is_1_and_none_is_0() -> None:
    assert precision(pictured(*faces_on(BOXES, 0.9)), pictured(*faces_on(BOXES, 0.6))) == 1
    assert precision(pictured()) == 0


def test_average_precision_by_hand() -> None:
    """Sure to unsure: a face, something else, a face; of three. Area: 1/3 x 1 + 1/3 x 2/3."""
    found = [*faces_on(BOXES[:1], 0.9), (150.0, 150.0, 20.0, 20.0, 0.8), *faces_on(BOXES[1:2], 0.7)]
    assert precision(pictured(*found)) == pytest.approx(1 / 3 + 2 / 9)


def test_a_box_that_does_not_count_neither_rewards_nor_punishes() -> None:
    found = pictured(*faces_on(BOXES, 0.9), counted=(True, True, False))
    assert precision(found) == 1
    assert len(judged([found], 0).hits) == 2


def test_a_face_found_twice_counts_once() -> None:
    (box,) = faces_on(BOXES[:1], 0.9)
    twice = judged([pictured(box, (11.0, 10.0, 20.0, 20.0, 0.8))], 0)
    assert twice.hits.tolist() == [True, False]


def test_a_picture_without_boxes_can_only_cost() -> None:
    empty = Pictured(
        np.array([[0, 0, 9, 9, 0.95]], np.float32), np.empty((0, 4), np.float32), np.empty((0, 1), bool), 100
    )
    assert precision(pictured(*faces_on(BOXES, 0.9)), empty) == pytest.approx(3 / 4)


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.lists(st.tuples(st.integers(0, 2), st.floats(0.05, 1)), max_size=6), min_size=1, max_size=5)
)
def test_the_interval_holds_the_precision(found: list[list[tuple[int, float]]]) -> None:
    pictures = [pictured(*[(*map(float, BOXES[n]), c) for n, c in faces]) for faces in found]
    estimate = average_precision(judged(pictures, 0), resampled(len(pictures), 20, seed=0))
    assert 0 <= estimate.low <= estimate.value <= estimate.high <= 1


def test_recall_by_size() -> None:
    """8, 20 and 30 of 300 pixels: two classes; only what is sure enough counts."""
    pictures = [pictured(*faces_on(BOXES[:2], 0.9), *faces_on(BOXES[2:], 0.4))]
    small, middle, large, huge = recall_by_size(pictures, 0.5, resampled(1, 10, seed=0))
    assert (small[0], small[1].value) == (1, 0)
    assert (middle[0], middle[1].value) == (1, 1)
    assert (large[0], large[1].value) == (1, 1)
    assert huge[0] == 0


def test_reliability() -> None:
    found = judged([pictured(*faces_on(BOXES[:2], 0.9), (150.0, 150.0, 20.0, 20.0, 0.9))], 0)
    ((mean, share, count),) = reliability(found, np.linspace(0, 1, 5))
    assert count == 3
    assert mean == pytest.approx(0.9)
    assert share == pytest.approx(2 / 3)
