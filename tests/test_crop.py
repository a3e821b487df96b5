"""Cut-out faces: was it squeezed into its square, or cut square?"""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from edge.crop import SQUEEZED, _likely_squeezed, read_crop
from edge.engine import Engine, EnginePool
from edge.errors import NoFace
from edge.face import Box, Landmarks
from edge.picture import Picture, decode
from edge.portrait import enough
from edge.vision import DETECT_SIDE, INDEX_SIZE
from tests.photographs import photographs

PEOPLE = ("obama.jpg", "biden.jpg", "astronaut.png")


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    with EnginePool(1, 1).engine(1.0) as one:
        yield one


def seen(eyes: float, nose_aside: float) -> Landmarks:
    """Landmarks on a crop of 64 pixels: the eyes so far apart, the nose so far beside their middle."""
    points = [(32 - eyes / 2, 24), (32 + eyes / 2, 24), (32 + nose_aside, 36), (32, 46)]
    return Landmarks(np.array(points, np.float32), 0.9)


def test_the_farther_apart_the_eyes_the_likelier_a_face_was_squeezed() -> None:
    likely = [_likely_squeezed(seen(eyes, 0.0), 64) for eyes in (18, 22, 26, 30, 34)]
    assert likely == sorted(likely)
    assert likely[0] < 0.05
    assert likely[-1] > 0.95


def test_a_turned_head_has_its_eyes_nearer_together_and_is_not_taken_for_cut_square() -> None:
    eyes = next(
        eyes for eyes in np.arange(18.0, 34.0, 0.1) if _likely_squeezed(seen(float(eyes), 0.0), 64) > 0.2
    )
    frontal, turned = (_likely_squeezed(seen(float(eyes), aside), 64) for aside in (0.0, 6.0))
    assert turned > 2 * frontal
    assert _likely_squeezed(seen(float(eyes), -6.0), 64) == pytest.approx(turned)


def cut_out(path: Path, engine: Engine, square: bool) -> Picture:
    """As a small client does it: detect's box, or the square around it, scaled to 64 x 64."""
    picture = decode(path.read_bytes(), long_side=DETECT_SIDE)
    box = engine.detector.detect(picture, 0.5)[0].box
    side = max(box.width, box.height)
    if square:
        middle_x, middle_y = box.left + box.width / 2, box.top + box.height / 2
        box = Box(middle_x - side / 2, middle_y - side / 2, side, side)
    image = (
        Image.open(path)
        .convert("RGB")
        .crop((round(box.left), round(box.top), round(box.right), round(box.bottom)))
    )
    stream = io.BytesIO()
    image.resize((INDEX_SIZE, INDEX_SIZE)).save(stream, "PNG")
    return enough(decode(stream.getvalue()))


@pytest.mark.parametrize("name", PEOPLE)
@pytest.mark.parametrize("square", [True, False], ids=["square", "squeezed"])
def test_each_way_of_cutting_is_read_as_what_it_was(name: str, square: bool, engine: Engine) -> None:
    readings = read_crop(engine.landmark_net, cut_out(photographs()[name], engine, square))
    assert sum(reading.weight for reading in readings) == pytest.approx(1.0, abs=0.06)
    likely = sum(reading.weight for reading in readings if reading.squeeze == (1.0 if square else SQUEEZED))
    assert likely > 0.5


def test_a_crop_without_a_face_is_refused_with_the_measured_value(engine: Engine) -> None:
    with pytest.raises(NoFace, match=r"surest at \d+%"):
        read_crop(engine.landmark_net, Picture.of(np.full((64, 64, 3), 90, np.uint8)))
