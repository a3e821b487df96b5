"""People of a pack -> people here: who is here already, by id or by face, and what becomes of each."""

from __future__ import annotations

import enum
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from edge import match
from edge.backup.fitting import fitted, known_dimensions, vectors_in_use
from edge.calibration import Calibration, calibration_of
from edge.cap import cap_references
from edge.errors import BackupError, ModelError
from edge.gallery import Gallery, unit
from edge.match import Kind, Verdict
from edge.store import Person, Store
from edge.store.carrying import CarriedPerson

_PAGE = 500


class How(enum.StrEnum):
    """How somebody of the pack is known here."""

    NEW = "new"
    BY_ID = "by id"
    BY_FACE = "by face"
    DOUBTFUL = "doubtful"
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
    """Somebody of the pack. here: whom they are, or are like. similarity: percent, by face. looks, new_looks:
    all, and those that are not here yet (counts). conflicts: in words. erased_at: seconds since 1970 GMT."""

    person: Person
    how: How
    here: Person | None = None
    similarity: float | None = None
    looks: int = 0
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


_BY_FACE = (How.BY_FACE, How.DOUBTFUL, How.LIKE_TWO)


def arrivals(pack: Store, store: Store, rate: float) -> list[Arrival]:
    """Everybody of the pack, in the order of their ids. rate: the setting false_positive_rate.

    Raises BackupError, StoreError: vectors that are none.
    """
    dimensions = known_dimensions()
    faces = _Faces(store, _model_then(pack, store, dimensions), rate)
    found = []
    for person in everybody(pack):
        carried, left_out = fitted(pack.carried(person), dimensions)
        arrival = _arrival(person, carried, store, faces)
        found.append(replace(arrival, looks=len(carried.looks), conflicts=(*arrival.conflicts, *left_out)))
    met = Counter(one.here.row for one in found if one.here is not None and one.how is not How.LIKE_TWO)
    return [_doubted(one, 0 if one.here is None else met[one.here.row]) for one in found]


def everybody(store: Store) -> Iterator[Person]:
    """In the order of their ids."""
    after = ""
    while page := store.people(after, _PAGE):
        yield from page
        after = page[-1].id


def take_in(
    store: Store, pack: Store, found: list[Arrival], same: Same, most: int, *, erased: bool = False
) -> Taken:
    """Bring them in. Inside store.writing(), in which `found` was found.

    most: references a person (count). erased: also those who were erased here. Raises BackupError when
    somebody is here by face and `same` says to ask; StoreError.
    """
    alike = [one for one in found if one.how in _BY_FACE]
    if alike and same is Same.ASK:
        raise BackupError(
            f"{len(alike)} of {len(found)} people look like somebody here, and nobody was imported: "
            "--preview shows them; --merge-same makes them one where there is no doubt (both ids go on "
            "working), --skip-same leaves them out, --keep-both lets them be two"
        )
    taken, dimensions = Taken(), known_dimensions()
    if (model := _model_then(pack, store, dimensions)) != store.model():
        store.begin_with(model)
    for arrival in found:
        if (arrival.how is How.ERASED and not erased) or _is_left_out(arrival, same):
            taken.skipped += 1
            taken.left_out.append(arrival.person.id)
            continue
        carried, _ = fitted(pack.carried(arrival.person), dimensions)
        if arrival.how is How.ERASED:
            store.unerase((carried.id, *carried.aliases))
        person = _place_for(store, arrival, carried, same, taken)
        _bring(store, person, carried, taken)
        cap_references(store, person, most)
    return taken


def _model_then(pack: Store, store: Store, dimensions: Mapping[str, int]) -> str:
    """The embedder that answers here after an import: the pack's, where the one now knows nobody."""
    model = pack.model()
    return store.model_for(model) if model in dimensions else store.model()


def _is_left_out(arrival: Arrival, same: Same) -> bool:
    merged = arrival.how is How.BY_FACE and same is Same.MERGE
    return arrival.how in _BY_FACE and not merged and same is not Same.KEEP


