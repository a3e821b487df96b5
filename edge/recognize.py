"""The one way through: bytes -> decode -> detect -> align -> embed -> match.

The server, the command line and the camera loop all walk it. edge.vision goes as far as the embedding;
here the gallery says whose it is. What is remembered of it is edge.enrol's business.

The store says which embedder's gallery answers, and another process may switch it at any moment. Vectors of
two embedders are never compared: who meets a switch under way walks again, from the picture.
"""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Concatenate, ParamSpec, Protocol, TypeVar

from edge import match
from edge.calibration import Calibration, calibration_of
from edge.errors import ModelChanged
from edge.face import Embedding, Face
from edge.gallery import Gallery
from edge.match import Kind, Verdict
from edge.portrait import Portrait
from edge.store import Person, Store
from edge.vision import Detection, Vision

_SWITCHES = 3
"""How many switches a request may meet before it is 503: there is one a year."""


class Follower(Protocol):
    """Who can take over the embedder that answers now."""

    def follow(self, model: str) -> None: ...


_Walker = TypeVar("_Walker", bound=Follower)
_Asked = ParamSpec("_Asked")
_Found = TypeVar("_Found")


def walked_again(
    way: Callable[Concatenate[_Walker, _Asked], _Found],
) -> Callable[Concatenate[_Walker, _Asked], _Found]:
    """A method that walks the whole way, and walks it again when the embedder was switched meanwhile."""

    @functools.wraps(way)
    def walk(self: _Walker, /, *args: _Asked.args, **kwargs: _Asked.kwargs) -> _Found:
        for _ in range(_SWITCHES):
            try:
                return way(self, *args, **kwargs)
            except ModelChanged as change:
                self.follow(change.model)
        return way(self, *args, **kwargs)

    return walk


@dataclass(frozen=True, slots=True)
class Identified:
    """A face and who it is; similarity in percent, None when nobody could be compared."""

    face: Face
    person: Person | None
    similarity: float | None
    verdict: Kind


@dataclass(frozen=True, slots=True, eq=False)
class Known:
    """The people as one embedder sees them, and what its scores are worth. A switch leaves it as it was."""

    model: str
    gallery: Gallery
    calibration: Calibration


class Recognizer:
    """Vision, and the gallery of the people in a store. Thread-safe."""

    def __init__(self, vision: Vision, store: Store, rate: float) -> None:
        """rate: how many strangers may be given a name (0..1)."""
        self.vision = vision
        self._store = store
        self._rate = rate
        self._refreshing = threading.Lock()
        self._named: tuple[int, frozenset[int]] | None = None  # revision, rows
        self._known = _nobody(vision.embedder.id, vision.embedder.dimensions)

    @property
    def model(self) -> str:
        """The embedder whose gallery answers, as far as it is known here."""
        return self._known.model

    @property
    def calibration(self) -> Calibration:
        """That of `model`. Inside store.writing() and after verdict() or check() it cannot change."""
        return self._known.calibration

    def follow(self, model: str) -> None:
        """Embed with this model from now on, because it answers. Raises ModelError."""
        self.vision.use(model)

    def detect(self, data: bytes) -> Detection:
        """The faces of a JPEG or PNG. Raises PictureError, Overloaded."""
        return self.vision.detect(data)

    @walked_again
    def identify(self, data: bytes) -> list[Identified]:
        """Who is in a JPEG or PNG; enrols nobody. Raises PictureError, Overloaded."""
        detection, portraits = self.vision.portraits(data)
        known = {id(portrait.face): portrait for portrait in portraits}
        return [self._identified(face, known.get(id(face))) for face in detection.faces]

    def verdict(self, embedding: Embedding) -> Verdict:
        """What the gallery, as the store has it now, says of an embedding. Raises ModelChanged."""
        known = self._current(embedding.model, len(embedding.vector))
        nearest = known.gallery.nearest(embedding.vector)
        return match.decide(known.calibration, nearest, len(known.gallery), self._rate)

    def crowd(self, person_row: int) -> int:
        """Among how many people a stranger might be taken for this one: those with a name, for somebody who
        has one; everybody else for the others. Names are what must not be given wrongly, and whoever comes by
        and stays nameless does not make it harder to know those who have one.
        """
        gallery = self._known.gallery
        if self._named is None or self._named[0] != gallery.revision:
            self._named = gallery.revision, self._store.named()
        named = self._named[1]
        return len(named) if person_row in named else max(len(gallery) - len(named), 0)

    def check(self, embedding: Embedding) -> None:
        """Inside store.writing(): raises ModelChanged unless the embedding is of the model that answers."""
        self._current(embedding.model, len(embedding.vector))

    @walked_again
    def known(self) -> Known:
        """The people as the store has them now, embedder included: what belongs together for longer work."""
        embedder = self.vision.embedder
        return self._current(embedder.id, embedder.dimensions)

    def refresh(self) -> int:
        """Take over what this or another process changed in the store, the embedder too; how many people
        are known."""
        return len(self.known().gallery)

    def _current(self, model: str, dimensions: int) -> Known:
        """The people as the store has them now. Raises ModelChanged when another model answers."""
        known = self._known
        if known.model == model and known.gallery.revision == self._revision(model):
            return known
        with self._refreshing:
            # Asked inside the lock: nobody puts back what another thread has found outdated.
            revision = self._revision(model)
            if self._known.model != model:
                self._known = _nobody(model, dimensions)
            known = self._known
            for row, vectors in self._store.changes(known.gallery.revision, model):
                known.gallery.update(row, vectors)
            self._revision(model)  # after a switch vectors are erased: those above may have been too few
            known.gallery.revision = revision
        return known

    def _revision(self, model: str) -> int:
        revision, answering = self._store.answering()
        if answering not in ("", model):
            raise ModelChanged(f"{answering} answers now, no longer {model}", answering)
        return revision

    def _identified(self, face: Face, portrait: Portrait | None) -> Identified:
        if portrait is None:
            return Identified(face, None, None, Kind.UNKNOWN)
        verdict = self.verdict(portrait.embedding)
        if verdict.kind is not Kind.MATCH or verdict.person_row is None:
            return Identified(face, None, verdict.similarity, verdict.kind)
        person = self._store.person_by_row(verdict.person_row)
        if person is None:  # erased meanwhile
            return Identified(face, None, match.BELOW_THRESHOLD, Kind.UNKNOWN)
        return Identified(face, person, verdict.similarity, verdict.kind)


def _nobody(model: str, dimensions: int) -> Known:
    return Known(model, Gallery(dimensions), calibration_of(model))
