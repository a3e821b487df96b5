"""pixels -> bytes, for what the store keeps."""

from __future__ import annotations

import io

from PIL import Image

from edge.face import Pixels


def encode_jpeg(pixels: Pixels, quality: int) -> bytes:
    """A baseline JPEG with full colour resolution. quality: 1-95."""
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG", quality=quality, subsampling=0)
    return buffer.getvalue()
