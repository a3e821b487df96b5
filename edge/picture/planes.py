"""The pixels of a camera: YUV 4:2:0, as three planes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from edge.picture.picture import Picture
from edge.picture.resample import Stored

Plane = NDArray[np.uint8]


@dataclass(frozen=True, slots=True, eq=False)
class Planes:
    """Full-range YUV of ITU-R BT.601, as JPEG has it; 4:2:0.

    y: height x width; u, v: half of each. Width and height are even. They may be views of memory that is
    written again: whoever keeps them takes a copy.
    """

    y: Plane
    u: Plane
    v: Plane

    @property
    def width(self) -> int:
        """Pixels."""
        return int(self.y.shape[1])

    @property
    def height(self) -> int:
        """Pixels."""
        return int(self.y.shape[0])

    def picture(self) -> Picture:
        """The same pixels as a picture of their own. Colour is repeated, not interpolated: for faces it makes
        no difference, and takes half the time."""
        bands = [Image.fromarray(np.ascontiguousarray(plane)) for plane in (self.y, self.u, self.v)]
        size = bands[0].size
        chroma = [band.resize(size, Image.Resampling.NEAREST) for band in bands[1:]]
        image = Image.merge("YCbCr", [bands[0], *chroma]).convert("RGB")
        return Picture(Stored(image, *size, 1, 1))
