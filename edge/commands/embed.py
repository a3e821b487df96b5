"""`api-face embed`: the faces in photographs, each as the vector that the people here are told apart by."""

from __future__ import annotations

import argparse

from edge.commands.lines import add_files, describe_face, write_lines
from edge.commands.place import Place
from edge.face import Embedding
from edge.portrait import Portrait
from edge.vision import Detection, Vision
from edge.wiring import answering_embedder, made_vision


def arguments(parser: argparse.ArgumentParser) -> None:
    """--crop FILE..."""
    parser.add_argument(
        "--crop", action="store_true", help="each file is one cut-out face, as for index, but of any size"
    )
    add_files(parser)


def run(args: argparse.Namespace, place: Place) -> int:
    """A line for each file. A face whose eyes, nose and mouth were not found has no embedding (null)."""
    settings = place.settings()
    _, vision = made_vision(settings, embedder=answering_embedder(place.state, settings))

    def look(data: bytes) -> dict[str, object]:
        found, portraits = _seen(vision, data, args.crop)
        embeddings = {id(portrait.face): portrait.embedding for portrait in portraits}
        faces = [
            {**describe_face(face.box, face.confidence), "embedding": _numbers(embeddings.get(id(face)))}
            for face in found.faces
        ]
        return {"width": found.width, "height": found.height, "model": vision.embedder.id, "faces": faces}

    return write_lines(args.files, look)


def _seen(vision: Vision, data: bytes, crop: bool) -> tuple[Detection, list[Portrait]]:
    if not crop:
        return vision.portraits(data)
    found, portrait = vision.crop_portrait(data)
    return found, [portrait]


def _numbers(embedding: Embedding | None) -> list[float] | None:
    """Seven decimals: float32 holds no more of a component of a unit vector."""
    return None if embedding is None else [round(float(value), 7) for value in embedding.vector]
