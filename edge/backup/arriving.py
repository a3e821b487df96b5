"""People of a pack -> people here: who is here already, by id or by face, and what becomes of each."""

from __future__ import annotations

import enum
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from edge import match
from edge.calibration import Calibration, calibration_of
from edge.cap import cap_references
from edge.errors import BackupError, ModelError
from edge.gallery import Gallery, unit
from edge.match import Kind, Verdict
from edge.store import Person, Store
from edge.store.carrying import CarriedLook, CarriedPerson
from edge.store.embeddings import vector_of

_PAGE = 500


class How(enum.StrEnum):
    """How somebody of the pack is known here."""

    NEW = "new"
    BY_ID = "by id"
    BY_FACE = "by face"
    LIKE_TWO = "like two"
    ERASED = "erased"


class Same(enum.StrEnum):
    """What becomes of somebody whose face is known here under another id."""

    ASK = "ask"
    MERGE = "merge"
    SKIP = "skip"
    KEEP = "keep"


@dataclass(frozen=True, slots=True)
class Arrival:
    """Somebody of the pack. here: whom they are, or are like. similarity: percent, by face. new_looks: those
    that are not here yet. conflicts: in words. erased_at: seconds since 1970 GMT."""

    person: CarriedPerson
    how: How
    here: Person | None = None
    similarity: float | None = None
    new_looks: int = 0
    conflicts: tuple[str, ...] = ()
    erased_at: float | None = None


@dataclass(slots=True)
class Taken:
    """What an import did (counts)."""

    new: int = 0
    merged: int = 0
    skipped: int = 0
    looks: int = 0
    left_out: list[str] = field(default_factory=list)


def arrivals(pack: Store, store: Store, rate: float) -> list[Arrival]:
    """Everybody of the pack, in the order of their ids. rate: the setting false_positive_rate."""
    faces = _Faces(store, rate)
    return [_arrival(pack.carried(person), store, faces) for person in everybody(pack)]


def everybody(store: Store) -> Iterator[Person]:
    """In the order of their ids."""
    after = ""
    while page := store.people(after, _PAGE):
        yield from page
        after = page[-1].id


def take_in(store: Store, found: list[Arrival], same: Same, most: int, *, erased: bool = False) -> Taken:
    """Bring them in. Inside store.writing(), in which `found` was found.

    most: references a person (count). erased: also those who were erased here. Raises BackupError when
    somebody is here by face and `same` says to ask; StoreError.
    """
    alike = [one for one in found if one.how in (How.BY_FACE, How.LIKE_TWO)]
    if alike and same is Same.ASK:
        raise BackupError(
            f"{len(alike)} of {len(found)} people look like somebody here, and nobody was imported: "
            "--preview shows them; --merge-same makes them one (both ids go on working), --skip-same "
            "leaves them out, --keep-both lets them be two"
        )
    taken = Taken()
    for arrival in found:
        person = _place_for(store, arrival, same, erased, taken)
        if person is not None:
            _bring(store, person, arrival.person, taken)
            cap_references(store, person, most)
    return taken


def _place_for(store: Store, arrival: Arrival, same: Same, erased: bool, taken: Taken) -> Person | None:
    """The person here whom the looks go to; None for nobody."""
    carried, by_face = arrival.person, arrival.how in (How.BY_FACE, How.LIKE_TWO)
    here = arrival.here
    if here is not None and (arrival.how is How.BY_ID or (arrival.how is How.BY_FACE and same is Same.MERGE)):
        taken.merged += 1
        unnamed = here.name is None and carried.name is not None
        return store.rename(here, carried.name) if unnamed else here
    if (arrival.how is How.ERASED and not erased) or (by_face and same is not Same.KEEP):
        taken.skipped += 1
        taken.left_out.append(carried.id)
        return None
    taken.new += 1
    return store.take_person(carried)


def _bring(store: Store, person: Person, carried: CarriedPerson, taken: Taken) -> None:
    for person_id in (carried.id, *carried.aliases):
        if store.person(person_id) is None:
            store.take_alias(person, person_id)
    taken.looks += sum(store.take_look(person, look) for look in carried.looks)


def _arrival(carried: CarriedPerson, store: Store, faces: _Faces) -> Arrival:
    known = [person for one in (carried.id, *carried.aliases) if (person := store.person(one)) is not None]
    if known:
        here = known[0]
        return Arrival(
            carried, How.BY_ID, here, None, _new_looks(store, here, carried), _conflicts(store, here, carried)
        )
    gone = [time for one in (carried.id, *carried.aliases) if (time := store.erased_at(one)) is not None]
    if gone:
        return Arrival(carried, How.ERASED, new_looks=len(carried.looks), erased_at=max(gone))
    verdict, conflicts = faces.verdict(carried)
    row = None if verdict is None else verdict.person_row
    like = None if row is None else store.person_by_row(row)
    if verdict is None or like is None:
        return Arrival(carried, How.NEW, new_looks=len(carried.looks), conflicts=conflicts)
    how = How.BY_FACE if verdict.kind is Kind.MATCH else How.LIKE_TWO
    if like.name and carried.name and like.name != carried.name:
        conflicts = (f'called "{carried.name}" in the pack, "{like.name}" here, which stays',)
    return Arrival(carried, how, like, verdict.similarity, _new_looks(store, like, carried), conflicts)


def _conflicts(store: Store, here: Person, carried: CarriedPerson) -> tuple[str, ...]:
    words = []
    if here.name and carried.name and here.name != carried.name:
        words.append(f'called "{carried.name}" in the pack, "{here.name}" here, which stays')
    for alias in (carried.id, *carried.aliases):
        other = store.person(alias)
        if other is not None and other.row != here.row:
            words.append(
                f"{alias} is the same person in the pack, and somebody else here ({other.name or other.id}); "
                f"`api-face people merge {here.id} {other.id}` makes them one"
            )
    return tuple(words)


def _new_looks(store: Store, here: Person, carried: CarriedPerson) -> int:
    return sum(not store.has_look(here, look) for look in carried.looks)


class _Faces:
    """The gallery of those who are here."""

    def __init__(self, store: Store, rate: float) -> None:
        self._model, self._rate = store.model(), rate
        self._gallery: Gallery | None = None
        self._length = 0
        self._calibration: Calibration | None = None
        for row, vectors in store.changes(0, self._model):
            if len(vectors):
                self._gallery = self._gallery or Gallery(vectors.shape[1])
                self._gallery.update(row, vectors)
                self._length = vectors.nbytes // len(vectors)
        if self._gallery is not None:
            try:
                self._calibration = calibration_of(self._model)
            except ModelError as error:
                raise BackupError(f"nobody can be compared: {error.message}") from error

    def verdict(self, carried: CarriedPerson) -> tuple[Verdict | None, tuple[str, ...]]:
        """Who they are here, by the mean of the looks in use; None, and why, when nobody can be compared."""
        if self._gallery is None or self._calibration is None:
            return None, ()
        vectors = [vector_of(stored) for look in carried.looks if (stored := self._stored(look)) is not None]
        if not vectors:
            return None, (f"not compared with anybody: no reference has a vector of {self._model}",)
        template = unit(unit(np.stack(vectors)).mean(axis=0))
        nearest = self._gallery.nearest(template)
        return match.decide(self._calibration, nearest, len(self._gallery), self._rate), ()

    def _stored(self, look: CarriedLook) -> bytes | None:
        """The vector of a look in use, if it is as long as they are here."""
        vector, _ = look.vectors.get(self._model, (None, None))
        usable = vector is not None and len(vector) == self._length and look.numbers[-1] is None
        return vector if usable else None
