"""Scenes for the camera loop: photographs of people moved over a background, as a camera would give them."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from PIL import Image

from edge.camera.frame import Frame
from edge.closeup import Region
from edge.face import Box
from edge.picture import Planes
from tests.photographs import astronaut, biden, nobody, obama, photographs

WIDTH, HEIGHT = 1280, 720
SMALL = 640
FPS = 10.0
START = 1000.0
"""Steady seconds of the first frame of a scene."""

Place = Callable[[float], tuple[float, float] | None]
"""Seconds -> where the middle of a head is, pixels; None while it is not in view."""

_HEADS = {
    "obama": (obama, (280, 30, 720, 560)),
    "obama2": (lambda: photographs()["obama2.jpg"], (330, 60, 1100, 1000)),
    "biden": (biden, (150, 120, 830, 1000)),
    "astronaut": (astronaut, (140, 0, 330, 230)),
}
"""A photograph, and the part of it that is a head: left, top, right, bottom."""


@functools.cache
def head(name: str, height: int) -> Image.Image:
    """A head of that height, pixels, with soft edges (RGBA)."""
    path, box = _HEADS[name]
    picture = Image.open(path()).convert("RGB").crop(box)
    picture = picture.resize((height * picture.width // picture.height, height), Image.Resampling.LANCZOS)
    down, across = np.mgrid[-1 : 1 : picture.height * 1j, -1 : 1 : picture.width * 1j]
    soft = np.clip((1.0 - np.hypot(down, across)) * 8, 0, 1) * 255
    picture.putalpha(Image.fromarray(soft.astype(np.uint8)))
    return picture


@functools.cache
def background() -> Image.Image:
    """A cup of coffee, where nobody is."""
    return Image.open(nobody()).convert("RGB").resize((WIDTH, HEIGHT))


def standing(across: float = 640, down: float = 360, sway: float = 12) -> Place:
    """Somebody who stands there and sways a little."""
    return lambda time: (across + sway * math.sin(2 * time), down + sway / 2 * math.sin(3 * time))


def fixed(across: float = 640, down: float = 360) -> Place:
    """A picture on the wall."""
    return lambda time: (across, down)


def crossing(start: float, seconds: float, down: float = 360) -> Place:
    """Somebody who walks through the frame from left to right."""
    return lambda time: (WIDTH * (time - start) / seconds, down) if start <= time < start + seconds else None


def present(place: Place, *times: tuple[float, float]) -> Place:
    """The same, in view between these times alone."""
    return lambda time: place(time) if any(low <= time < high for low, high in times) else None


@dataclass
class Scene:
    """Who is where, and the sensor's noise (gray levels)."""

    people: list[tuple[str, int, Place]] = field(default_factory=list)
    noise: float = 2.0
    light: Callable[[float], float] = lambda time: 1.0

    def picture(self, time: float) -> Image.Image:
        """What is to be seen after that many seconds, in full size."""
        canvas = background().copy()
        for name, height, place in self.people:
            where = place(time)
            if where is not None:
                face = head(name, height)
                canvas.paste(face, (round(where[0] - face.width / 2), round(where[1] - height / 2)), face)
        return canvas

    def frames(self, seconds: float, start: float = 0.0, fps: float = FPS) -> Iterator[tuple[Frame, Region]]:
        """The frames of that time, each with what cuts out of it."""
        for number in range(round(start * fps), round((start + seconds) * fps)):
            time = number / fps
            full = self._planes(self.picture(time), number, time)
            small = _smaller(full)
            yield Frame(number, START + time, small, WIDTH, HEIGHT), functools.partial(_region, full)

    def _planes(self, picture: Image.Image, number: int, time: float) -> Planes:
        luma, blue, red = picture.convert("YCbCr").split()
        half = (WIDTH // 2, HEIGHT // 2)
        gray = np.asarray(luma, np.float32) * self.light(time) + _grain(number) * self.noise
        return Planes(
            np.clip(gray, 0, 255).astype(np.uint8),
            np.asarray(blue.resize(half, Image.Resampling.BOX)),
            np.asarray(red.resize(half, Image.Resampling.BOX)),
        )


def folder_of(scene: Scene, folder: Path, seconds: float) -> Path:
    """The scene as a folder of JPEGs, for a replay."""
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(round(seconds * FPS)):
        scene.picture(number / FPS).save(folder / f"{number:05}.jpg", quality=90)
    return folder


@functools.cache
def _noise() -> np.ndarray[tuple[int], np.dtype[np.float32]]:
    return np.random.default_rng(1).standard_normal(2 * WIDTH * HEIGHT).astype(np.float32)


def _grain(number: int) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    start = number * 7919 % (WIDTH * HEIGHT)
    return _noise()[start : start + WIDTH * HEIGHT].reshape(HEIGHT, WIDTH)


def _smaller(full: Planes) -> Planes:
    height = SMALL * HEIGHT // WIDTH
    small = Image.fromarray(full.y).resize((SMALL, height), Image.Resampling.BOX)
    chroma = [
        Image.fromarray(plane).resize((SMALL // 2, height // 2), Image.Resampling.BOX)
        for plane in (full.u, full.v)
    ]
    return Planes(np.asarray(small), *(np.asarray(plane) for plane in chroma))


def _region(full: Planes, box: Box) -> tuple[Planes, int, int]:
    inside = box.clip(WIDTH, HEIGHT)
    left, top = int(inside.left) // 2 * 2, int(inside.top) // 2 * 2
    right, bottom = math.ceil(inside.right / 2) * 2, math.ceil(inside.bottom / 2) * 2
    quarter = slice(top // 2, bottom // 2), slice(left // 2, right // 2)
    return Planes(full.y[top:bottom, left:right], full.u[quarter], full.v[quarter]), left, top
