"""faces -> crop: the transforms that put landmarks where an embedder wants them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from edge.face import Vector

Matrix = NDArray[np.float64]
"""2 x 3: output pixel = matrix @ (x, y, 1)."""


def similarity_transform(source: Vector, target: Vector) -> Matrix:
    """Rotation, one scale and shift that bring source points (n x 2) nearest to target points.

    Least squares in closed form: Umeyama, "Least-squares estimation of transformation parameters
    between two point patterns", IEEE PAMI 13(4), 1991 (here in two dimensions, with complex numbers,
    where no reflection can arise).
    """
    points = source[:, 0] + 1j * source[:, 1].astype(np.complex128)
    wanted = target[:, 0] + 1j * target[:, 1].astype(np.complex128)
    middle, aim = points.mean(), wanted.mean()
    spread = float(np.sum(np.abs(points - middle) ** 2))
    turn = np.sum(np.conj(points - middle) * (wanted - aim)) / max(spread, 1e-9)
    shift = aim - turn * middle
    return np.array([[turn.real, -turn.imag, shift.real], [turn.imag, turn.real, shift.imag]])


def square_crop(centre_x: float, centre_y: float, side: float, size: int) -> Matrix:
    """The upright square of `side` picture pixels around a point, as `size` output pixels."""
    scale = size / side
    return np.array([[scale, 0.0, size / 2 - centre_x * scale], [0.0, scale, size / 2 - centre_y * scale]])


def apply(matrix: Matrix, points: Vector) -> Vector:
    """Points (n x 2) through a transform."""
    moved: Vector = (points @ matrix[:, :2].T + matrix[:, 2]).astype(np.float32)
    return moved


def invert(matrix: Matrix) -> Matrix:
    """The transform back."""
    linear = np.linalg.inv(matrix[:, :2])
    return np.hstack([linear, -(linear @ matrix[:, 2:])])


def then(first: Matrix, second: Matrix) -> Matrix:
    """The transform that does `first`, then `second`."""
    both: Matrix = second @ np.vstack([first, [0.0, 0.0, 1.0]])
    return both
