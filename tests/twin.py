"""A second embedder for the tests: the usual network under another name, on a chip that is cut otherwise.

`python -m tests.twin ...` is the command line with both: the setting embedder = "twin" is the second one.
API_FACE_TWIN names the folder of the model files, made by `make`.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sys
from pathlib import Path

from edge import interpreter, settings
from edge.settings import EMBEDDERS, reading

REAL = EMBEDDERS[settings.Settings().embedder]
TWIN = "twin"


def make(folder: Path) -> Path:
    """The model files, those of the repository and the twin's."""
    folder.mkdir()
    for path in interpreter.MODELS.iterdir():
        (folder / path.name).symlink_to(path)
    card = json.loads((interpreter.MODELS / f"{REAL}.json").read_text())
    card["name"] = TWIN
    card["template"] = [[x, y + 6] for x, y in card["template"]]
    (folder / f"{TWIN}.json").write_text(json.dumps(card))
    for kind in ("tflite", "calibration.json"):
        shutil.copy(interpreter.MODELS / f"{REAL}.{kind}", folder / f"{TWIN}.{kind}")
    sums = (interpreter.MODELS / "SHA256SUMS").read_text()
    for path in sorted(folder.glob(f"{TWIN}.*")):
        sums += f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n"
    (folder / "SHA256SUMS").unlink()
    (folder / "SHA256SUMS").write_text(sums)
    return folder


def main() -> int:
    """The command line, after the twin has been made known and before anything has read where models are."""
    interpreter.MODELS = Path(os.environ["API_FACE_TWIN"])
    settings.EMBEDDERS = reading.EMBEDDERS = {**EMBEDDERS, "twin": TWIN}  # type: ignore[attr-defined]
    from edge.cli import main

    return main()


if __name__ == "__main__":
    sys.exit(main())
