"""JSON lines: one for each photograph, and a line on the terminal that says how far it has come."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Sequence
from pathlib import Path

from edge.commands.progress import show_progress
from edge.errors import ImageTooLarge, NoFace, PictureError
from edge.face import Box

_LARGEST_FILE = 64 << 20  # bytes; a film among the photographs must not fill the memory


def add_files(parser: argparse.ArgumentParser) -> None:
    """The FILE... argument of the commands that read photographs."""
    parser.add_argument("files", metavar="FILE", nargs="+", type=Path, help="a JPEG or PNG")


def write_lines(files: Sequence[Path], look: Callable[[bytes], dict[str, object]]) -> int:
    """Print what `look` finds in each file; the exit code: 1 when a file could not be read or was refused."""
    failed = False
    for done, path in enumerate(files):
        show_progress(f"{done + 1}/{len(files)} {path.name}")
        try:
            line = {"file": str(path), **look(_read(path))}
        except OSError as error:
            failed = True
            line = _refusal(path, "unreadable", error.strerror or str(error))
        except (PictureError, NoFace) as error:
            failed = True
            line = _refusal(path, error.code, error.message)
        show_progress("")
        print(json.dumps(line), flush=True)
    return int(failed)


def describe_face(box: Box, confidence: float) -> dict[str, object]:
    """Where a face is (pixels, to a hundredth) and its confidence (percent, to a thousandth)."""
    places = {name: round(getattr(box, name), 2) for name in ("left", "top", "width", "height")}
    return {**places, "confidence": round(100 * confidence, 3)}


def _read(path: Path) -> bytes:
    with path.open("rb") as file:
        data = file.read(_LARGEST_FILE + 1)
    if len(data) > _LARGEST_FILE:
        raise ImageTooLarge(f"the file is larger than {_LARGEST_FILE >> 20} MiB")
    return data


def _refusal(path: Path, code: str, message: str) -> dict[str, object]:
    return {"file": str(path), "error": {"code": code, "message": message}}