def _place_for(store: Store, arrival: Arrival, carried: CarriedPerson, same: Same, taken: Taken) -> Person:
    """The person here whom the looks go to."""
    here = arrival.here
    if here is None or (arrival.how in _BY_FACE and same is Same.KEEP):
        taken.new += 1
        return store.take_person(carried)
    taken.merged += 1
    return store.rename(here, carried.name) if here.name is None and carried.name is not None else here


def _bring(store: Store, person: Person, carried: CarriedPerson, taken: Taken) -> None:
    for person_id in (carried.id, *carried.aliases):
        if store.person(person_id) is None:
            store.take_alias(person, person_id)
    taken.looks += sum(store.take_look(person, look) for look in carried.looks)


def _arrival(person: Person, carried: CarriedPerson, store: Store, faces: _Faces) -> Arrival:
    ids = (carried.id, *carried.aliases)
    known = [here for one in ids if (here := store.person(one)) is not None]
    here = known[0] if known else None
    new = len(carried.looks) if here is None else _new_looks(store, here, carried)
    gone = {one: time for one in ids if (time := store.erased_at(one)) is not None}
    if gone:
        words = tuple(f"{one} is the same person in the pack, and was erased here" for one in gone if here)
        return Arrival(person, How.ERASED, here, None, 0, new, words, max(gone.values()))
    if here is not None:
        return Arrival(person, How.BY_ID, here, None, 0, new, _conflicts(store, here, carried))
    verdict, words = faces.verdict(carried)
    row = None if verdict is None else verdict.person_row
    like = None if row is None else store.person_by_row(row)
    if verdict is None or like is None:
        return Arrival(person, How.NEW, new_looks=new, conflicts=words)
    how = How.BY_FACE if verdict.kind is Kind.MATCH else How.LIKE_TWO
    similarity, new = verdict.similarity, _new_looks(store, like, carried)
    return Arrival(person, how, like, similarity, new_looks=new)


def _doubted(arrival: Arrival, met: int) -> Arrival:
    """One by face alone is doubtful when the names differ, when the face is not as near as a picture must be
    to be learned from, or when others of the pack are the same person here, too (`met` of them)."""
    here, similarity = arrival.here, arrival.similarity or 0.0
    if arrival.how is not How.BY_FACE or here is None:
        return arrival
    doubts = []
    if here.name and arrival.person.name and here.name != arrival.person.name:
        doubts.append(f'called "{arrival.person.name}" in the pack, "{here.name}" here')
    if similarity < match.LEARN_FROM:
        doubts.append(f"{similarity:.0f} % alike; it takes {match.LEARN_FROM:.0f} to make two people one")
    if met > 1:
        doubts.append(f"{met} people of the pack are {here.name or here.id} here")
    how = How.DOUBTFUL if doubts else How.BY_FACE
    return replace(arrival, how=how, conflicts=(*arrival.conflicts, *doubts))


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
    """The gallery of those who are here, as an embedder knows them."""

    def __init__(self, store: Store, model: str, rate: float) -> None:
        self._model, self._rate = model, rate
        self._gallery: Gallery | None = None
        self._calibration: Calibration | None = None
        for row, vectors in store.changes(0, self._model):
            if len(vectors):
                self._gallery = self._gallery or Gallery(vectors.shape[1])
                self._gallery.update(row, vectors)
        if self._gallery is not None:
            try:
                self._calibration = calibration_of(self._model)
            except ModelError as error:
                raise BackupError(f"nobody can be compared: {error.message}") from error

    def verdict(self, carried: CarriedPerson) -> tuple[Verdict | None, tuple[str, ...]]:
        """Who they are here, by the mean of the looks in use; None, and why, when nobody can be compared."""
        vectors = vectors_in_use(carried.looks, self._model)
        if self._model and not vectors:  # also where nobody is here: nor are they recognised
            return None, (f"not compared with anybody: no reference has a vector of {self._model}",)
        if self._gallery is None or self._calibration is None:
            return None, ()
        template = unit(unit(np.stack(vectors)).mean(axis=0))
        nearest = self._gallery.nearest(template)
        return match.decide(self._calibration, nearest, len(self._gallery), self._rate), ()
