"""Aligned chips of LFW through this repository's own detector; the identity is the central face."""

from pathlib import Path
from typing import Any

import numpy as np
from model_build.mobilefacenet import SIZE
from model_build.recipes import MOBILEFACENET_TEMPLATE

from edge.embed import Template
from edge.engine import Engine
from edge.face import Face
from edge.picture import decode

_SURE = 0.2
"""LFW's photographs hold a face for certain, so even an unsure one is taken."""


def aligned(lfw: Path, names: list[str], cache: Path) -> tuple[list[str], Any]:
    """The names of those photographs in which a face was found, and their chips [n, 112, 112, 3]."""
    if not cache.exists():
        engine = Engine.load(1)
        chips = {name: chip for name in names if (chip := _chip(engine, lfw / name)) is not None}
        np.savez(cache, names=np.array(list(chips)), chips=np.stack(list(chips.values())))
    stored = np.load(cache)
    return [str(name) for name in stored["names"]], stored["chips"]


def _chip(engine: Engine, photograph: Path) -> Any:
    picture = decode(photograph.read_bytes())
    faces = [face for face in engine.detector.detect(picture, _SURE) if face.landmarks is not None]
    if not faces:
        return None
    face = min(faces, key=lambda face: _off_centre(face, picture.width, picture.height))
    assert face.landmarks is not None
    template = Template(MOBILEFACENET_TEMPLATE, SIZE)
    return picture.crop(template.alignment(face.landmarks), SIZE)


def _off_centre(face: Face, width: int, height: int) -> float:
    """Distance to the middle, less for a large face: the one that the photograph was taken of."""
    box = face.box
    across, down = box.left + box.width / 2 - width / 2, box.top + box.height / 2 - height / 2
    return abs(across) + abs(down) - 0.3 * box.width
