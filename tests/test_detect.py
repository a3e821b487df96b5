"""The canvas of the wide net, and what it finds on it."""

from __future__ import annotations

import numpy as np
import pytest

from edge.detect import canvas_side
from edge.engine import PROPOSER, Engine
from edge.interpreter import Model
from edge.picture import Picture
from tests.photographs import astronaut
from tests.pictures import opened


@pytest.mark.parametrize(
    ("size", "side"),
    [
        ((1024, 1024), 1024),
        ((640, 480), 1152),
        ((250, 250), 512),
        ((500, 375), 1024),
        ((3024, 4032), 1152),
        ((1920, 1080), 1280),
        ((3000, 2), 2048),
        ((64, 64), 512),
        ((1, 1), 512),
    ],
)
def test_the_canvas_is_as_long_as_the_area_of_the_square_allows(size: tuple[int, int], side: int) -> None:
    assert canvas_side(*size, 1024, 128) == side


def test_a_network_takes_other_shapes_and_comes_back() -> None:
    model = Model(PROPOSER)
    rng = np.random.default_rng(5)
    square = rng.integers(0, 256, (1024, 1024, 3), np.uint8)
    before = model.run(square)
    wide = model.run(rng.integers(0, 256, (768, 1280, 3), np.uint8))
    assert wide["scores"].values.shape == (24 * 40 * 21 + 12 * 20 + 6 * 10, 1)
    after = model.run(square)
    assert all(np.array_equal(before[key].values, after[key].values) for key in before)


@pytest.mark.parametrize("shape", [(1024, 1000, 3), (1152, 1024, 3), (0, 128, 3), (128, 128, 4), (128, 128)])
def test_a_network_takes_no_shape_that_it_was_not_made_for(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="takes"):
        Model(PROPOSER).run(np.zeros(shape, np.uint8))


@pytest.mark.parametrize("size", [(1600, 500), (500, 1600), (900, 900), (640, 480)])
def test_a_face_is_found_where_it_is_on_any_canvas(size: tuple[int, int]) -> None:
    width, height = size
    face = opened(astronaut(), 256)
    room = np.full((height, width, 3), 90, np.uint8)
    left, top = (width - 256) * 3 // 4, (height - 256) // 4
    room[top : top + 256, left : left + 256] = np.asarray(face.convert("RGB"))
    found = Engine.load(1).detector.detect(Picture.of(room), 0.5)
    assert len(found) == 1
    box = found[0].box
    assert abs(box.left + box.width / 2 - left - 112) < 8
    assert abs(box.top + box.height / 2 - top - 59) < 8
