"""`api-face detect`: where the faces in photographs are."""

from __future__ import annotations

import argparse

from edge.commands.lines import add_files, describe_face, write_lines
from edge.commands.place import Place
from edge.errors import SettingsError
from edge.wiring import made_vision


def arguments(parser: argparse.ArgumentParser) -> None:
    """--min-confidence P FILE..."""
    parser.add_argument(
        "--min-confidence",
        metavar="P",
        type=float,
        help="leave out faces below this confidence (percent; default: the setting min_confidence)",
    )
    add_files(parser)


def run(args: argparse.Namespace, place: Place) -> int:
    """A line for each file."""
    least = args.min_confidence
    if least is not None and not 0 <= least <= 100:
        raise SettingsError(f"--min-confidence is a percentage from 0 to 100, not {least:g}")
    _, vision = made_vision(place.settings())

    def look(data: bytes) -> dict[str, object]:
        found = vision.detect(data, None if least is None else least / 100)
        faces = [describe_face(face.box, face.confidence) for face in found.faces]
        return {"width": found.width, "height": found.height, "faces": faces}

    return write_lines(args.files, look)
