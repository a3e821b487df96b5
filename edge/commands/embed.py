"""`api-face embed`: the faces in photographs, each as the vector that people are told apart by."""

from __future__ import annotations

import argparse

from edge.commands.lines import add_files, describe_face, write_lines
from edge.commands.place import Place
from edge.face import Embedding
from edge.wiring import opened_device


def arguments(parser: argparse.ArgumentParser) -> None:
    """--crop FILE..."""
    parser.add_argument(
        "--crop", action="store_true", help="each file is one cut-out face, as for index, but of any size"
    )
    add_files(parser)


def run(args: argparse.Namespace, place: Place) -> int:
    """A line for each file. A face whose eyes, nose and mouth were not found has no embedding (null)."""
    with opened_device(place.state, place.settings()) as device:

        def look(data: bytes) -> dict[str, object]:
            found, portraits = device.recognizer.embed(data, args.crop)
            embeddings = {id(portrait.face): portrait.embedding for portrait in portraits}
            faces = [
                {**describe_face(face.box, face.confidence), "embedding": _numbers(embeddings.get(id(face)))}
                for face in found.faces
            ]
            size = {"width": found.width, "height": found.height}
            return {**size, "model": device.recognizer.model, "faces": faces}

        return write_lines(args.files, look)


def _numbers(embedding: Embedding | None) -> list[float] | None:
    """Seven decimals: float32 holds no more of a component of a unit vector."""
    return None if embedding is None else [round(float(value), 7) for value in embedding.vector]
