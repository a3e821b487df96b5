"""Pixels at another size or place, upright, from the stored picture. No copy of the whole is turned.

Coordinates are continuous everywhere (pixel i covers [i, i + 1), its centre is i + 0.5), as in Pillow.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from PIL import Image

from edge.face import Pixels
from edge.picture.letterbox import Letterbox
from edge.picture.orientation import Matrix, upright, upright_matrix

_BILINEAR = Image.Resampling.BILINEAR
"""Interpolates when growing, a triangle as wide as the step (antialiased) when shrinking."""


@dataclass(frozen=True, slots=True)
class Stored:
    """A picture as it is kept: width x height pixels in full, the image 1/factor of that (below 1: more)."""

    image: Image.Image
    width: int
    height: int
    factor: float
    orientation: int


def enlarge(stored: Stored, times: int) -> Stored:
    """The same picture with `times` as many pixels each way; smoother than bilinear where a chip needs more
    pixels than there are."""
    image = stored.image
    finer = image.resize((image.width * times, image.height * times), Image.Resampling.LANCZOS)
    return replace(stored, image=finer, factor=stored.factor / times)


def fit(stored: Stored, size: int, fill: int, multiple: int | None = None) -> tuple[Pixels, Letterbox]:
    """The whole picture centred in a size x size canvas; its short side cut to a multiple, if one is given.

    Both axes get exactly the same scale; less than one canvas pixel of the short side is cut off, half
    of it on each side.
    """
    scale = size / max(stored.width, stored.height)
    inner_x, cut_x = _inner(stored.width, scale)
    inner_y, cut_y = _inner(stored.height, scale)
    far_x, far_y = stored.width - cut_x, stored.height - cut_y
    by = stored.factor
    box = (cut_x / by, cut_y / by, far_x / by, far_y / by)
    small = stored.image.resize((inner_x, inner_y), _BILINEAR, box, reducing_gap=1.0)
    small = upright(small, stored.orientation)
    if stored.orientation >= 5:
        cut_x, cut_y = cut_y, cut_x
    width, height = _canvas(small.width, size, multiple), _canvas(small.height, size, multiple)
    left, top = (width - small.width) // 2, (height - small.height) // 2
    canvas = np.full((height, width, 3), fill, np.uint8)
    pixels = np.asarray(small)
    place = canvas[top : top + small.height, left : left + small.width]
    place[:] = pixels if pixels.ndim == 3 else pixels[:, :, np.newaxis]
    return canvas, Letterbox(scale, left - cut_x * scale, top - cut_y * scale)


def warp(stored: Stored, matrix: Matrix, size: int, fill: int | None) -> Pixels:
    """size x size pixels; matrix maps full upright picture -> output. Outside: fill, or the edge goes on."""
    forward = _from_image(stored, matrix)
    linear = np.linalg.inv(forward[:, :2])
    if abs(matrix[0, 1]) + abs(matrix[1, 0]) < 1e-9 and matrix[0, 0] > 0 and matrix[1, 1] > 0:
        return _aligned(stored, forward, linear, size, fill)
    density = 1 / np.hypot(forward[0, :2], forward[1, :2])
    steps = [max(1, round(float(step))) for step in density]
    low, high = _bounds(forward, linear, size)
    piece, origin = _piece(stored.image, low, high, steps, fill)
    shift = (-(linear @ forward[:, 2]) - origin) / steps
    linear = linear / np.array(steps)[:, np.newaxis]
    (a, b), (d, e) = linear.tolist()
    c, f = shift.tolist()
    return _rgb(piece.transform((size, size), Image.Transform.AFFINE, (a, b, c, d, e, f), _BILINEAR))


def _aligned(stored: Stored, forward: Matrix, linear: Matrix, size: int, fill: int | None) -> Pixels:
    """As warp, for a box with upright sides: resizing is faster, and exact when shrinking."""
    low, high = _bounds(forward, linear, size)
    steps = [max(1, int(span / size)) for span in high - low]
    piece, origin = _piece(stored.image, low, high, steps, fill)
    left, top = np.maximum((low - origin) / steps, 0).tolist()
    right, bottom = np.minimum((high - origin) / steps, piece.size).tolist()
    small = piece.resize((size, size), _BILINEAR, (left, top, right, bottom))
    return _rgb(upright(small, stored.orientation))


def _canvas(inner: int, size: int, multiple: int | None) -> int:
    return size if multiple is None else -(-inner // multiple) * multiple


def _inner(side: int, scale: float) -> tuple[int, float]:
    """Whole canvas pixels that a side fills, and the picture pixels to cut off each end for that."""
    inner = max(1, math.floor(side * scale + 1e-6))
    return inner, max(0.0, side - inner / scale) / 2


def _from_image(stored: Stored, matrix: Matrix) -> Matrix:
    """Pixels of the kept image -> output."""
    turn = upright_matrix(stored.orientation, stored.width, stored.height)
    linear = matrix[:, :2] @ turn[:, :2] * stored.factor
    shift = matrix[:, :2] @ turn[:, 2] + matrix[:, 2]
    return np.column_stack([linear, shift]).astype(np.float64)


def _bounds(forward: Matrix, linear: Matrix, size: int) -> tuple[Matrix, Matrix]:
    """The rectangle of the kept image that the output sees, unclipped: low and high corner."""
    corners = np.array([(0, 0), (size, 0), (0, size), (size, size)], np.float64) - forward[:, 2]
    seen = corners @ linear.T
    return seen.min(axis=0), seen.max(axis=0)


def _piece(
    image: Image.Image, low: Matrix, high: Matrix, steps: list[int], fill: int | None
) -> tuple[Image.Image, Matrix]:
    """The part from low to high and a margin, reduced by the steps, with what lies outside painted in;
    and where its first pixel begins in the image."""
    across = _span(float(low[0]), float(high[0]), image.width, steps[0])
    down = _span(float(low[1]), float(high[1]), image.height, steps[1])
    box = (across.first, down.first, across.last, down.last)
    piece = image.crop(box) if steps == [1, 1] else image.reduce((steps[0], steps[1]), box)
    if across.before or across.after or down.before or down.after:
        piece = _padded(piece, across, down, fill)
    return piece, np.array([across.origin, down.origin], np.float64)


@dataclass(frozen=True, slots=True)
class _Span:
    """Along one axis: pixels first to last of the image are taken, reduced pixels are put before and
    after them, and the first of all these begins at origin (image pixels)."""

    first: int
    last: int
    before: int
    after: int
    origin: int


def _span(low: float, high: float, limit: int, step: int) -> _Span:
    start, stop = math.floor(low) - 2 * step, math.ceil(high) + 2 * step
    if stop <= 0 or start >= limit:
        # All of it lies outside, where every pixel is like the nearest one inside.
        edge = 0 if stop <= 0 else limit - 1
        return _Span(edge, edge + 1, 0, -(-(stop - start) // step), start)
    first, last = max(0, start), min(limit, stop)
    before, after = -(-(first - start) // step), -(-(stop - last) // step)
    return _Span(first, last, before, after, first - before * step)


def _padded(piece: Image.Image, across: _Span, down: _Span, fill: int | None) -> Image.Image:
    pixels = np.asarray(piece)
    widths = [(down.before, down.after), (across.before, across.after), (0, 0)][: pixels.ndim]
    if fill is None:
        return Image.fromarray(np.pad(pixels, widths, mode="edge"))
    return Image.fromarray(np.pad(pixels, widths, constant_values=fill))


def _rgb(image: Image.Image) -> Pixels:
    pixels: Pixels = np.asarray(image if image.mode == "RGB" else image.convert("RGB"))
    return pixels
