"""face -> embedding: align by the landmarks, run the network on the chip and on its mirror image."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from edge.align import Matrix, apply, similarity_transform
from edge.face import Embedding, Landmarks, Pixels, Vector
from edge.gallery import unit
from edge.interpreter import Model
from edge.picture import Picture

CROP_SIZE = 200
"""Side of the crop that is kept of a reference, pixels: room for the chip of any embedder."""


@dataclass(frozen=True, slots=True, eq=False)
class KeptCrop:
    """The aligned face with a margin (CROP_SIZE x CROP_SIZE x 3), and the landmarks on it (4 x 2)."""

    pixels: Pixels
    landmarks: Vector


@dataclass(frozen=True, slots=True, eq=False)
class Template:
    """Where the four landmarks belong (4 x 2, pixels) on a chip of size x size.

    squeeze, below: true width / height of a picture pixel (see edge.detect.find_landmarks).
    """

    points: Vector
    size: int

    def alignment(self, landmarks: Landmarks, squeeze: float = 1.0) -> Matrix:
        """Picture pixels -> chip pixels."""
        stretch = np.array([squeeze, 1.0], np.float32)
        matrix = similarity_transform(landmarks.points * stretch, self.points)
        matrix[:, 0] *= squeeze
        return matrix

    def scale(self, landmarks: Landmarks, squeeze: float = 1.0) -> float:
        """Chip pixels per picture pixel, downwards."""
        return float(np.hypot(*self.alignment(landmarks, squeeze)[:, 1]))


KEPT = Template(
    np.array([[76.39, 96.85], [123.61, 96.85], [100.0, 125.52], [100.0, 149.92]], np.float32), CROP_SIZE
)
"""Where the landmarks lie on a kept crop, whichever embedder made the reference: MobileFaceNet's template,
1.35 times as large, around the middle. Embedding the crop (a JPEG of quality 92) instead of the photograph
gives a cosine of 0.9990 with MobileFaceNet and 0.9995 with dlib (60 pictures of LFW folds 0-1), 0.9982 and
0.9991 on faces above 130 px (40 of WIDER); larger and smaller crops come out lower with one of the two."""


_OUTSIDE = 0
"""Gray level of a kept crop where the picture has ended, as on the chips of both embedders (their `fill`)."""


def kept_crop(picture: Picture, landmarks: Landmarks, squeeze: float = 1.0) -> KeptCrop:
    """What is kept of a reference so that any embedder can start from it."""
    matrix = KEPT.alignment(landmarks, squeeze)
    return KeptCrop(picture.crop(matrix, CROP_SIZE, _OUTSIDE), apply(matrix, landmarks.points))


class Embedder:
    """One embedding network with its template."""

    def __init__(self, model: Model) -> None:
        self._model = model
        self.id = model.name
        self.dimensions = int(model.card["dimensions"])
        self.template = Template(np.asarray(model.card["template"], np.float32), model.shape[0])
        self._fill = int(model.card["fill"])

    def another(self) -> Embedder:
        """The same network for another thread."""
        return Embedder(self._model.another())

    @property
    def seconds(self) -> float:
        """Time spent in the network so far."""
        return self._model.seconds

    def operators(self) -> list[str]:
        """See edge.interpreter.Model."""
        return self._model.operators()

    def embed(self, picture: Picture, landmarks: Landmarks, squeeze: float = 1.0) -> Embedding:
        """The face's unit vector: the mean of the chip's and its mirror image's."""
        chip = picture.crop(self.template.alignment(landmarks, squeeze), self.template.size, self._fill)
        mirrored = np.ascontiguousarray(chip[:, ::-1])
        both = [unit(self._model.run(pixels)["embedding"].real().reshape(-1)) for pixels in (chip, mirrored)]
        return Embedding(unit(both[0] + both[1]), self.id, float(both[0] @ both[1]))
