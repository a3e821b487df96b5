"""A client's crop of a picture."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image

from edge.picture import Thumbnails


def picture(orientation: int) -> bytes:
    """40 x 20 as stored: left half red, right half blue."""
    image = Image.new("RGB", (40, 20), (255, 0, 0))
    image.paste((0, 0, 255), (20, 0, 40, 20))
    exif = Image.Exif()
    exif[0x0112] = orientation
    buffer = io.BytesIO()
    image.save(buffer, "PNG", exif=exif)
    return buffer.getvalue()


def colour(jpeg: bytes) -> list[int]:
    """The mean colour of an 8 x 8 JPEG, to the next 255th part."""
    with Image.open(io.BytesIO(jpeg)) as image:
        assert (image.format, image.size) == ("JPEG", (8, 8))
        mean = np.asarray(image, np.float64).mean(axis=(0, 1))
    return [round(value / 51) for value in mean.tolist()]


def test_the_rectangle_is_of_the_upright_picture() -> None:
    """Turned by a quarter (EXIF 6), the red half is above."""
    assert colour(Thumbnails(picture(1)).jpeg(0, 0, 20, 20, 8)) == [5, 0, 0]
    assert colour(Thumbnails(picture(6)).jpeg(0, 0, 20, 20, 8)) == [5, 0, 0]
    assert colour(Thumbnails(picture(6)).jpeg(0, 20, 20, 20, 8)) == [0, 0, 5]


def test_beyond_the_edge_it_is_black() -> None:
    assert colour(Thumbnails(picture(1)).jpeg(-30, -30, 20, 20, 8)) == [0, 0, 0]
