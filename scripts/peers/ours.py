"""This repository as `api-face identify` goes, up to the embedding: decode, detect, align, embed every face."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

from edge.calibration import calibration_of
from edge.commands.place import Place
from edge.interpreter import runtime
from edge.wiring import made_vision
from peers.answering import COSINE, Seen, answer, versions_of

_PEOPLE = 10
"""People in the gallery whose threshold is quoted, one reference each."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--state", type=Path, required=True)
    parser.add_argument("--settings", type=Path)
    args = parser.parse_args()
    settings = Place(args.state, args.settings).settings(workers=1, model_threads=1)
    _, vision = made_vision(settings)

    def look(data: bytes, detected: Callable[[], None]) -> Seen:
        found, portraits = vision.portraits(data, lambda _: detected())
        vectors = {id(portrait.face): portrait.embedding.vector for portrait in portraits}
        boxes = [(face.box.left, face.box.top, face.box.width, face.box.height) for face in found.faces]
        return Seen(found.width, found.height, boxes, [vectors.get(id(face)) for face in found.faces])

    limit = calibration_of(vision.embedder.id).threshold(settings.false_positive_rate, _PEOPLE, 1)
    answer(look, f"{vision.embedder.id}, {versions_of(runtime().name, 'numpy', 'pillow')}", COSINE, limit)


if __name__ == "__main__":
    main()
