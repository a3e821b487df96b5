"""The upright picture that detection and alignment see."""

from __future__ import annotations

from PIL import Image

from edge.face import Pixels
from edge.picture.letterbox import Letterbox
from edge.picture.orientation import Matrix
from edge.picture.resample import Stored, enlarge, fit, warp


class Picture:
    """An upright RGB picture, perhaps kept at a reduced scale. All coordinates are of the full picture.

    width, height: full upright size, pixels. scale: kept / full size, above 1 only when enlarged.
    """

    def __init__(self, stored: Stored) -> None:
        self._stored = stored
        turned = stored.orientation >= 5
        self.width = stored.height if turned else stored.width
        self.height = stored.width if turned else stored.height
        self.scale = 1 / stored.factor

    @classmethod
    def of(cls, pixels: Pixels) -> Picture:
        """The picture with these pixels (height x width x 3, RGB), at full scale."""
        height, width = pixels.shape[:2]
        return cls(Stored(Image.fromarray(pixels), width, height, 1, 1))

    @property
    def image(self) -> Image.Image:
        """The pixels as they are kept; for this room alone."""
        return self._stored.image

    def letterbox(self, size: int, fill: int = 127, multiple: int | None = None) -> tuple[Pixels, Letterbox]:
        """The whole picture centred in a size x size canvas, and where it lies there.

        multiple: the canvas is only as wide or as high as this many pixels, times a whole number, need be.
        """
        return fit(self._stored, size, fill, multiple)

    def crop(self, matrix: Matrix, size: int, fill: int | None = None) -> Pixels:
        """size x size x 3 pixels, antialiased when shrinking.

        matrix: 2 x 3, picture -> output, in pixels, continuous coordinates. What lies outside the picture
        has the gray level fill, or (None) the colour of the nearest edge pixel.
        """
        return warp(self._stored, matrix, size, fill)

    def enlarged(self, times: int) -> Picture:
        """The same picture, and the same coordinates, with `times` as many pixels to sample from."""
        return Picture(enlarge(self._stored, times))

    def close(self) -> None:
        """Frees the pixels, whoever still holds the picture; it cannot be looked at any more."""
        self._stored.image.close()
