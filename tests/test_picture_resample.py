"""Letterboxes and crops: where things land, what they look like, and what is outside."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from edge.align import apply, invert
from edge.picture import Picture, decode
from tests.photographs import astronaut
from tests.tricky import exif, portrait, saved, turned

IDENTITY = np.eye(2, 3)


def dotted(width: int, height: int, x: float, y: float) -> np.ndarray:
    """Black, with a soft white spot whose centre is at (x, y) in continuous coordinates."""
    across, down = np.arange(width) + 0.5 - x, np.arange(height) + 0.5 - y
    spot = np.exp(-(across[np.newaxis] ** 2 + down[:, np.newaxis] ** 2) / (2 * 6.0**2))
    return np.repeat((spot * 255).astype(np.uint8)[:, :, np.newaxis], 3, axis=2)


def centre(pixels: np.ndarray) -> tuple[float, float]:
    """Where the light is, continuous coordinates."""
    light = pixels[:, :, 0].astype(np.float64)
    x = (light.sum(axis=0) * (np.arange(light.shape[1]) + 0.5)).sum() / light.sum()
    y = (light.sum(axis=1) * (np.arange(light.shape[0]) + 0.5)).sum() / light.sum()
    return float(x), float(y)


def turn(angle: float, scale: float, shift: tuple[float, float] = (0.0, 0.0)) -> np.ndarray:
    """Picture -> output: scaled and turned about the origin, then shifted."""
    c, s = scale * np.cos(angle), scale * np.sin(angle)
    return np.array([[c, -s, shift[0]], [s, c, shift[1]]])


@pytest.mark.parametrize("size", [(640, 480), (333, 500), (101, 99), (1500, 211), (64, 64)])
@pytest.mark.parametrize("canvas", [128, 1024])
def test_letterbox_tells_where_things_are(size: tuple[int, int], canvas: int) -> None:
    width, height = size
    x, y = width * 0.6, height * 0.45
    pixels, letterbox = Picture.of(dotted(width, height, x, y)).letterbox(canvas, fill=0)
    assert pixels.shape == (canvas, canvas, 3)
    assert pixels.flags["C_CONTIGUOUS"]
    found_x, found_y = centre(pixels)
    box = letterbox.box(found_x - 1, found_y - 2, 2, 4)
    assert box.left + box.width / 2 == pytest.approx(x, abs=0.3 / letterbox.scale * 0.3 + 0.1)
    assert box.top + box.height / 2 == pytest.approx(y, abs=0.3 / letterbox.scale * 0.3 + 0.1)


def test_letterbox_is_centred_between_gray_bars() -> None:
    pixels, letterbox = Picture.of(np.full((100, 200, 3), 9, np.uint8)).letterbox(64)
    assert (pixels[:16] == 127).all()
    assert (pixels[16:48] == 9).all()
    assert (pixels[48:] == 127).all()
    assert letterbox.box(0, 16, 64, 32).width == pytest.approx(200)
    assert letterbox.box(0, 16, 64, 32).top == pytest.approx(0)


def test_a_thin_line_of_a_picture_still_fits() -> None:
    for shape in ((1, 5000, 3), (5000, 1, 3), (1, 1, 3)):
        assert Picture.of(np.zeros(shape, np.uint8)).letterbox(64)[0].shape == (64, 64, 3)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientation_changes_neither_letterbox_nor_crop(orientation: int) -> None:
    upright = Picture.of(np.asarray(portrait()))
    picture = decode(saved(turned(portrait(), orientation), "PNG", exif=exif(orientation)))
    ours, theirs = picture.letterbox(300), upright.letterbox(300)
    assert ours[1] == theirs[1]
    assert np.abs(ours[0].astype(int) - theirs[0]).max() <= 2
    for matrix in (turn(0, 1, (-100, -50)), turn(0.4, 0.9, (30, -50)), turn(0, 1.7, (-200, -90))):
        assert np.abs(picture.crop(matrix, 150).astype(int) - upright.crop(matrix, 150)).max() <= 2


@pytest.mark.parametrize("orientation", [1, 6])
def test_a_reduced_picture_is_seen_at_the_same_places(orientation: int) -> None:
    spot = Image.fromarray(dotted(801, 1203, 500, 700))
    file = saved(turned(spot, orientation), "JPEG", quality=95, exif=exif(orientation))
    for long_side, scale in ((None, 1), (600, 1 / 2), (150, 1 / 8)):
        picture = decode(file, long_side=long_side)
        assert picture.scale == scale
        assert centre(picture.crop(turn(0, 0.5, (-186, -286)), 128)) == pytest.approx((64, 64), abs=0.5)
        assert centre(picture.crop(turn(0.3, 0.5, (-71.3, -344.5)), 128)) == pytest.approx(
            tuple(apply(turn(0.3, 0.5, (-71.3, -344.5)), np.array([[500, 700]], np.float32))[0]), abs=0.5
        )


@settings(max_examples=60, deadline=None)
@given(st.floats(-3.1, 3.1), st.floats(0.1, 3), st.floats(60, 440), st.floats(60, 340))
def test_a_crop_shows_the_spot_where_the_matrix_sends_it(
    angle: float, scale: float, x: float, y: float
) -> None:
    matrix = turn(angle, scale)
    target = apply(matrix, np.array([[x, y]], np.float32))[0]
    matrix[:, 2] = 96 - target
    pixels = Picture.of(dotted(500, 400, x, y)).crop(matrix, 192)
    assert centre(pixels) == pytest.approx((96, 96), abs=0.35)


def test_crops_interpolate_between_pixel_centres() -> None:
    ramp = np.repeat(np.arange(0, 200, 2, dtype=np.uint8)[np.newaxis, :, np.newaxis], 100, axis=0).repeat(
        3, axis=2
    )
    picture = Picture.of(ramp)
    assert (picture.crop(turn(0, 1, (-20, -20)), 50)[:, :, 0] == ramp[20:70, 20:70, 0]).all()
    half = picture.crop(turn(0, 1, (-20.5, -20)), 50)[:, :, 0].astype(int)
    assert (half == ramp[20:70, 20:70, 0].astype(int) + 1).all()
    twice = picture.crop(turn(1e-7, 2, (-40, -40)), 50)[25, :, 0].astype(float)
    assert np.abs(twice - (40 + np.arange(50) - 0.5)).max() <= 1


@pytest.mark.parametrize("angle", [0.0, 0.5])
@pytest.mark.parametrize("scale", [0.1, 0.3, 0.5])
def test_shrinking_does_not_alias(angle: float, scale: float) -> None:
    # Of a board of single pixels, averaging 3 x 3 leaves a ninth.
    board = (np.indices((800, 800)).sum(axis=0) % 2 * 255).astype(np.uint8)
    picture = Picture.of(np.repeat(board[:, :, np.newaxis], 3, axis=2))
    middle = picture.crop(turn(angle, scale, (30 - 400 * scale, 30 - 200 * scale)), 48)[20:28, 20:28]
    assert np.abs(middle.astype(int) - 127).max() <= 16
    assert np.abs(picture.letterbox(round(800 * scale))[0].astype(int) - 127).max() <= 16


def test_a_squeezed_crop_is_reduced_along_one_axis_only() -> None:
    board = np.zeros((400, 400, 3), np.uint8)
    board[::2] = 254
    across = np.array([[0.1, 0, 5], [0, 1, -100]])
    pixels = Picture.of(board).crop(across, 30)
    assert (pixels[0::2, 15, 0] == 254).all()
    assert (pixels[1::2, 15, 0] == 0).all()


@pytest.mark.parametrize("angle", [0.0, 0.3])
def test_outside_is_the_edge_or_the_fill(angle: float) -> None:
    picture = Picture.of(np.full((60, 80, 3), 200, np.uint8))
    matrix = turn(angle, 0.7, (10, 10))
    assert (picture.crop(matrix, 96) == 200).all()
    filled = picture.crop(matrix, 96, fill=127)
    assert (filled[-5:, -5:] == 127).all()
    middle = apply(matrix, np.array([[40, 30]], np.float32))[0].astype(int)
    assert (filled[middle[1] - 3 : middle[1] + 3, middle[0] - 3 : middle[0] + 3] == 200).all()


@pytest.mark.parametrize("angle", [0.0, 0.3])
@pytest.mark.parametrize("shift", [(-5000.0, 0.0), (5000.0, 5000.0), (0.0, 900.0)])
def test_a_crop_far_outside_is_the_edge_or_the_fill(angle: float, shift: tuple[float, float]) -> None:
    picture = Picture.of(np.full((60, 80, 3), 200, np.uint8))
    assert (picture.crop(turn(angle, 2, shift), 64) == 200).all()
    assert (picture.crop(turn(angle, 2, shift), 64, fill=5) == 5).all()


def test_gray_pictures_come_out_in_three_channels() -> None:
    gray = decode(saved(portrait().convert("L"), "PNG"))
    for pixels in (gray.crop(IDENTITY, 50), gray.crop(turn(0.2, 1), 50), gray.letterbox(50)[0]):
        assert pixels.shape == (50, 50, 3)
        assert (pixels[:, :, 0] == pixels[:, :, 2]).all()


def test_a_crop_agrees_with_sampling_by_hand() -> None:
    with Image.open(astronaut()) as image:
        pixels = np.asarray(image.convert("RGB"))
    matrix = turn(0.35, 1.1, (-160, -140))
    back = invert(matrix)
    rows, columns = np.indices((150, 150)) + 0.5
    points = np.stack([columns.ravel(), rows.ravel()], axis=1)
    x, y = (points @ back[:, :2].T + back[:, 2] - 0.5).T
    left, top = np.floor(x).astype(int), np.floor(y).astype(int)
    dx, dy = (x - left)[:, np.newaxis], (y - top)[:, np.newaxis]
    upper = pixels[top, left] * (1 - dx) + pixels[top, left + 1] * dx
    lower = pixels[top + 1, left] * (1 - dx) + pixels[top + 1, left + 1] * dx
    by_hand = (upper * (1 - dy) + lower * dy).reshape(150, 150, 3)
    assert np.abs(Picture.of(pixels).crop(matrix, 150) - by_hand).max() <= 1.01


def test_an_enlarged_picture_keeps_its_coordinates() -> None:
    rng = np.random.default_rng(3)
    small = Picture.of(np.kron(rng.integers(0, 255, (8, 8, 3)), np.ones((8, 8, 1))).astype(np.uint8))
    large = small.enlarged(3)
    assert (large.width, large.height, large.scale) == (64, 64, 3.0)
    matrix = np.array([[2.5, 0.4, 3.0], [-0.4, 2.5, 9.0]])
    plain, smooth = (picture.crop(matrix, 150).astype(int) for picture in (small, large))
    assert np.abs(plain - smooth).mean() < 8
    assert np.abs(small.letterbox(128)[0].astype(int) - large.letterbox(128)[0]).mean() < 8
