"""A client's crop of a picture."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from edge.errors import BadImage, ImageTooLarge, PictureError
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


def test_a_jpeg_without_its_end_is_cut_like_a_whole_one() -> None:
    """The service takes it, too: only the last marker is missing."""
    buffer = io.BytesIO()
    Image.new("RGB", (64, 48), (0, 255, 0)).save(buffer, "JPEG")
    whole = buffer.getvalue()
    assert Thumbnails(whole[:-2]).jpeg(4, 4, 20, 20, 8) == Thumbnails(whole).jpeg(4, 4, 20, 20, 8)
    with pytest.raises(BadImage, match="cut off"):
        Thumbnails(whole[:-40])


def test_more_pixels_than_pillow_cares_for_are_a_refusal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its own exception would end an evaluation of many photographs. The limit of Source is another one."""
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    thumbnails = Thumbnails(picture(1))
    assert colour(thumbnails.jpeg(0, 0, 8, 8, 8)) == [5, 0, 0]
    with pytest.raises(ImageTooLarge, match="20x20 px"):
        thumbnails.jpeg(0, 0, 20, 20, 8)


def test_what_cannot_be_read_is_a_refusal() -> None:
    with pytest.raises(PictureError):
        Thumbnails(picture(1)[:60])
    with pytest.raises(PictureError):
        Thumbnails(b"text")


def test_transparency_lies_on_grey_as_everywhere() -> None:
    buffer = io.BytesIO()
    Image.new("RGBA", (20, 20), (255, 255, 255, 0)).save(buffer, "PNG")
    with Image.open(io.BytesIO(Thumbnails(buffer.getvalue()).jpeg(0, 0, 20, 20, 8))) as image:
        assert abs(float(np.asarray(image, np.float64).mean()) - 127) < 2
