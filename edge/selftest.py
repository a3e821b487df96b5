"""One recognition of a drawn face, the way that requests go: whether this device recognises at all.

The face is drawn here, so it is nobody's. Its picture is wide and flat, for which the wide net has its
smallest canvas: a quarter of the pixels of a square one.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np

from edge.errors import ModelError
from edge.face import Box, Pixels
from edge.picture import encode_jpeg
from edge.portrait import Portrait
from edge.settings import Settings
from edge.vision import Detection

SIDE = 64
"""Of the face, pixels; the picture is four times as wide."""

_PLACE = Box(0, 0, SIDE, SIDE)
_OVERLAP = 0.5
"""Intersection over union that a box has with its place at least; 0.86 with the models of this release."""

LEAST_CONFIDENCE = Settings().min_confidence
"""Of the drawn face (0..1), whatever the setting says: the networks are surer of it than 0.9."""

_GREY = 110
_QUALITY = 90

_Colour = tuple[int, int, int]
_SKIN, _HAIR, _WHITE = (205, 160, 135), (60, 45, 40), (245, 245, 240)
_DARK, _BROW, _NOSE, _LIPS = (40, 30, 25), (70, 50, 45), (180, 130, 110), (170, 70, 70)

_OVALS: tuple[tuple[float, float, float, float, _Colour], ...] = (
    (0.0, 0.0, 0.72, 0.95, _SKIN),
    (0.0, -0.8, 0.55, 0.28, _HAIR),
    *(
        (side * across, down, wide, high, colour)
        for side in (-1, 1)
        for across, down, wide, high, colour in (
            (0.3, -0.15, 0.15, 0.07, _WHITE),
            (0.3, -0.15, 0.065, 0.065, _DARK),
            (0.3, -0.31, 0.19, 0.035, _BROW),
        )
    ),
    (0.0, 0.12, 0.09, 0.16, _NOSE),
    (0.0, 0.5, 0.28, 0.08, _LIPS),
)
"""Middle (across, down), half width, half height, of a square from -1 to 1; the later covers the earlier."""


class Recognises(Protocol):
    """edge.vision.Vision."""

    def portraits(
        self, data: bytes, *, min_confidence: float | None = None
    ) -> tuple[Detection, list[Portrait]]: ...


def drawn_face() -> bytes:
    """The picture, a JPEG of about 2 kB."""
    return encode_jpeg(_drawn(), _QUALITY)


class SelfTest:
    """Asks the vision for the drawn face. For one thread at a time."""

    def __init__(self, vision: Recognises) -> None:
        self._vision = vision
        self._picture = drawn_face()

    def run(self) -> None:
        """Once through decoder, queue and all three networks.

        Raises ModelError: they find anything but one face, or find it elsewhere than it is; whatever
        Vision.portraits raises.
        """
        detection, portraits = self._vision.portraits(self._picture, min_confidence=LEAST_CONFIDENCE)
        seen, there = len(detection.faces), sum(one.face.box.overlap(_PLACE) > _OVERLAP for one in portraits)
        if (seen, there) != (1, 1):
            raise ModelError(f"the networks found {seen} faces, and {there} where one is drawn")


def _drawn() -> Pixels:
    down, across = np.mgrid[-1 : 1 : SIDE * 1j, -1 : 1 : SIDE * 1j]
    face = np.full((SIDE, SIDE, 3), _GREY, np.uint8)
    for middle, height, wide, high, colour in _OVALS:
        face[np.hypot((across - middle) / wide, (down - height) / high) < 1] = colour
    wall = np.full((SIDE, 3 * SIDE, 3), _GREY, np.uint8)
    return np.concatenate([face, wall], axis=1)
