"""What is measured of a face, on painted faces and on photographs."""

from __future__ import annotations

import dataclasses
import io
import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageFilter

from edge import quality
from edge.budget import MemoryBudget
from edge.calibration import Calibration
from edge.clock import SystemClock
from edge.engine import EMBEDDER, Engine
from edge.errors import ModelError
from edge.face import Box, Face, Landmarks, Look, Vector
from edge.picture import Picture, Source
from edge.portrait import Portrait, cut_out_portrait, portrait_of
from edge.quality import MARKS, flaws, look_of, sharpness, usefulness, yaw
from edge.settings import EMBEDDERS
from edge.wording import strangers, told
from tests.photographs import astronaut, biden, obama
from tests.pictures import encoded, opened

MIB = 1 << 20
GOOD = Look(120.0, 0.4, -5.0, 0.99)
FRONTAL = np.array([[40.0, 50.0], [80.0, 50.0], [60.0, 74.0], [60.0, 94.0]], np.float32)


def texture(seed: int, side: int = 64) -> np.ndarray:
    """Something with detail of every size, gray levels."""
    chance = np.random.default_rng(seed)
    face = np.full((side, side), 127.0)
    for block in (1, 2, 4, 8, 16):
        coarse = chance.uniform(-1, 1, (side // block, side // block))
        face += 4 * block * np.kron(coarse, np.ones((block, block)))
    return face.astype(np.float32)


def blurred(face: np.ndarray, radius: float) -> np.ndarray:
    image = Image.fromarray(face.round().clip(0, 255).astype(np.uint8))
    return np.asarray(image.filter(ImageFilter.GaussianBlur(radius)), np.float32)


def turned(degrees: float, roll: float = 0.0, scale: float = 1.0) -> Vector:
    """Landmarks of a head turned so far: eyes 40 apart on a plane, the nose 0.58 x 40 before it."""
    angle, tilt = math.radians(degrees), math.radians(roll)
    solid = np.array([[-20.0, 0.0, 0.0], [20.0, 0.0, 0.0], [0.0, 24.0, 23.2], [0.0, 44.0, 5.0]])
    across = solid[:, 0] * math.cos(angle) + solid[:, 2] * math.sin(angle)
    down = solid[:, 1]
    points = np.stack(
        [across * math.cos(tilt) - down * math.sin(tilt), across * math.sin(tilt) + down * math.cos(tilt)],
        axis=1,
    )
    return (points * scale + 100).astype(np.float32)


@given(st.floats(-75, 75), st.floats(-60, 60), st.floats(0.3, 5))
def test_yaw_is_the_angle_whatever_the_roll_and_the_size(degrees: float, roll: float, scale: float) -> None:
    assert yaw(turned(degrees, roll, scale)) == pytest.approx(degrees, abs=0.5)


@given(st.floats(-75, 75))
def test_yaw_of_the_mirror_image_has_the_other_sign(degrees: float) -> None:
    mirrored = (turned(degrees) * np.array([-1, 1], np.float32))[[1, 0, 2, 3]]
    assert yaw(mirrored) == pytest.approx(-yaw(turned(degrees)), abs=0.1)


def test_landmarks_in_one_place_give_an_angle_too() -> None:
    assert yaw(np.zeros((4, 2), np.float32)) == 0.0


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 1000), st.floats(0.5, 2.5), st.floats(0.6, 2))
def test_the_more_blurred_the_less_sharp(seed: int, radius: float, more: float) -> None:
    face = texture(seed)
    values = [sharpness(blurred(face, by)) for by in (0.0, radius, radius + more)]
    assert 1 >= values[0] > values[1] > values[2] >= 0


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 1000), st.floats(0.1, 2), st.floats(-30, 30))
def test_light_and_contrast_do_not_count(seed: int, contrast: float, light: float) -> None:
    face = texture(seed)
    assert sharpness(face * np.float32(contrast) + np.float32(light)) == pytest.approx(
        sharpness(face), abs=1e-3
    )


