"""The photographs in all the forms in which clients send them."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

from PIL import Image

INDEX_SIDE = 64


def opened(path: Path, long_side: int | None = None) -> Image.Image:
    """The photograph as RGB, no longer than that."""
    with Image.open(path) as file:
        picture = file.convert("RGB")
    if long_side is not None:
        picture.thumbnail((long_side, long_side), Image.Resampling.LANCZOS)
    return picture


def encoded(picture: Image.Image, kind: str = "JPEG", **options: Any) -> bytes:
    """The file."""
    buffer = io.BytesIO()
    picture.save(buffer, kind, **options)
    return buffer.getvalue()


def jpeg(path: Path, long_side: int | None = None, **options: Any) -> bytes:
    """The photograph as a JPEG, no longer than that."""
    return encoded(opened(path, long_side), "JPEG", **{"quality": 92, **options})


def cut_out(path: Path, face: dict[str, int], square: bool) -> bytes:
    """The face of an answer of detect on that photograph, 64 x 64: squeezed into it, or with surroundings."""
    left, top = face["left"], face["top"]
    width, height = face["width"], face["height"]
    if square:
        side = max(width, height)
        left, top = left - (side - width) // 2, top - (side - height) // 2
        width = height = side
    crop = opened(path).crop((left, top, left + width, top + height))
    return encoded(crop.resize((INDEX_SIDE, INDEX_SIDE), Image.Resampling.LANCZOS), "JPEG", quality=92)


def oriented(picture: Image.Image, orientation: int) -> bytes:
    """A JPEG that a camera held another way would write: pixels turned, EXIF says how to turn them back."""
    undo = {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }
    stored = picture.transpose(undo[orientation]) if orientation in undo else picture
    exif = Image.Exif()
    exif[0x0112] = orientation
    return encoded(stored, "JPEG", quality=95, exif=exif)


def overlap(one: dict[str, int], other: dict[str, int]) -> float:
    """Intersection over union of two boxes of answers."""
    right = min(one["left"] + one["width"], other["left"] + other["width"])
    bottom = min(one["top"] + one["height"], other["top"] + other["height"])
    common = max(0, right - max(one["left"], other["left"])) * max(0, bottom - max(one["top"], other["top"]))
    areas = one["width"] * one["height"] + other["width"] * other["height"]
    return common / (areas - common)


def claiming(picture: bytes, width: int, height: int) -> bytes:
    """A JPEG whose header says another size."""
    at = min(found for marker in (b"\xff\xc0", b"\xff\xc2") if (found := picture.find(marker)) > 0)
    size = height.to_bytes(2, "big") + width.to_bytes(2, "big")
    return picture[: at + 5] + size + picture[at + 9 :]
