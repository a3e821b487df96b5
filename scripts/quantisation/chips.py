"""Aligned chips of LFW through this repository's own detector; the identity is the central face."""

from pathlib import Path
from typing import Any

import numpy as np
from model_build.mobilefacenet import SIZE
from model_build.recipes import MOBILEFACENET_TEMPLATE

from edge.embed import Template
from edge.engine import Engine
from edge.evaluation.central import central
from edge.evaluation.kept import keep, kept
from edge.evaluation.stamp import stamp
from edge.picture import decode

_SURE = 0.2
"""LFW's photographs hold a face for certain, so even an unsure one is taken."""


def aligned(lfw: Path, names: list[str], cache: Path) -> tuple[list[str], Any]:
    """The names of those photographs in which a face was found, and their chips [n, 112, 112, 3]."""
    made_of = stamp([Path(__file__)], None, [(name, (lfw / name).stat().st_size) for name in names])
    stored = kept(cache, made_of)
    if stored is None:
        engine = Engine.load(1)
        chips = {name: chip for name in names if (chip := _chip(engine, lfw / name)) is not None}
        stored = {"names": np.array(list(chips)), "chips": np.stack(list(chips.values()))}
        keep(cache, made_of, stored)
    return [str(name) for name in stored["names"]], stored["chips"]


def _chip(engine: Engine, photograph: Path) -> Any:
    picture = decode(photograph.read_bytes())
    face = central(engine.detector.detect(picture, _SURE), picture.width, picture.height)
    if face is None or face.landmarks is None:
        return None
    template = Template(MOBILEFACENET_TEMPLATE, SIZE)
    return picture.crop(template.alignment(face.landmarks), SIZE)