def test_blur_along_one_direction_counts() -> None:
    face = texture(1)
    smeared = np.mean([np.roll(face, by, axis=1) for by in range(-4, 5)], axis=0).astype(np.float32)
    assert sharpness(smeared) < 0.6 * sharpness(face)
    assert sharpness(smeared.T) == pytest.approx(sharpness(smeared), abs=0.05)


@pytest.mark.parametrize("level", [0, 127, 255])
def test_a_blank_face_is_not_sharp_and_breaks_nothing(level: int) -> None:
    picture = Picture.of(np.full((120, 120, 3), level, np.uint8))
    face = Face(Box(20, 20, 80, 90), 0.9, Landmarks(FRONTAL, 0.9))
    found = look_of(picture, face, Landmarks(FRONTAL, 0.9), 1.0)
    assert found.side == 80
    assert found.sharpness == pytest.approx(0.0, abs=1e-3)
    assert found.yaw == 0.0


def test_a_face_outside_the_picture_breaks_nothing() -> None:
    picture = Picture.of(np.zeros((20, 20, 3), np.uint8))
    face = Face(Box(0, 0, 20, 20), 0.9, Landmarks(FRONTAL + 500, 0.9))
    assert 0 <= look_of(picture, face, Landmarks(FRONTAL + 500, 0.9), 1.0).sharpness <= 1


def test_every_embedder_has_its_limits() -> None:
    """In its calibration file; of an embedder that nobody measured no face is marked for it."""
    look = dataclasses.replace(GOOD, mirror=0.0)
    for model in EMBEDDERS.values():
        assert [flaw.code for flaw in flaws(look, model)] == ["uneven_face"]
    assert flaws(look, "guesswork") == ()


def test_a_good_face_has_no_flaws_and_each_flaw_says_what_was_measured() -> None:
    assert flaws(GOOD, EMBEDDER) == ()
    poor = (
        (dataclasses.replace(GOOD, side=50.4), "small_face", "50 px"),
        (dataclasses.replace(GOOD, sharpness=0.173), "blurred_face", "0.17"),
        (dataclasses.replace(GOOD, yaw=-47.3), "turned_face", "47 degrees"),
        (dataclasses.replace(GOOD, mirror=0.21), "uneven_face", "0.210"),
    )
    for look, code, measured in poor:
        assert [flaw.code for flaw in flaws(look, EMBEDDER)] == [code]
        assert measured in flaws(look, EMBEDDER)[0].message
    assert [flaw.code for flaw in flaws(Look(40.0, 0.1, 70.0, 0.1), EMBEDDER)] == list(MARKS)


@pytest.mark.parametrize(
    ("measure", "value", "said"),
    [
        ("side", 63.96, "only 63.96 px wide or high; from 64 px"),
        ("sharpness", 0.2196, "is 0.2196; from 0.22"),
        ("yaw", -40.04, "by 40.04 degrees; up to 40"),
        ("mirror", 0.92996, "by 0.92996; from 0.930"),
    ],
)
def test_a_value_next_to_its_limit_is_not_told_as_the_limit(measure: str, value: float, said: str) -> None:
    (flaw,) = flaws(dataclasses.replace(GOOD, **{measure: value}), EMBEDDER)
    assert said in flaw.message


@given(st.integers(0, 1000), st.floats(-2, 2), st.integers(0, 3))
def test_a_number_in_words_is_on_its_side_of_the_limit(limit: int, beyond: float, digits: int) -> None:
    text = told(limit + beyond, limit, digits)
    assert float(text) == pytest.approx(limit + beyond, abs=0.5)
    if abs(beyond) > 1e-6:
        assert (float(text) > limit, float(text) < limit) == (beyond > 0, beyond < 0)


def test_a_share_of_strangers_in_words() -> None:
    assert strangers(-1.5, 0.01) == "32 in 1,000 strangers"
    assert strangers(-1.9999, 0.01) == "10.002 in 1,000 strangers"


