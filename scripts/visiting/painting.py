"""Paints people into a frame."""

from __future__ import annotations

import math

import numpy as np
from PIL import Image, ImageFilter

from visiting.figure import ABOVE, ASIDE, BELOW, FACE_HEIGHT, Figure
from visiting.path import FACE, FPS, HEIGHT, WIDTH
from visiting.room import Canvas
from visiting.timetable import Visit

VIEW_SECONDS = 1.6
"""How long one photograph is shown before the next."""

FADE_SECONDS = 0.2


class Painter:
    """Paints one visit. figures: one for each of its photographs."""

    def __init__(self, visit: Visit, figures: list[Figure]) -> None:
        self._visit, self._figures = visit, figures
        self._curve = [min(255, round(level * visit.brightness)) for level in range(256)]
        self._curve += list(range(256)) * 3
        self._speed = (np.gradient(visit.path.x), np.gradient(visit.path.y))

    def paint(self, canvas: Canvas, frame: int) -> None:
        """The visit's frame of that number (0 is its first), in place."""
        path = self._visit.path
        scale = float(path.width[frame]) / FACE / FACE_HEIGHT
        place = _region(float(path.x[frame]), float(path.y[frame]), scale * FACE_HEIGHT)
        if place is None:
            return
        left, top, _, bottom = place
        current, following, share = self._views(frame)
        patch = self._patch(current, frame, scale, place)
        if share > 0:
            patch = Image.blend(patch, self._patch(following, frame, scale, place), share)
        patch = self._blurred(patch.point(self._curve), frame)
        painted = np.asarray(patch)
        tilted = abs(math.sin(math.radians(float(path.roll[frame])))) * ASIDE
        lowest = round(float(path.y[frame]) + scale * FACE_HEIGHT * (BELOW - tilted)) - 12
        if lowest < bottom:  # a long coat: what stands below the figure is as its last row
            painted = np.array(painted)
            painted[max(0, lowest - top) :] = painted[max(0, lowest - top - 1)]
        lay(canvas, painted, left, top)

    def _views(self, frame: int) -> tuple[int, int, float]:
        """Which figure is shown, which comes next, and how far it has come."""
        count = len(self._figures)
        turn, into = divmod(frame / FPS, VIEW_SECONDS)
        now = int(turn) % count
        late = into - (VIEW_SECONDS - FADE_SECONDS)
        return now, (now + 1) % count, 0.0 if count == 1 or late <= 0 else late / FADE_SECONDS

    def _patch(self, view: int, frame: int, scale: float, place: tuple[int, int, int, int]) -> Image.Image:
        path = self._visit.path
        level = 0 if scale > 0.5 else 1 if scale > 0.25 else 2
        image = self._figures[view].levels[level]
        less = 2.0**level
        turn = math.radians(float(path.roll[frame]))
        across, down = math.cos(turn) / scale / less, math.sin(turn) / scale / less
        x, y = float(path.x[frame]) - place[0], float(path.y[frame]) - place[1]
        middle = (ASIDE * FACE_HEIGHT / less, ABOVE * FACE_HEIGHT / less)
        matrix = (
            across,
            down,
            middle[0] - across * x - down * y,
            -down,
            across,
            middle[1] + down * x - across * y,
        )
        size = (place[2] - place[0], place[3] - place[1])
        return image.transform(size, Image.Transform.AFFINE, matrix, Image.Resampling.BILINEAR)

    def _blurred(self, patch: Image.Image, frame: int) -> Image.Image:
        aside, down = (abs(float(speed[frame])) * self._visit.shutter / 2 for speed in self._speed)
        if max(aside, down) >= 0.5:
            patch = patch.filter(ImageFilter.BoxBlur((aside, down)))
        if self._visit.blur:
            patch = patch.filter(ImageFilter.GaussianBlur(self._visit.blur))
        return patch


def _region(x: float, y: float, height: float) -> tuple[int, int, int, int] | None:
    """The part of the frame that a figure may touch, its sides even; None: it is outside."""
    left, right = x - 1.1 * ASIDE * height, x + 1.1 * ASIDE * height
    even = [2 * round(max(0.0, min(side, float(WIDTH))) / 2) for side in (left, right)]
    top = 2 * round(max(0.0, y - 1.1 * ABOVE * height) / 2)
    return None if even[1] - even[0] < 4 or top > HEIGHT - 4 else (even[0], top, even[1], HEIGHT)


def lay(canvas: Canvas, painted: np.ndarray, left: int, top: int) -> None:
    """A patch of Y, Cb, Cr, alpha over the canvas. left, top: even."""
    height, width = painted.shape[:2]
    _blend(canvas.y[top : top + height, left : left + width], painted[..., 0], painted[..., 3])
    small = painted[::2, ::2]
    for plane, band in ((canvas.u, 1), (canvas.v, 2)):
        part = plane[top // 2 : (top + height) // 2, left // 2 : (left + width) // 2]
        _blend(part, small[..., band], small[..., 3])


def _blend(below: np.ndarray, above: np.ndarray, alpha: np.ndarray) -> None:
    weight = alpha.astype(np.uint16)
    mixed = above * weight
    mixed += below * (255 - weight)
    mixed += 127
    mixed //= 255
    below[...] = mixed
