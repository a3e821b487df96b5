"""The second look at a face's landmarks."""

from __future__ import annotations

import numpy as np
import pytest

from edge.detect import LandmarkNet
from edge.engine import EnginePool
from edge.face import Landmarks, Pixels, Vector
from edge.landmarks import steadied
from edge.picture import Picture, decode
from edge.vision import DETECT_SIDE
from tests.photographs import obama


@pytest.fixture(scope="module")
def seen() -> tuple[LandmarkNet, Picture, Landmarks]:
    """A photograph, its face's landmarks, and the net."""
    picture = decode(obama().read_bytes(), long_side=DETECT_SIDE)
    with EnginePool(1, 1).engine(1.0) as engine:
        (face,) = engine.detector.detect(picture, 0.5)
        assert face.landmarks is not None
        return engine.landmark_net, picture, face.landmarks


def eyes(landmarks: Landmarks) -> float:
    return float(np.hypot(*(landmarks.points[1] - landmarks.points[0])))


def test_it_moves_landmarks_a_little(seen: tuple[LandmarkNet, Picture, Landmarks]) -> None:
    net, picture, first = seen
    found = steadied(net, picture, first)
    moved = np.hypot(*(found.points - first.points).T) / eyes(first)
    assert 0 < moved.max() < 0.15
    assert found.score == first.score


def test_it_mends_a_poor_first_look(seen: tuple[LandmarkNet, Picture, Landmarks]) -> None:
    """Half of an error is gone, and more when it looks again."""
    net, picture, first = seen
    good = steadied(net, picture, first).points
    shaken = Landmarks(good + np.float32(0.1 * eyes(first)), first.score)
    once = steadied(net, picture, shaken)
    twice = steadied(net, picture, once)
    errors = [float(np.abs(points.points - good).mean()) for points in (shaken, once, twice)]
    assert errors[0] > 1.6 * errors[1] > 2.2 * errors[2]


def test_where_nothing_is_seen_the_first_look_stands(seen: tuple[LandmarkNet, Picture, Landmarks]) -> None:
    net, _, _ = seen
    blank: Pixels = np.full((240, 320, 3), 127, np.uint8)
    points: Vector = np.array([[100, 100], [140, 100], [120, 125], [120, 145]], np.float32)
    alone = Landmarks(points, 0.9)
    assert steadied(net, Picture.of(blank), alone) is alone


def test_a_squeezed_picture_gives_the_same_face(seen: tuple[LandmarkNet, Picture, Landmarks]) -> None:
    """Landmarks are in the picture's pixels, whatever their shape is."""
    net, picture, first = seen
    width, height = round(picture.width / 0.75), picture.height
    matrix = np.array([[1 / 0.75, 0.0, 0.0], [0.0, 1.0, 0.0]])
    side = max(width, height)
    wide = Picture.of(np.ascontiguousarray(picture.crop(matrix, side)[:height, :width]))
    stretch = np.array([1 / 0.75, 1.0], np.float32)
    found = steadied(net, wide, Landmarks(first.points * stretch, first.score), 0.75)
    plain = steadied(net, picture, first)
    assert np.abs(found.points / stretch - plain.points).max() < 0.08 * eyes(first)
