"""A part of a picture as a small client would send it: cut out, scaled to a square, a JPEG."""

from __future__ import annotations

import io

from PIL import Image

from edge.errors import ImageTooLarge
from edge.picture.decode import unpack
from edge.picture.header import inspect
from edge.picture.orientation import upright

_QUALITY = 92


class Thumbnails:
    """Cuts parts out of one picture file, unpacked and turned upright as everywhere."""

    def __init__(self, data: bytes) -> None:
        """data: a JPEG or PNG. Raises UnsupportedImage, BadImage. What it takes in memory is not limited: the
        header should have been looked at by Source before."""
        header = inspect(data)
        self._image = upright(unpack(header, 1), header.orientation).convert("RGB")

    def jpeg(self, left: float, top: float, width: float, height: float, side: int) -> bytes:
        """A side x side JPEG of a rectangle (pixels, rounded; black where it leaves the picture).

        Raises ImageTooLarge: it is larger than Pillow makes a picture.
        """
        left, top, width, height = (round(value) for value in (left, top, width, height))
        try:
            part = self._image.crop((left, top, left + width, top + height))
        except Image.DecompressionBombError as error:
            raise ImageTooLarge(f"{width}x{height} px are too many to cut out") from error
        buffer = io.BytesIO()
        part.resize((side, side), Image.Resampling.BICUBIC).save(buffer, "JPEG", quality=_QUALITY)
        return buffer.getvalue()
