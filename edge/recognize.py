"""The one way through: bytes -> decode -> detect -> align -> embed -> match.

The server, the command line and the camera loop all walk it. edge.vision goes as far as the embedding;
here the gallery says whose it is. What is remembered of it is edge.enrol's business.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass

from edge import match
from edge.calibration import calibration_of
from edge.face import Embedding, Face, Vector
from edge.gallery import Candidate, Gallery
from edge.match import Kind, Verdict
from edge.portrait import Portrait
from edge.store import Person, Store
from edge.vision import Detection, Vision


@dataclass(frozen=True, slots=True)
class Identified:
    """A face and who it is; similarity in percent, None when nobody could be compared."""

    face: Face
    person: Person | None
    similarity: float | None
    verdict: Kind


class Recognizer:
    """Vision, and the gallery of the people in a store. Thread-safe."""

    def __init__(self, vision: Vision, store: Store, rate: float) -> None:
        """rate: how many strangers may be given a name (0..1)."""
        self.vision = vision
        self._store = store
        self._gallery = Gallery(vision.dimensions)
        self._refreshing = threading.Lock()
        self.model = vision.model
        self.calibration = calibration_of(self.model)
        self._rate = rate

    def detect(self, data: bytes) -> Detection:
        """The faces of a JPEG or PNG. Raises PictureError, Overloaded."""
        return self.vision.detect(data)

    def identify(self, data: bytes) -> list[Identified]:
        """Who is in a JPEG or PNG; enrols nobody. Raises PictureError, Overloaded."""
        detection, portraits = self.vision.portraits(data)
        known = {id(portrait.face): portrait for portrait in portraits}
        return [self._identified(face, known.get(id(face))) for face in detection.faces]

    def verdict(self, embedding: Embedding) -> Verdict:
        """What the gallery, as the store has it now, says of an embedding."""
        people = self.refresh()
        return match.decide(self.calibration, self._gallery.nearest(embedding.vector), people, self._rate)

    def nearest(self, vector: Vector, count: int) -> list[Candidate]:
        """The people most similar to a unit vector, best first, as the gallery was last refreshed."""
        return self._gallery.nearest(vector, count)

    def refresh(self) -> int:
        """Take over what this or another process changed in the store; how many people are known."""
        if self._store.revision() != self._gallery.revision:
            with self._refreshing:
                revision = self._store.revision()
                for row, vectors in self._store.changes(self._gallery.revision, self.model):
                    self._gallery.update(row, vectors)
                self._gallery.revision = revision
        return len(self._gallery)

    def _identified(self, face: Face, portrait: Portrait | None) -> Identified:
        if portrait is None:
            return Identified(face, None, None, Kind.UNKNOWN)
        verdict = self.verdict(portrait.embedding)
        if verdict.kind is not Kind.MATCH or verdict.person_row is None:
            return Identified(face, None, verdict.similarity, verdict.kind)
        person = self._store.person_by_row(verdict.person_row)
        return Identified(face, person, verdict.similarity, verdict.kind if person else Kind.UNKNOWN)
