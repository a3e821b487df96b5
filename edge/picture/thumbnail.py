"""A part of a picture as a small client would send it: cut out, scaled to a square, a JPEG."""

from __future__ import annotations

import io

from PIL import Image, ImageOps

_QUALITY = 92


class Thumbnails:
    """Cuts parts out of one picture file, turned upright as everywhere."""

    def __init__(self, data: bytes) -> None:
        """data: a JPEG or PNG that has been looked at by Source, which refuses what is none."""
        self._image = ImageOps.exif_transpose(Image.open(io.BytesIO(data))).convert("RGB")

    def jpeg(self, left: float, top: float, width: float, height: float, side: int) -> bytes:
        """A side x side JPEG of a rectangle (pixels, rounded; black where it leaves the picture)."""
        left, top, width, height = (round(value) for value in (left, top, width, height))
        part = self._image.crop((left, top, left + width, top + height))
        buffer = io.BytesIO()
        part.resize((side, side), Image.Resampling.BICUBIC).save(buffer, "JPEG", quality=_QUALITY)
        return buffer.getvalue()
