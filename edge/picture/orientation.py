"""EXIF orientation as geometry: crops fold it into their matrix, only small results are ever turned."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Matrix = NDArray[np.floating]
"""2 x 3, affine. All coordinates are continuous: pixel i covers [i, i + 1), its centre is i + 0.5."""

_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}

_AXES = {
    1: ((1, 0), (0, 1)),
    2: ((-1, 0), (0, 1)),
    3: ((-1, 0), (0, -1)),
    4: ((1, 0), (0, -1)),
    5: ((0, 1), (1, 0)),
    6: ((0, -1), (1, 0)),
    7: ((0, -1), (-1, 0)),
    8: ((0, 1), (-1, 0)),
}


def upright(image: Image.Image, orientation: int) -> Image.Image:
    """The stored picture as a person sees it."""
    turn = _TURNS.get(orientation)
    return image if turn is None else image.transpose(turn)


def upright_matrix(orientation: int, width: float, height: float) -> Matrix:
    """Stored -> upright coordinates of a picture stored as width x height."""
    axes = np.array(_AXES[orientation], np.float64)
    shift = -np.minimum(axes, 0) @ (width, height)
    return np.column_stack([axes, shift])
