"""How somebody moves through the picture: positions of the face, frame by frame."""

from __future__ import annotations

import random
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

WIDTH, HEIGHT = 1280, 720
FPS = 10
"""Of the clip."""

FACE = 0.76
"""Width / height of a face's box, as the detector draws it (docs/matching.md)."""

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Path:
    """Arrays with one value a frame. x, y: centre of the face; width: of the face (pixels of the full frame);
    roll: degrees."""

    x: Floats
    y: Floats
    width: Floats
    roll: Floats

    def __len__(self) -> int:
        return len(self.x)

    def box(self, frame: int) -> tuple[float, float, float, float]:
        """Left, top, width, height of the face."""
        width = float(self.width[frame])
        height = width / FACE
        return float(self.x[frame]) - width / 2, float(self.y[frame]) - height / 2, width, height


def stay(rng: random.Random, side: int, place: float, largest: float, seconds: float) -> Path:
    """Enter at a side (-1 left, 1 right), come nearer, stand at place (0..1 of the width), leave.

    largest: width of the face while standing, pixels; seconds: how long they stand.
    """
    away = rng.choice((side, -side))
    small = max(30.0, largest * rng.uniform(0.5, 0.85))
    there = place * WIDTH
    begin = WIDTH / 2 + side * (WIDTH / 2 + small)
    end = WIDTH / 2 + away * (WIDTH / 2 + largest)
    speed = rng.uniform(260, 520)
    legs = (abs(there - begin) / speed + 0.4, seconds, abs(end - there) / (speed * 1.3) + 0.3)
    x = _legs(legs, (begin, there, there, end))
    width = _legs(legs, (small, largest, largest * rng.uniform(0.95, 1.12), largest * rng.uniform(0.8, 1.0)))
    return _swayed(rng, x, width)


def walk(rng: random.Random, side: int, size: float, seconds: float) -> Path:
    """Straight through the picture from one side to the other without a stop. size: pixels."""
    out = WIDTH / 2 + size
    legs = (seconds,)
    ends = (WIDTH / 2 + side * out, WIDTH / 2 - side * out)
    count = max(2, round(seconds * FPS))
    x = np.linspace(*ends, count)
    return _swayed(rng, x, _legs(legs, (size, size * rng.uniform(0.9, 1.15))))


def _legs(seconds: tuple[float, ...], values: tuple[float, ...]) -> Floats:
    """From value to value, each leg begun and ended gently."""
    parts = []
    for leg, first, last in zip(seconds, values[:-1], values[1:], strict=True):
        share = np.linspace(0, 1, max(2, round(leg * FPS)))
        parts.append(first + (last - first) * share * share * (3 - 2 * share))
    return np.concatenate(parts)


def _swayed(rng: random.Random, x: Floats, width: Floats) -> Path:
    """A body's own movement on top: steps while walking, sway while standing, a head that tilts."""
    time = np.arange(len(x)) / FPS
    speed = np.abs(np.gradient(x)) * FPS
    walking = np.clip(speed / 150, 0, 1)
    sway = width * rng.uniform(0.05, 0.16)
    x = x + sway * _waves(rng, time)
    level = HEIGHT * rng.uniform(0.30, 0.36)
    y = (
        level
        + width * 0.32
        + width * 0.05 * _waves(rng, time)
        + width * 0.05 * walking * np.abs(np.sin(6 * time))
    )
    return Path(x, y, width * (1 + 0.03 * _waves(rng, time)), rng.uniform(2, 7) * _waves(rng, time))


def _waves(rng: random.Random, time: Floats) -> Floats:
    """Smooth and irregular, about -1..1."""
    total = np.zeros_like(time)
    for period, part in ((rng.uniform(2.5, 4), 0.6), (rng.uniform(1.2, 2), 0.4)):
        total += part * np.sin(2 * np.pi * (time / period + rng.random()))
    return total
