"""The one way through: bytes -> decode -> detect -> align -> embed -> match.

The server, the command line and the camera loop all walk it; this module alone knows the order.
What is remembered of it is edge.enrol's business. An engine is taken first, memory for pixels
second, so that nobody who holds memory ever waits for an engine.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from edge import match
from edge.budget import MemoryBudget
from edge.detect import Detector
from edge.engine import Engine, EnginePool
from edge.errors import WrongSize
from edge.face import Embedding, Face
from edge.gallery import Gallery
from edge.match import Kind, Verdict
from edge.picture import Source
from edge.portrait import Portrait, cut_out_portrait, portrait_of
from edge.settings import Settings
from edge.store import Person, Store

INDEX_SIZE = 64
"""Side of the picture that index takes, pixels."""

DETECT_SIDE = 960
"""Long side, in pixels, that a big JPEG keeps when it is decoded for detection: the 1024 of the wide
net, less what may be missing before it shows (4032 / 4 = 1008 saves three quarters of the decoding)."""


@dataclass(frozen=True, slots=True)
class Detection:
    """A picture's upright size in pixels, and its faces, surest first."""

    width: int
    height: int
    faces: tuple[Face, ...]


@dataclass(frozen=True, slots=True)
class Identified:
    """A face and who it is; similarity in percent, None when nobody could be compared."""

    face: Face
    person: Person | None
    similarity: float | None
    verdict: Kind


class Recognizer:
    """Walks the way with the engines, the gallery and the memory of one process. Thread-safe."""

    def __init__(self, pool: EnginePool, memory: MemoryBudget, store: Store, settings: Settings) -> None:
        self._pool = pool
        self._memory = memory
        self._store = store
        self._settings = settings
        self._gallery = Gallery(pool.dimensions)
        self._refreshing = threading.Lock()
        self.model = pool.embedder_id
        self.calibration = match.calibration_of(self.model)

    # -- pictures ---------------------------------------------------------------------------------

    def detect(self, data: bytes, min_confidence: float | None = None) -> Detection:
        """The faces of a JPEG or PNG. Raises PictureError, Overloaded."""
        with self._opened(data) as (engine, source):
            return self._detect(engine.detector, source, min_confidence)

    def portraits(self, data: bytes, min_confidence: float | None = None) -> tuple[Detection, list[Portrait]]:
        """The faces of a JPEG or PNG, and the portraits of those whose landmarks were found."""
        with self._opened(data) as (engine, source):
            detection = self._detect(engine.detector, source, min_confidence)
            return detection, [
                portrait_of(engine, source, face, face.landmarks)
                for face in detection.faces
                if face.landmarks is not None
            ]

    def crop_portrait(self, data: bytes) -> Portrait:
        """The portrait of a cut-out face of exactly 64 x 64 pixels. Raises WrongSize, NoFace."""
        with self._opened(data) as (engine, source):
            if (source.width, source.height) != (INDEX_SIZE, INDEX_SIZE):
                raise WrongSize(
                    f"the picture is {source.width}x{source.height} px; index takes a face cut out and "
                    f"scaled to exactly {INDEX_SIZE}x{INDEX_SIZE}; send whole pictures to train"
                )
            return cut_out_portrait(engine, source.picture(INDEX_SIZE))

    def embed(self, data: bytes, crop: bool = False) -> tuple[Detection, list[Portrait]]:
        """As portraits(); crop: the whole picture, of any size, is one cut-out face, as for index."""
        if not crop:
            return self.portraits(data)
        with self._opened(data) as (engine, source):
            portrait = cut_out_portrait(engine, source.picture(DETECT_SIDE))
            return Detection(source.width, source.height, (portrait.face,)), [portrait]

    def identify(self, data: bytes) -> list[Identified]:
        """Who is in a JPEG or PNG; enrols nobody."""
        detection, portraits = self.portraits(data)
        known = {id(portrait.face): portrait for portrait in portraits}
        return [self._identified(face, known.get(id(face))) for face in detection.faces]

    @contextmanager
    def _opened(self, data: bytes) -> Iterator[tuple[Engine, Source]]:
        wait_s = self._settings.queue_seconds
        with self._pool.engine(wait_s) as engine, Source(data, self._memory, wait_s) as source:
            yield engine, source

    def _detect(self, detector: Detector, source: Source, min_confidence: float | None) -> Detection:
        least = self._settings.min_confidence if min_confidence is None else min_confidence
        faces = detector.detect(source.picture(DETECT_SIDE), least)
        return Detection(source.width, source.height, faces)

    def _identified(self, face: Face, portrait: Portrait | None) -> Identified:
        if portrait is None:
            return Identified(face, None, None, Kind.UNKNOWN)
        verdict = self.verdict(portrait.embedding)
        if verdict.kind is not Kind.MATCH or verdict.person_row is None:
            return Identified(face, None, verdict.similarity, verdict.kind)
        person = self._store.person_by_row(verdict.person_row)
        return Identified(face, person, verdict.similarity, verdict.kind if person else Kind.UNKNOWN)

    # -- people -----------------------------------------------------------------------------------

    def verdict(self, embedding: Embedding) -> Verdict:
        """What the gallery, as the store has it now, says of an embedding."""
        self.refresh()
        people = len(self._gallery)
        return match.decide(self.calibration, self._gallery.nearest(embedding.vector), people)

    def refresh(self) -> int:
        """Take over what this or another process changed in the store; how many people are known."""
        if self._store.revision() != self._gallery.revision:
            with self._refreshing:
                revision = self._store.revision()
                for row, vectors in self._store.changes(self._gallery.revision, self.model):
                    self._gallery.update(row, vectors)
                self._gallery.revision = revision
        return len(self._gallery)
