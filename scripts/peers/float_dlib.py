"""dlib's own float32 network (face_recognition_models, CC0), behind our detection and alignment."""

from __future__ import annotations

import dlib
import face_recognition_models
import numpy as np

from edge.embed import Template
from edge.face import Embedding
from edge.gallery import unit
from edge.interpreter import read_card, runtime
from peers.answering import COSINE, answer, versions_of
from peers.own_way import looking

QUANTISED = "dlib-resnet-150-int8"
"""Ours of the same weights: its chip and its template are used."""


class FloatEmbedder:
    """The network in the shape of edge.embed.Embedder."""

    def __init__(self) -> None:
        card = read_card(QUANTISED)
        self._network = dlib.face_recognition_model_v1(
            face_recognition_models.face_recognition_model_location()
        )
        self.template = Template(np.asarray(card["template"], np.float32), card["input"][0])
        self._fill = int(card["fill"])

    def embed(self, picture, landmarks, squeeze: float = 1.0) -> Embedding:
        """The face's unit vector: the mean of the chip's and its mirror image's."""
        chip = picture.crop(self.template.alignment(landmarks, squeeze), self.template.size, self._fill)
        both = [
            unit(np.array(self._network.compute_face_descriptor(np.ascontiguousarray(pixels)), np.float32))
            for pixels in (chip, chip[:, ::-1])
        ]
        return Embedding(unit(both[0] + both[1]), "dlib-float", float(both[0] @ both[1]))


def main() -> None:
    answer(looking(FloatEmbedder()), versions_of("dlib-bin", runtime().name, "numpy", "pillow"), COSINE)


if __name__ == "__main__":
    main()