def test_what_could_not_be_read_once_is_asked_for_again(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(model: str) -> Calibration:
        raise ModelError("not there yet")

    uneven = dataclasses.replace(GOOD, mirror=0.0)
    quality._measured.cache_clear()
    with monkeypatch.context() as patched:
        patched.setattr(quality, "calibration_of", missing)
        assert flaws(uneven, EMBEDDER) == ()
    assert [flaw.code for flaw in flaws(uneven, EMBEDDER)] == ["uneven_face"]


def test_what_the_embedder_did_not_measure_is_not_marked() -> None:
    assert flaws(dataclasses.replace(GOOD, mirror=None), EMBEDDER) == ()


def test_only_much_blur_is_grave() -> None:
    marked = Look(40.0, 0.19, 70.0, 0.1)
    assert not any(flaw.grave for flaw in flaws(marked, EMBEDDER))
    blurred_more = dataclasses.replace(marked, sharpness=0.14)
    assert [flaw.code for flaw in flaws(blurred_more, EMBEDDER) if flaw.grave] == ["blurred_face"]


@given(st.floats(0, 1), st.floats(0.001, 1), st.floats(-1, 1))
def test_surer_and_more_even_is_more_useful(confidence: float, surer: float, mirror: float) -> None:
    value = usefulness(confidence, mirror, EMBEDDER)
    assert 0 <= value <= 1
    assert usefulness(min(confidence + surer, 1.0), mirror, EMBEDDER) >= value
    assert usefulness(confidence, min(mirror + surer, 1.0), EMBEDDER) >= value


# -- photographs ----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def engine() -> Engine:
    return Engine.load(1)


def portrait(engine: Engine, picture: Image.Image) -> Portrait:
    data = encoded(picture, "PNG")
    with Source(data, MemoryBudget(256 * MIB, 96 * MIB, SystemClock()), 1.0) as source:
        face = engine.detector.detect(source.picture(960), 0.3)[0]
        assert face.landmarks is not None
        return portrait_of(engine, source, face, face.landmarks)


@pytest.mark.parametrize("path", [obama, biden, astronaut])
def test_a_good_photograph_is_not_marked(engine: Engine, path: Callable[[], Path]) -> None:
    seen = portrait(engine, opened(path(), 600))
    assert flaws(seen.look, seen.embedding.model) == ()
    assert seen.look.mirror == seen.embedding.mirror


def test_the_size_of_a_photograph_does_not_count_as_blur(engine: Engine) -> None:
    values = [portrait(engine, opened(obama(), side)).look.sharpness for side in (1100, 700, 450, 300)]
    assert max(values) - min(values) < 0.1


def test_a_blurred_photograph_is_marked(engine: Engine) -> None:
    seen = portrait(engine, opened(obama(), 450).filter(ImageFilter.GaussianBlur(6)))
    assert "blurred_face" in [flaw.code for flaw in flaws(seen.look, seen.embedding.model)]


def test_the_mirror_image_looks_the_same_and_the_other_way(engine: Engine) -> None:
    picture = opened(astronaut())
    one, other = (
        portrait(engine, picture),
        portrait(engine, picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT)),
    )
    assert one.look.yaw == pytest.approx(-other.look.yaw, abs=6)
    assert one.look.sharpness == pytest.approx(other.look.sharpness, abs=0.05)
    assert one.look.mirror == pytest.approx(other.look.mirror, abs=0.02)


def test_a_cut_out_face_is_measured_too(engine: Engine) -> None:
    face = portrait(engine, opened(obama(), 600)).face.box
    cut = opened(obama(), 600).crop((int(face.left), int(face.top), int(face.right), int(face.bottom)))
    stream = io.BytesIO()
    cut.resize((64, 64), Image.Resampling.LANCZOS).save(stream, "PNG")
    with Source(stream.getvalue(), MemoryBudget(256 * MIB, 96 * MIB, SystemClock()), 1.0) as source:
        seen = cut_out_portrait(engine, source.picture(64))
    assert seen.look.side == 64
    assert flaws(seen.look, seen.embedding.model) == ()
