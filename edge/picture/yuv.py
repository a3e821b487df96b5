"""JPEG -> the planes that a camera would give."""

from __future__ import annotations

import numpy as np
from PIL import Image

from edge.picture.decode import unpack
from edge.picture.header import Header
from edge.picture.orientation import upright
from edge.picture.planes import Plane, Planes

_BILINEAR = Image.Resampling.BILINEAR
"""Antialiased when shrinking."""


def planes_of(header: Header, width: int, height: int) -> Planes:
    """A picture, upright, scaled to width x height pixels (even). Raises BadImage."""
    across, down = header.upright
    factor = max(1, min(across // width, down // height))
    image = unpack(header, 1 << (factor.bit_length() - 1))
    image = upright(image, header.orientation).convert("YCbCr")
    if image.size != (width, height):
        image = image.resize((width, height), _BILINEAR)
    y, u, v = image.split()
    return Planes(_plane(y), _plane(u.reduce(2)), _plane(v.reduce(2)))


def _plane(image: Image.Image) -> Plane:
    plane: Plane = np.asarray(image)
    return plane
