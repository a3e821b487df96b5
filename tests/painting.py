"""Two embedders that were never trained: a face is a colour, and what one calls Anna the other calls Bert.

Vectors of the two have one length, so that a mistake would go unnoticed but for this: comparing one's with
the other's gives the wrong person, surely.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import numpy as np

from edge.budget import MemoryBudget
from edge.calibration import Calibration, calibration_of
from edge.clock import SystemClock
from edge.embed import Embedder, KeptCrop
from edge.engine import EMBEDDER, EnginePool
from edge.errors import ModelError
from edge.face import Box, Embedding, Face, Landmarks, Look, Vector
from edge.gallery import unit
from edge.picture import Picture, encode_jpeg
from edge.portrait import Portrait
from edge.settings import Settings
from edge.store import Person, Reference, Store
from edge.vision import Detection, Vision

MIB = 1 << 20
NAMES = ("anna", "bert", "cleo", "dora", "emil")
MODELS = ("alpha", "beta")
LANDMARKS = Landmarks(np.array([[70, 80], [130, 80], [100, 120], [100, 150]], np.float32), 0.9)
LOOK = Look(100.0, 0.4, 0.0, 0.99)
CALIBRATION = calibration_of(EMBEDDER)


def vector(name: str, model: str) -> Vector:
    """Beta's vector of each is alpha's of the next."""
    place = NAMES.index(name) + MODELS.index(model)
    return unit(np.random.default_rng(place % len(NAMES)).standard_normal(128).astype(np.float32))


def crop(name: str) -> bytes:
    """A kept crop of the face."""
    return encode_jpeg(np.full((200, 200, 3), 40 * NAMES.index(name) + 20, np.uint8), 92)


def seen(picture: Picture) -> str:
    """Whose face it is."""
    gray = picture.crop(np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]), 8).mean()
    return NAMES[round((float(gray) - 20) / 40)]


class PaintedEmbedder:
    """Takes crops. slowness: seconds for each."""

    dimensions = 128

    def __init__(self, model: str, slowness: float = 0.0) -> None:
        self.id = model
        self._slowness = slowness

    def embed(self, picture: Picture, landmarks: Landmarks, squeeze: float = 1.0) -> Embedding:
        time.sleep(self._slowness)
        return Embedding(vector(seen(picture), self.id), self.id, 0.99)


def painted_embedder(model: str, slowness: float = 0.0) -> Embedder:
    return cast(Embedder, PaintedEmbedder(model, slowness))


class PaintedVision(Vision):
    """Pictures are names. gone: models whose file is missing."""

    def __init__(self, model: str, settings: Settings) -> None:
        pool = SimpleNamespace(embedder=PaintedEmbedder(model), busy=False)
        super().__init__(cast(EnginePool, pool), MemoryBudget(256 * MIB, 96 * MIB, SystemClock()), settings)
        self._painted = pool
        self.gone: set[str] = set()
        self.between: Callable[[], object] = lambda: None
        """Called when the face has been embedded: whatever happens meanwhile elsewhere."""

    def use(self, model: str) -> None:
        if model in self.gone:
            raise ModelError(f"model file {model} is missing")
        self._painted.embedder = PaintedEmbedder(model)

    def portraits(
        self,
        data: bytes,
        check: Callable[[tuple[Face, ...]], object] | None = None,
        *,
        min_confidence: float | None = None,
    ) -> tuple[Detection, list[Portrait]]:
        portrait = self._portrait(data)
        return Detection(640, 480, (portrait.face,)), [portrait]

    def crop_portrait(self, data: bytes, side: int | None = None) -> tuple[Detection, Portrait]:
        portrait = self._portrait(data)
        return Detection(64, 64, (portrait.face,)), portrait

    def kept_crop(self, data: bytes, portrait: Portrait) -> KeptCrop:
        pixels = np.full((200, 200, 3), 40 * NAMES.index(data.decode()) + 20, np.uint8)
        return KeptCrop(pixels, LANDMARKS.points)

    def _portrait(self, data: bytes) -> Portrait:
        model = self.embedder.id
        face = Face(Box(0, 0, 100, 100), 0.9, LANDMARKS)
        portrait = Portrait(face, Embedding(vector(data.decode(), model), model, 0.99), LANDMARKS, LOOK)
        self.between()
        return portrait


def enrolled(store: Store, name: str, model: str = "alpha", *, kept: bool = True) -> Person:
    """Somebody with one reference, whose crop is kept or not."""
    with store.writing():
        person = store.create_person(name)
        picture, points = (crop(name), LANDMARKS.points) if kept else (None, None)
        store.add_reference(person, Reference(None, vector(name, model), model, 0.9, 1.0, picture, points))
    return person


def calibrated(model: str, folder: Path = Path()) -> Calibration:
    """Stands for edge.calibration.calibration_of: all painted embedders have the thresholds of a real one."""
    return CALIBRATION
