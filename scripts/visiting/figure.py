"""A photograph's central face as a figure that can be painted anywhere: head, neck and drawn clothes.

The colours are full-range YCbCr, as the camera's planes have them, so that painting needs no conversion.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from edge.engine import Engine
from edge.face import Box
from edge.picture import Picture
from visiting.path import FACE

FACE_HEIGHT = 176
"""Of the face in a figure, pixels; LFW's faces have about 115."""

ASIDE, ABOVE, BELOW = 1.5, 1.25, 3.25
"""What a figure holds around the middle of its face, in heights of the face."""

_LEAST = 0.3
"""Confidence from which the detector's box is believed; otherwise the data set's usual place is."""

_RIM = 8
"""Pixels over which a photograph's own edge fades."""

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Figure:
    """levels: Y, Cb, Cr and alpha in the four bands of an image, in full, half and quarter size. head: the
    photograph's part that is shown, RGB. found: whether the detector saw the face in the photograph."""

    levels: tuple[Image.Image, ...]
    head: Image.Image
    found: bool


def face_of(engine: Engine, image: Image.Image) -> tuple[Box, bool]:
    """The central face of a photograph, and whether the detector saw it."""
    width, height = image.size
    share = 0.36 if width == height == 250 else 0.62  # LFW's whole scenes, CFP's tight crops
    usual = Box(
        width * (1 - share) / 2, height / 2 - width * share / FACE / 2, width * share, width * share / FACE
    )
    faces = engine.detector.detect(Picture.of(np.asarray(image)), _LEAST)
    best = max(faces, key=lambda face: face.box.overlap(usual), default=None)
    if best is None or best.box.overlap(usual) < 0.2:
        return usual, False
    return best.box, True


def figure_of(engine: Engine, photograph: Path, clothes: tuple[int, int, int]) -> Figure:
    """The figure of a photograph. clothes: RGB of the jacket."""
    with Image.open(photograph) as opened:
        image = opened.convert("RGB")
    box, found = face_of(engine, image)
    whole = _composed(image, box, clothes)
    halves = (whole, whole.reduce(2), whole.reduce(4))
    return Figure(halves, head_of(image, box), found)


def head_of(image: Image.Image, box: Box) -> Image.Image:
    """A face with some of what is around it."""
    across, down = box.left + box.width / 2, box.top + box.height / 2
    half = 0.8 * box.height
    part = Box(across - half, down - half, 2 * half, 2 * half).clip(*image.size)
    return image.crop((round(part.left), round(part.top), round(part.right), round(part.bottom)))


def _composed(image: Image.Image, box: Box, clothes: tuple[int, int, int]) -> Image.Image:
    scale = box.height / FACE_HEIGHT
    width, height = round(2 * ASIDE * FACE_HEIGHT), round((ABOVE + BELOW) * FACE_HEIGHT)
    left = box.left + box.width / 2 - ASIDE * box.height
    top = box.top + box.height / 2 - ABOVE * box.height
    corner = (scale, 0, left, 0, scale, top)
    if scale > 1.5:  # shrink first: the sampling below does not average
        image = image.reduce(int(scale + 0.5))
        corner = tuple(value / int(scale + 0.5) for value in corner)
    size = (width, height)
    sampling = Image.Resampling.BICUBIC
    photograph = np.asarray(image.transform(size, Image.Transform.AFFINE, corner, sampling), np.float32)
    inside = np.asarray(
        Image.new("L", image.size, 255).transform(size, Image.Transform.AFFINE, corner), np.float32
    )
    x, y = _grid(width, height)
    seen = _soft(inside) * np.maximum(_oval(x, y + 0.10, 0.56, 0.80), _neck(x, y))
    torso = _torso(x, y)
    back = np.maximum(_oval(x, y + 0.11, 0.53, 0.78), _neck(x, y))
    colours = _clothes(x, y, clothes)
    colours = _over(colours, _hair_and_skin(photograph, inside, y), back * (1 - torso))
    colours = _over(colours, photograph, seen)
    alpha = np.maximum(np.maximum(back, torso), seen)
    bands = Image.fromarray(np.uint8(np.clip(colours, 0, 255))).convert("YCbCr").split()
    # CMYK is the one mode with four bands in which Pillow takes none of them for alpha.
    return Image.merge("CMYK", [*bands, Image.fromarray(np.uint8(alpha * 255))])


def _grid(width: int, height: int) -> tuple[Floats, Floats]:
    """Coordinates from the middle of the face, in heights of the face."""
    x = (np.arange(width, dtype=np.float32) + 0.5) / FACE_HEIGHT - ASIDE
    y = (np.arange(height, dtype=np.float32) + 0.5) / FACE_HEIGHT - ABOVE
    across, down = np.meshgrid(x, y)
    return across, down


def _oval(x: Floats, y: Floats, aside: float, above: float) -> Floats:
    """1 inside, falling to 0 over the outer eighth."""
    return np.clip((1.0 - np.hypot(x / aside, y / above)) / 0.12, 0, 1)


def _neck(x: Floats, y: Floats) -> Floats:
    sides = np.clip((0.30 - np.abs(x)) / 0.05, 0, 1)
    return sides * np.clip((y - 0.2) / 0.1, 0, 1) * np.clip((0.78 - y) / 0.08, 0, 1)


def _torso(x: Floats, y: Floats) -> Floats:
    down = np.clip((y - 0.60) / 0.6, 0, 1)
    half = 0.28 + 0.92 * np.sqrt(down)
    collar = 0.66 + 0.12 * np.clip(1 - np.abs(x) / 0.3, 0, 1)
    return np.clip((half - np.abs(x)) / 0.05, 0, 1) * np.clip((y - collar) / 0.04, 0, 1)


def _clothes(x: Floats, y: Floats, colour: tuple[int, int, int]) -> Floats:
    shade = (
        1.0
        - 0.35 * np.abs(x) / ASIDE
        - 0.05 * y
        + 0.06 * np.sin(9 * x + 3 * np.sin(2 * y))
        - 0.25 * (np.abs(x) < 0.02)
    )
    return np.asarray(colour, np.float32) * shade[..., np.newaxis]


def _hair_and_skin(photograph: Floats, inside: Floats, y: Floats) -> Floats:
    """What a tight photograph has cut off: the colour of its upper rim above, that of the cheeks below."""
    rows, middle = np.flatnonzero(inside.any(axis=1)), photograph.shape[1] // 2
    about = slice(middle - 30, middle + 30)
    centre = round(ABOVE * FACE_HEIGHT)
    first = max(int(rows[0]) + 3, round((ABOVE - 0.8) * FACE_HEIGHT))
    hair = np.median(photograph[first : first + 8, about].reshape(-1, 3), axis=0)
    skin = np.median(photograph[centre : centre + 30, about].reshape(-1, 3), axis=0)
    return np.where(y[..., np.newaxis] < 0.2, hair, skin * 0.9)


def _over(below: Floats, above: Floats, alpha: Floats) -> Floats:
    return below + (above - below) * alpha[..., np.newaxis]


def _soft(inside: Floats) -> Floats:
    """The mask of the photograph's own rectangle, its rim faded."""
    blurred = Image.fromarray(np.uint8(inside)).filter(ImageFilter.BoxBlur(_RIM))
    return np.clip(2 * np.asarray(blurred, np.float32) / 255 - 1, 0, 1)
