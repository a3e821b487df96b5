"""bytes -> pixels: the only place where a foreign file is unpacked.

A picture that has an alpha channel is laid on mid-grey: what is transparent then looks to a detector
like the empty part of its canvas. White or black would draw hard edges around a cut-out head.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np
from PIL import Image, JpegImagePlugin, PngImagePlugin

from edge.errors import BadImage, ImageTooLarge
from edge.picture.cost import BAND_ROWS, whole
from edge.picture.header import Header

BACKGROUND = 127
"""Gray level behind transparent pixels; the letterbox has the same."""

_END = b"\xff\xd9"
_NOISE = bytes(range(1, 250, 7)) * 8
"""Entropy-coded data that no encoder would write; without 0xFF, so without a marker."""


def unpack(header: Header, factor: int) -> Image.Image:
    """The stored picture at 1/factor of its size (rounded up), in mode L or RGB. Raises BadImage."""
    with _refusals(header.format):
        if header.format == "PNG":
            return _converted(_loaded_png(header), header, factor)
        image = _loaded_jpeg(header, factor, _END)
        if not header.ended and _differ(image, _loaded_jpeg(header, factor, _NOISE + _END)):
            raise BadImage("the JPEG is cut off in the middle of its pixels")
        return image if whole(header) else _converted(image, header, 1)


@contextmanager
def _refusals(name: str) -> Iterator[None]:
    """Whatever a decoder throws at a damaged file becomes BadImage."""
    try:
        yield
    except BadImage:
        raise
    except MemoryError as error:
        raise ImageTooLarge("the device has not enough memory to unpack the picture") from error
    except Exception as error:
        raise BadImage(f"the {name} cannot be decoded: {error}") from error


def _loaded_jpeg(header: Header, factor: int, ending: bytes) -> Image.Image:
    with io.BytesIO(b"".join((*header.parts, ending))) as stream:
        image = JpegImagePlugin.JpegImageFile(stream)
        _check_size(image, header)
        if factor > 1:
            # Pillow picks the largest of 8, 4, 2, 1 that leaves both sides at least this large.
            image.draft(None, (image.width // factor, image.height // factor))
        image.load()
    return image


def _loaded_png(header: Header) -> Image.Image:
    # Closing the stream frees the packed bytes; Pillow would keep them as long as the picture.
    with io.BytesIO(b"".join(header.parts)) as stream:
        image = PngImagePlugin.PngImageFile(stream)
        _check_size(image, header)
        image.load()
    return image


def _check_size(image: Image.Image, header: Header) -> None:
    if image.size != (header.width, header.height):
        raise BadImage(f"the {header.format} says two different sizes")


def _differ(one: Image.Image, other: Image.Image) -> bool:
    """Whether any pixel does. Two decodings that differ only in what follows the file's own bytes are
    the same exactly when those bytes hold the whole picture."""
    for top in range(0, one.height, BAND_ROWS):
        band = (0, top, one.width, min(top + BAND_ROWS, one.height))
        if one.crop(band).tobytes() != other.crop(band).tobytes():
            return True
    return False


def _converted(image: Image.Image, header: Header, factor: int) -> Image.Image:
    """L or RGB at 1/factor, converted band by band so that no second full copy ever exists."""
    if whole(header):
        return image
    convert = _conversion(image, header)
    gray = header.channels <= 2 and not header.palette
    size = (-(-image.width // factor), -(-image.height // factor))
    result = Image.new("L" if gray else "RGB", size)
    rows = max(1, BAND_ROWS // factor) * factor
    for top in range(0, image.height, rows):
        band = convert(image.crop((0, top, image.width, min(top + rows, image.height))))
        result.paste(band.reduce(factor) if factor > 1 else band, (0, top // factor))
    return result


def _conversion(image: Image.Image, header: Header) -> Callable[[Image.Image], Image.Image]:
    gray = image.mode in ("1", "L", "LA")
    if header.transparent:
        return _gray_on_gray if gray else _colour_on_gray
    if image.mode.startswith("I"):
        return _upper_bits
    return lambda band: band.convert("L" if gray else "RGB")


def _gray_on_gray(band: Image.Image) -> Image.Image:
    seen = band.convert("LA")
    return Image.composite(seen.convert("L"), Image.new("L", band.size, BACKGROUND), seen.getchannel("A"))


def _colour_on_gray(band: Image.Image) -> Image.Image:
    seen = band.convert("RGBA")
    ground = Image.new("RGB", band.size, (BACKGROUND,) * 3)
    return Image.composite(seen.convert("RGB"), ground, seen.getchannel("A"))


def _upper_bits(band: Image.Image) -> Image.Image:
    """16-bit gray -> 8. Pillow's own conversion clips instead of scaling."""
    return Image.fromarray((np.asarray(band) >> 8).astype(np.uint8))
