"""A picture with rectangles drawn on it, for people to look at."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass

from PIL import Image, ImageDraw

from edge.face import Box
from edge.picture.picture import Picture

Colour = tuple[int, int, int]
"""RGB, 0..255."""

_QUALITY = 88
_MARGIN = 3  # pixels between a text and its ground


@dataclass(frozen=True, slots=True)
class Outline:
    """box: pixels of the picture. text: ASCII, written above it."""

    box: Box
    text: str
    colour: Colour


def outlined_jpeg(picture: Picture, outlines: Sequence[Outline]) -> bytes:
    """The picture, which is at full scale and upright, as a JPEG. It stays as it is."""
    image = picture.image.convert("RGB").copy()
    draw = ImageDraw.Draw(image)
    thick = max(2, round(max(image.size) / 400))
    for outline in outlines:
        box = outline.box
        draw.rectangle((box.left, box.top, box.right, box.bottom), outline=outline.colour, width=thick)
        _write(image, outline, thick)
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=_QUALITY, subsampling=0)
    return buffer.getvalue()


def _write(image: Image.Image, outline: Outline, thick: int) -> None:
    """The text on a ground of the colour; twice as large as the font that Pillow always has."""
    left, _, right, bottom = ImageDraw.Draw(image).textbbox((_MARGIN, _MARGIN), outline.text)
    size = (round(right + left), round(bottom + _MARGIN))
    ground = Image.new("RGB", size, outline.colour)
    ImageDraw.Draw(ground).text((_MARGIN, _MARGIN), outline.text, fill=(0, 0, 0))
    ground = ground.resize((2 * size[0], 2 * size[1]))
    place = round(outline.box.left), round(outline.box.top) - ground.height - thick
    image.paste(ground, (max(0, min(place[0], image.width - ground.width)), max(0, place[1])))
