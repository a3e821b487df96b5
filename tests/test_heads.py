"""Anchors, decoding and suppression."""

from __future__ import annotations

import numpy as np

from edge import heads
from edge.interpreter import Tensor


def test_faceboxes_has_the_papers_number_of_anchors() -> None:
    anchors = heads.faceboxes_anchors(1024, 1024)
    assert anchors.shape == (32 * 32 * 21 + 16 * 16 + 8 * 8, 3)
    assert set(np.unique(anchors[:, 2])) == {32.0, 64.0, 128.0, 256.0, 512.0}
    near = anchors[:21]
    assert np.allclose(near[:16, :2].mean(axis=0), [16, 16])
    assert np.allclose(near[20], [16, 16, 128])


def test_faceboxes_anchors_of_a_wide_input_are_rows_of_cells() -> None:
    anchors = heads.faceboxes_anchors(1024, 768)
    assert anchors.shape == (32 * 24 * 21 + 16 * 12 + 8 * 6, 3)
    assert np.allclose(anchors[32 * 21 + 20], [16, 48, 128]), "the second row begins after 32 cells"
    assert np.allclose(anchors[-1], [1024 - 64, 768 - 64, 512])


def test_blazeface_has_an_anchor_on_each_cell_of_four() -> None:
    anchors = heads.blazeface_anchors(192)
    assert anchors.shape == (48 * 48, 2)
    assert np.allclose(anchors[0], [2, 2])
    assert np.allclose(anchors[1], [6, 2])


def test_select_compares_on_int8_as_it_would_on_the_real_values() -> None:
    head = {"score_lo": -8.0, "score_hi": 8.0}
    tensor = Tensor(np.arange(-128, 128).astype(np.int8), 6 / 255, -128)
    chosen, probability = heads.select(tensor, head, 0.25)
    everything = heads.sigmoid((tensor.real() / 6 * 16 - 8).astype(np.float32))
    assert np.array_equal(chosen, np.flatnonzero(everything > 0.25))
    assert np.allclose(probability, everything[chosen])


def test_nms_keeps_the_best_of_what_overlaps() -> None:
    boxes = np.array([[0, 0, 10, 10], [1, 1, 10, 10], [50, 50, 10, 10]], np.float32)
    scores = np.array([0.6, 0.9, 0.5], np.float32)
    assert heads.nms(boxes, scores, 0.3, 10) == [1, 2]
    assert heads.nms(boxes, scores, 0.3, 1) == [1]
    assert heads.nms(np.zeros((0, 4), np.float32), np.zeros(0, np.float32), 0.3, 5) == []


def test_logit_and_sigmoid_undo_each_other_and_do_not_overflow() -> None:
    probability = np.array([0.01, 0.5, 0.99])
    assert np.allclose(heads.sigmoid(heads.logit(probability)), probability)
    assert np.isfinite(heads.logit(np.array([0.0, 1.0]))).all()
    assert np.isfinite(heads.sigmoid(np.array([-1e9, 1e9]))).all()
