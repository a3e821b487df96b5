"""What the camera sees without people: a room, its light, and the noise of the sensor."""

from __future__ import annotations

import csv
import random
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from visiting.path import FPS, HEIGHT, WIDTH

CATEGORIES = (
    "scene15_bedroom",
    "scene15_livingroom",
    "scene15_kitchen",
    "scene15_office",
    "scene15_suburb",
    "scene15_industrial",
)
"""Of negatives/: rooms and streets without distant people and without pets."""

FINE_NOISE, COARSE_NOISE = 0.9, 2.2
"""Standard deviations of the sensor's noise, of 255, in grains of one and of two pixels. What x264 leaves of it
is about 0.9 in a picture of half the size."""

_NOISES = 8
Bytes = NDArray[np.uint8]
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Canvas:
    """The planes of one frame; they are painted on. y: HEIGHT x WIDTH; u, v: half of each."""

    y: Bytes
    u: Bytes
    v: Bytes

    def copy(self) -> Canvas:
        """One to paint on."""
        return Canvas(self.y.copy(), self.u.copy(), self.v.copy())


def rooms(data: Path, count: int, rng: random.Random) -> list[Path]:
    """Pictures of different rooms and streets."""
    folder = data / "negatives"
    with (folder / "index.csv").open(newline="") as stream:
        paths = [folder / row["filename"] for row in csv.DictReader(stream) if row["category"] in CATEGORIES]
    return rng.sample(sorted(paths), count)


def canvas_of(path: Path, rng: random.Random) -> Canvas:
    """A room, filling the frame, with a tint and a texture of its own: those pictures are small and gray."""
    with Image.open(path) as opened:
        image = opened.convert("L")
    cut = round(image.width * HEIGHT / WIDTH)
    top = rng.randrange(image.height - cut + 1) if image.height > cut else 0
    image = image.crop((0, top, image.width, top + cut)).resize((WIDTH, HEIGHT), Image.Resampling.LANCZOS)
    gray = np.asarray(image.filter(ImageFilter.UnsharpMask(4, 60, 2)), np.float32)
    grain = np.random.default_rng(rng.randrange(2**32))
    texture = Image.fromarray(np.uint8(grain.normal(128, 40, (HEIGHT // 2, WIDTH // 2)).clip(0, 255)))
    gray = gray * 0.85 + 15 + (np.asarray(texture.resize((WIDTH, HEIGHT)), np.float32) - 128) * 0.08
    small = gray[::2, ::2]
    warm = rng.uniform(-0.06, 0.10)
    chroma = [128 - warm * small, 128 + warm * 0.7 * small]
    return Canvas(*(np.uint8(plane.clip(0, 255)) for plane in (gray, *chroma)))


class Light:
    """How bright the scene is, moment by moment: it drifts slowly, and is switched.

    dark: the stretches (seconds) in which the light is off.
    """

    def __init__(self, rng: random.Random, dark: list[tuple[float, float]]) -> None:
        self._dark = dark
        self._waves = [(rng.uniform(35, 60), 0.05, rng.random()), (rng.uniform(90, 200), 0.08, rng.random())]

    def gain(self, second: float) -> float:
        """1 at full light."""
        drift = sum(
            part * np.sin(2 * np.pi * (second / period + phase)) for period, part, phase in self._waves
        )
        off = any(start <= second < end for start, end in self._dark)
        return float((0.28 if off else 0.95) + drift * (0.4 if off else 1.0))


class Sensor:
    """Light and noise, laid over a painted canvas in place."""

    def __init__(self, rng: random.Random) -> None:
        draw = np.random.default_rng(rng.randrange(2**32))
        margin = 64
        self._random = rng
        self._noises = [_noise(draw, HEIGHT + margin, WIDTH + margin) for _ in range(_NOISES)]
        self._coarse = [_noise(draw, HEIGHT // 2 + margin, WIDTH // 2 + margin) for _ in range(_NOISES)]
        self._margin = margin

    def expose(self, canvas: Canvas, gain: float) -> None:
        """As the sensor sees it at that gain of light (1: full)."""
        _add(canvas.y, self._cut(self._noises, canvas.y.shape), gain, 0)
        for plane in (canvas.u, canvas.v):
            _add(plane, self._cut(self._coarse, plane.shape), gain, 128)

    def _cut(self, noises: list[NDArray[np.int16]], shape: tuple[int, ...]) -> NDArray[np.int16]:
        top, left = self._random.randrange(self._margin), self._random.randrange(self._margin)
        noise = noises[self._random.randrange(len(noises))]
        return noise[top : top + shape[0], left : left + shape[1]]


def _noise(draw: np.random.Generator, height: int, width: int) -> NDArray[np.int16]:
    fine = draw.normal(0, FINE_NOISE, (height, width))
    coarse = draw.normal(0, COARSE_NOISE, (height // 2 + 1, width // 2 + 1))
    return np.int16(np.rint(fine + coarse.repeat(2, 0).repeat(2, 1)[:height, :width]))


def _add(plane: Bytes, noise: NDArray[np.int16], gain: float, zero: int) -> None:
    curve = np.rint(zero + (np.arange(256) - zero) * gain).astype(np.int16)
    lit = curve[plane]
    lit += noise
    np.clip(lit, 0, 255, out=lit)
    plane[...] = lit


def frames_of(seconds: float) -> int:
    """How many frames a stretch has."""
    return round(seconds * FPS)
