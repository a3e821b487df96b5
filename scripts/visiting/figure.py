"""A photograph's central face as a figure that can be painted anywhere: head, neck and drawn clothes.

The colours are full-range YCbCr, as the camera's planes have them, so that painting needs no conversion.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from edge.engine import Engine
from edge.face import Box, Pixels
from edge.picture import Picture
from visiting.path import FACE

FACE_HEIGHT = 176
"""Of the face in a figure, pixels; LFW's faces have about 115."""

ASIDE, ABOVE, BELOW = 1.5, 1.25, 3.25
"""What a figure holds around the middle of its face, in heights of the face."""

_LEAST = 0.3
"""Confidence from which the detector's box is believed; otherwise the data set's usual place is."""

_HAIRLINE, _HAIR = 0.25, 0.25
"""Over how much of a face's height a cut-off forehead becomes hair, and how bright that is beside it."""

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
    whole = _composed(image, _whole(box, image.height), clothes)
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
    size = round(2 * ASIDE * FACE_HEIGHT), round((ABOVE + BELOW) * FACE_HEIGHT)
    rim = round(box.height)
    image = Image.fromarray(_continued(np.asarray(image), rim))
    left = box.left + box.width / 2 - ASIDE * box.height + rim
    top = box.top + box.height / 2 - ABOVE * box.height + rim
    less = max(1, round(scale))  # shrink first: the sampling below does not average
    image = image.reduce(less)
    corner = tuple(value / less for value in (scale, 0, left, 0, scale, top))
    sampled = image.transform(size, Image.Transform.AFFINE, corner, Image.Resampling.BICUBIC)
    x, y = _grid(*size)
    head = np.maximum(_oval(x, y + 0.10, 0.56, 0.80), _neck(x, y))
    colours = _over(_clothes(x, y, clothes), np.asarray(sampled, np.float32), head)
    bands = Image.fromarray(np.uint8(np.clip(colours, 0, 255))).convert("YCbCr").split()
    alpha = np.uint8(np.maximum(head, _torso(x, y)) * 255)
    # CMYK is the one mode with four bands in which Pillow takes none of them for alpha.
    return Image.merge("CMYK", [*bands, Image.fromarray(alpha)])


def _continued(pixels: Pixels, rim: int) -> Pixels:
    """Tight photographs have cut off forehead or hair: their rim goes on, and grows dark above."""
    padded = np.pad(pixels, ((rim, rim), (rim, rim), (0, 0)), mode="edge").astype(np.float32)
    shade = np.clip(1 - (rim - np.arange(rim)) / (_HAIRLINE * rim), _HAIR, 1)
    padded[:rim] *= shade[:, np.newaxis, np.newaxis]
    return np.uint8(padded)


def _whole(box: Box, height: int) -> Box:
    """A face's box where the photograph's upper or lower edge has cut it off. height: the photograph's."""
    missing = max(box.width / FACE - box.height, 0.0)
    above, below = box.top < 2, box.bottom > height - 2
    top = box.top - missing * (above and (0.5 if below else 1.0))
    return Box(box.left, top, box.width, box.height + missing * (above or below))


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


def _over(below: Floats, above: Floats, alpha: Floats) -> Floats:
    return below + (above - below) * alpha[..., np.newaxis]
