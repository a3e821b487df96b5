"""face -> embedding: align by the landmarks, run the network on the chip and on its mirror image."""

from __future__ import annotations

import numpy as np

from edge.align import Matrix, apply, similarity_transform
from edge.face import Embedding, Landmarks, Pixels, Vector
from edge.gallery import unit
from edge.interpreter import Model
from edge.picture import Picture

CROP_SIZE = 200
"""Side of the crop that is kept of a reference, pixels: the chip of any embedder and a margin around it."""


class Embedder:
    """One embedding network with its template: where the four landmarks belong on its chip."""

    def __init__(self, model: Model) -> None:
        self._model = model
        self.id = model.name
        self.dimensions = int(model.card["dimensions"])
        self.size = model.shape[0]
        self._template: Vector = np.asarray(model.card["template"], np.float32)

    def embed(self, picture: Picture, landmarks: Landmarks, squeeze: float = 1.0) -> Embedding:
        """The face's unit vector: the mean of the chip's and its mirror image's.

        squeeze: true width / height of a picture pixel (see edge.detect.find_landmarks).
        """
        chip = picture.crop(self.alignment(landmarks, squeeze), self.size)
        return self.embed_chip(chip)

    def embed_chip(self, chip: Pixels) -> Embedding:
        """The unit vector of an aligned chip (size x size x 3)."""
        mirrored = np.ascontiguousarray(chip[:, ::-1])
        both = [unit(self._model.run(pixels)["embedding"].real().reshape(-1)) for pixels in (chip, mirrored)]
        return Embedding(unit(both[0] + both[1]), self.id)

    def alignment(self, landmarks: Landmarks, squeeze: float = 1.0) -> Matrix:
        """Picture pixels -> chip pixels."""
        stretch = np.array([squeeze, 1.0], np.float32)
        matrix = similarity_transform(landmarks.points * stretch, self._template)
        matrix[:, 0] *= squeeze
        return matrix

    def reference_crop(
        self, picture: Picture, landmarks: Landmarks, squeeze: float = 1.0
    ) -> tuple[Pixels, Vector]:
        """What is kept of a reference so that another embedder can start from it: the aligned face with
        a margin (CROP_SIZE x CROP_SIZE x 3), and the landmarks on it (4 x 2).
        """
        matrix = self.alignment(landmarks, squeeze)
        matrix[:, 2] += (CROP_SIZE - self.size) / 2
        return picture.crop(matrix, CROP_SIZE), apply(matrix, landmarks.points)
