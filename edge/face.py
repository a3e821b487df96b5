"""The small values that travel between the rooms. All pixels are of the upright picture."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]
"""Height x width x 3, RGB."""

Vector = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle in pixels; left and top may be negative until it is clipped."""

    left: float
    top: float
    width: float
    height: float

    @property
    def right(self) -> float:
        """The x after the last column, pixels."""
        return self.left + self.width

    @property
    def bottom(self) -> float:
        """The y after the last row, pixels."""
        return self.top + self.height

    def clip(self, width: float, height: float) -> Box:
        """The part of the box inside a picture of that size (pixels); may be empty."""
        left, top = min(max(self.left, 0.0), width), min(max(self.top, 0.0), height)
        right, bottom = min(max(self.right, left), width), min(max(self.bottom, top), height)
        return Box(left, top, right - left, bottom - top)

    def overlap(self, other: Box) -> float:
        """Intersection over union, 0..1."""
        across = min(self.right, other.right) - max(self.left, other.left)
        down = min(self.bottom, other.bottom) - max(self.top, other.top)
        shared = max(0.0, across) * max(0.0, down)
        return shared / max(self.width * self.height + other.width * other.height - shared, 1e-6)


@dataclass(frozen=True, slots=True, eq=False)
class Landmarks:
    """Right eye, left eye, nose tip, mouth centre (the person's right and left).

    points: 4 x 2 float32, x and y in pixels. score: 0..1, how sure the face net was of them.
    """

    points: Vector
    score: float


@dataclass(frozen=True, slots=True, eq=False)
class Face:
    """One face: where it is and how sure the detector is (confidence, 0..1)."""

    box: Box
    confidence: float
    landmarks: Landmarks | None


@dataclass(frozen=True, slots=True, eq=False)
class Embedding:
    """A unit vector (float32, `dimensions` long) and the id of the model that made it.

    mirror: cosine of the vectors of the face and of its mirror image, of which this one is the mean.
    """

    vector: Vector
    model: str
    mirror: float


@dataclass(frozen=True, slots=True)
class Look:
    """What was measured of a face that may become a reference (edge/quality.py).

    side: the shorter side of its box, pixels. sharpness: 0 (blurred) .. 1. yaw: degrees that the head is
    turned, positive when the nose points to the picture's right. mirror: cosine of the embeddings of
    the face and of its mirror image, comparable for those of one model only; None where the model that is
    asked for has not measured it.
    """

    side: float
    sharpness: float
    yaw: float
    mirror: float | None
