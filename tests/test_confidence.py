"""Two opinions made one: the calibrated confidence and the common box."""

from __future__ import annotations

import numpy as np
import pytest

from edge.confidence import EVIDENCE, Fusion, Proposal, Seen
from edge.engine import PROPOSER
from edge.errors import ModelError
from edge.face import Box, Landmarks
from edge.interpreter import read_card

FACE = Box(100, 100, 70, 100)


def shipped() -> Fusion:
    return Fusion.of(read_card(f"{PROPOSER}.calibration"))


def proposed(probability: float = 0.9, input_side: float = 100) -> Proposal:
    return Proposal(FACE, probability, input_side)


def seen(score: float = 0.8, shift: float = 0) -> Seen:
    """As the face net's box lies over FACE, moved to the right by `shift` faces."""
    right, down, width, height = shipped().face_box
    wide, high = FACE.width * np.exp(width), FACE.height * np.exp(height)
    left = FACE.left + FACE.width / 2 + (right + shift) * FACE.width - wide / 2
    top = FACE.top + FACE.height / 2 + down * FACE.height - high / 2
    return Seen(Landmarks(np.zeros((4, 2), np.float32), score), Box(left, top, wide, high))


def test_where_both_nets_are_sure_the_confidence_is_high() -> None:
    assert shipped().confidence(proposed(0.95), seen(0.9)) > 0.95
    assert shipped().confidence(proposed(0.3), None) < 0.1


def test_each_opinion_counts() -> None:
    fusion = shipped()
    middling = fusion.confidence(proposed(0.6), seen(0.5))
    assert fusion.confidence(proposed(0.8), seen(0.5)) > middling
    assert fusion.confidence(proposed(0.6), seen(0.7)) > middling


def test_a_large_face_that_only_one_net_sees_is_none() -> None:
    """A dog's head is a face to the wide net; of a small face the face net may see too little."""
    fusion = shipped()
    assert fusion.confidence(proposed(0.97, 32), None) > 0.5
    assert fusion.confidence(proposed(0.97, 64), None) == fusion.confidence(proposed(0.97, 32), None)
    assert fusion.confidence(proposed(0.97, 300), None) < 0.3


def test_the_box_lies_half_way_between_both() -> None:
    fusion = shipped()
    assert fusion.box(proposed(), None) == FACE
    assert fusion.box(proposed(), seen()).overlap(FACE) == pytest.approx(1, abs=1e-6)
    moved = fusion.box(proposed(), seen(shift=0.2))
    assert moved.left == pytest.approx(FACE.left + 0.1 * FACE.width, abs=0.01)
    assert moved.width == pytest.approx(FACE.width)


def test_overlap() -> None:
    assert FACE.overlap(FACE) == 1
    assert FACE.overlap(Box(135, 100, 70, 100)) == pytest.approx(1 / 3)
    assert FACE.overlap(Box(170, 100, 70, 100)) == 0
    assert Box(0, 0, 0, 0).overlap(Box(0, 0, 0, 0)) == 0


@pytest.mark.parametrize(
    "calibration",
    [{}, {"weights": [1.0], "face_box": [0, 0, 0, 0]}, {"weights": [1.0] * len(EVIDENCE), "face_box": [0]}],
    ids=["none", "too few weights", "half a box"],
)
def test_a_calibration_that_does_not_fit_is_refused(calibration: dict[str, object]) -> None:
    with pytest.raises(ModelError, match="calibration"):
        Fusion.of(calibration)
