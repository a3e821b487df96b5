"""photograph -> the embedding of its central face, and boxes, as the service would find them.

Each photograph gives up to four embeddings: of the photograph itself, and of three 64x64 crops as clients
send them to index.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from edge.budget import MemoryBudget
from edge.clock import SystemClock
from edge.engine import Engine
from edge.errors import NoFace
from edge.evaluation.central import central
from edge.evaluation.stamp import stamp
from edge.face import Box, Vector
from edge.picture import Source, Thumbnails
from edge.portrait import cut_out_portrait, portrait_of
from edge.vision import DETECT_SIDE, INDEX_SIZE

VARIANTS = ("photograph", "64", "squeezed", "3:4")
"""What one side of a comparison may be: the photograph; 64x64 crops of the box that detect reports, cut
square around it, squeezed from the box itself, and squeezed from 3:4 (three quarters as wide as high)."""

_MIB = 1 << 20


@dataclass(frozen=True, slots=True)
class How:
    """What photographs are read with. min_confidence: 0..1, faces below it are not seen."""

    embedder: str
    min_confidence: float
    threads: int = 1
    crops: bool = False

    @property
    def stamp(self) -> str:
        """Differs whenever the same photograph may give other numbers."""
        return stamp([Path(__file__)], self.embedder, self.min_confidence)


class Reader:
    """One engine, and memory for one photograph after the other."""

    def __init__(self, how: How) -> None:
        """Raises ModelError."""
        self._how = how
        self._engine = Engine.load(how.threads, how.embedder)
        self._budget = MemoryBudget(2048 * _MIB, 1024 * _MIB, SystemClock())

    def embeddings(self, path: Path) -> Vector:
        """variants x dimensions: one row for each of VARIANTS, or only the photograph's; NaN without a face.

        Raises OSError, PictureError.
        """
        rows = len(VARIANTS) if self._how.crops else 1
        found = np.full((rows, self._engine.embedder.dimensions), np.nan, np.float32)
        data = path.read_bytes()
        with self._opened(data) as source:
            faces = self._engine.detector.detect(source.picture(DETECT_SIDE), self._how.min_confidence)
            face = central(faces, source.width, source.height)
            if face is None or face.landmarks is None:
                return found
            found[0] = portrait_of(self._engine, source, face, face.landmarks).embedding.vector
        if self._how.crops:
            self._add_crops(data, face.box, found)
        return found

    def boxes(self, path: Path, least: float) -> tuple[Vector, int]:
        """n x 5 (left, top, width, height in pixels, confidence from `least`), and the long side, pixels.

        Raises OSError, PictureError.
        """
        with self._opened(path.read_bytes()) as source:
            faces = self._engine.detector.detect(source.picture(DETECT_SIDE), least)
            side = max(source.width, source.height)
        rows = [(f.box.left, f.box.top, f.box.width, f.box.height, f.confidence) for f in faces]
        return np.array(rows, np.float32).reshape(-1, 5), side

    def _add_crops(self, data: bytes, box: Box, found: Vector) -> None:
        thumbnails = Thumbnails(data)
        for number, cut in enumerate(crop_rectangles(box), 1):
            jpeg = thumbnails.jpeg(*cut, INDEX_SIZE)
            try:
                with self._opened(jpeg) as source:
                    portrait = cut_out_portrait(self._engine, source.picture(INDEX_SIZE))
            except NoFace:
                continue
            found[number] = portrait.embedding.vector

    def _opened(self, data: bytes) -> Source:
        return Source(data, self._budget, 10.0)


def crop_rectangles(box: Box) -> tuple[tuple[float, float, float, float], ...]:
    """What clients cut out of a photograph (left, top, width, height), for VARIANTS[1:]; from the box as
    detect answers it, in whole pixels."""
    left, top, width, height = (round(side) for side in (box.left, box.top, box.width, box.height))
    across, down, side = left + width / 2, top + height / 2, max(width, height)
    return (
        (across - side / 2, down - side / 2, side, side),
        (left, top, width, height),
        (across - side * 0.375, down - side / 2, side * 0.75, side),
    )
