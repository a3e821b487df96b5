"""`api-face identify`: who is in photographs."""

from __future__ import annotations

import argparse

from edge.commands.lines import add_files, describe_face, write_lines
from edge.commands.place import Place
from edge.picture import inspect
from edge.recognize import Identified
from edge.wiring import opened_device


def arguments(parser: argparse.ArgumentParser) -> None:
    """FILE..."""
    add_files(parser)


def run(args: argparse.Namespace, place: Place) -> int:
    """A line for each file."""
    with opened_device(place.state, place.settings()) as device:

        def look(data: bytes) -> dict[str, object]:
            faces = [_describe(found) for found in device.recognizer.identify(data)]
            width, height = inspect(data).upright
            return {"width": width, "height": height, "faces": faces}

        return write_lines(args.files, look)


def _describe(found: Identified) -> dict[str, object]:
    name = found.person.name if found.person is not None else None
    return {
        **describe_face(found.face.box, found.face.confidence),
        "personId": found.person.id if found.person is not None else None,
        "metadata": {"name": name or "unknown"},
        "similarity": None if found.similarity is None else round(found.similarity, 2),
        "verdict": found.verdict.value,
    }
