"""How large the two streams of a source are. All sides are even, because chroma has half of them."""

from __future__ import annotations

import math

from edge.camera.frame import SMALL_WIDTH
from edge.face import Box


def full_size(width: int, height: int, most_width: int, most_height: int) -> tuple[int, int]:
    """Of a source of that size, as large as it fits; never enlarged (pixels)."""
    return _scaled(width, height, min(1.0, most_width / width, most_height / height))


def small_size(width: int, height: int) -> tuple[int, int]:
    """Of the small stream beside a full one of that size: SMALL_WIDTH wide, or just as large (pixels)."""
    return _scaled(width, height, min(1.0, SMALL_WIDTH / width))


def even_part(box: Box, width: int, height: int) -> tuple[int, int, int, int]:
    """left, top, width, height of the box inside a frame of that size, widened to even sides (pixels)."""
    part = box.clip(width, height)
    left, top = (int(value) // 2 * 2 for value in (part.left, part.top))
    right, bottom = (-(-math.ceil(value) // 2) * 2 for value in (part.right, part.bottom))
    return left, top, min(right, width) - left, min(bottom, height) - top


def _scaled(width: int, height: int, scale: float) -> tuple[int, int]:
    return max(2, int(width * scale / 2 + 1e-6) * 2), max(2, int(height * scale / 2 + 1e-6) * 2)
