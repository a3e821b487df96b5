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
"""Side of the crop that is kept of a reference, pixels: the chip of any embedder and a margin around it."""


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

    def kept_crop(self, picture: Picture, landmarks: Landmarks, squeeze: float = 1.0) -> KeptCrop:
        """What is kept of a reference so that another embedder can start from it."""
        matrix = self.alignment(landmarks, squeeze)
        matrix[:, 2] += (CROP_SIZE - self.size) / 2
        return KeptCrop(picture.crop(matrix, CROP_SIZE), apply(matrix, landmarks.points))


class Embedder:
    """One embedding network with its template."""

    def __init__(self, model: Model) -> None:
        self._model = model
        self.id = model.name
        self.dimensions = int(model.card["dimensions"])
        self.template = Template(np.asarray(model.card["template"], np.float32), model.shape[0])

    def embed(self, picture: Picture, landmarks: Landmarks, squeeze: float = 1.0) -> Embedding:
        """The face's unit vector: the mean of the chip's and its mirror image's."""
        chip = picture.crop(self.template.alignment(landmarks, squeeze), self.template.size)
        mirrored = np.ascontiguousarray(chip[:, ::-1])
        both = [unit(self._model.run(pixels)["embedding"].real().reshape(-1)) for pixels in (chip, mirrored)]
        return Embedding(unit(both[0] + both[1]), self.id, float(both[0] @ both[1]))
