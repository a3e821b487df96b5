"""Whole people, to be carried into another store: with former ids, and the vectors of every embedder."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from edge.access import gmt_day
from edge.errors import StoreError
from edge.store.departed import hash_of
from edge.store.embeddings import check_stored
from edge.store.people import bump, touch
from edge.store.records import EnrolledBy, Person
from edge.store.references import ReferenceTable

_LOOKS = """
    SELECT r.row, r.quality, r.added, r.side, r.sharpness, r.yaw, r.set_aside, r.set_aside_why,
        c.picture, c.landmarks
    FROM reference r LEFT JOIN crop c ON c.reference = r.row WHERE r.person = ? ORDER BY r.row
"""
_SAME = """
    SELECT 1 FROM reference r
        LEFT JOIN embedding e ON e.reference = r.row AND e.model = ?2 AND e.vector = ?3
        LEFT JOIN crop c ON c.reference = r.row AND c.picture = ?4
    WHERE r.person = ?1 AND (e.row IS NOT NULL OR c.reference IS NOT NULL) LIMIT 1
"""
_OF_LENGTH = """
    SELECT length(vector) FROM embedding WHERE model = ? AND vector IS NOT NULL LIMIT 1
"""
_REFERENCE = """
    INSERT INTO reference (person, quality, added, side, sharpness, yaw, set_aside, set_aside_why)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?)
"""
_PERSON = "INSERT INTO person (id, name, created, enrolled_by, revision) VALUES (?, ?, ?, ?, ?) RETURNING row"


@dataclass(frozen=True, slots=True, eq=False)
class CarriedLook:
    """A reference as it is stored. numbers: quality, added, side, sharpness, yaw, set_aside. why: it was set
    aside. vectors: by model, with the mirror agreement; no bytes where that embedder could not read it."""

    numbers: tuple[float | None, ...]
    why: str | None
    crop: bytes | None
    landmarks: bytes | None
    vectors: Mapping[str, tuple[bytes | None, float | None]]


@dataclass(frozen=True, slots=True, eq=False)
class CarriedPerson:
    """Somebody whole. aliases: former ids, which go on answering. The rest: as in Person."""

    id: str
    name: str | None
    created: float
    enrolled_by: EnrolledBy
    aliases: tuple[str, ...]
    looks: tuple[CarriedLook, ...]


class CarryTable(ReferenceTable):
    """The part of the store that gives and takes whole people."""

    def carried(self, person: Person) -> CarriedPerson:
        """All of somebody."""
        aliases = self._people.rows("SELECT id FROM alias WHERE person = ? ORDER BY id", (person.row,))
        looks = []
        for row, *numbers, why, crop, landmarks in self._people.rows(_LOOKS, (person.row,)):
            vectors = self._people.rows(
                "SELECT model, vector, mirror FROM embedding WHERE reference = ?", (row,)
            )
            by_model = {model: (vector, mirror) for model, vector, mirror in vectors}
            looks.append(CarriedLook(tuple(numbers), why, crop, landmarks, by_model))
        return CarriedPerson(
            person.id,
            person.name,
            person.created,
            person.enrolled_by,
            tuple(alias for (alias,) in aliases),
            tuple(looks),
        )

    def take_person(self, carried: CarriedPerson) -> Person:
        """A new person with the id that they have elsewhere, seen today; no aliases and looks yet.

        Inside writing(). The id must be nobody's here.
        """
        database = self._people.open_write()
        values = (carried.id, carried.name, carried.created, carried.enrolled_by, bump(database))
        row = int(database.execute(_PERSON, values).fetchall()[0][0])
        self.saw(row, gmt_day(self._clock.now()))
        return Person(row, *values)

    def take_alias(self, person: Person, alias: str) -> None:
        """Let a further id answer for somebody. Inside writing(). The id must be nobody's here."""
        database = self._people.open_write()
        database.execute("INSERT INTO alias (id, person) VALUES (?, ?)", (alias, person.row))

    def unerase(self, ids: Iterable[str]) -> None:
        """Who was erased here and has these ids is wanted back: copies may hold them. Inside writing()."""
        database = self._people.open_write()
        for person_id in ids:
            database.execute("DELETE FROM erased WHERE hash = ?", (hash_of(person_id),))

    def take_look(self, person: Person, look: CarriedLook) -> bool:
        """Remember a look with all its vectors; False when it is here already. Inside writing().

        Raises StoreError: a vector of another length than that model's, or one that is none.
        """
        database = self._people.open_write()
        if self.has_look(person, look):
            return False
        for model, (vector, _) in look.vectors.items():
            if vector is not None:
                check_stored(vector)
            for (length,) in database.execute(_OF_LENGTH, (model,)).fetchall():
                if vector is not None and len(vector) != length:
                    raise StoreError(f"a vector of {model} has {len(vector)} bytes; here they have {length}")
            database.execute("UPDATE state SET model = ? WHERE model = ''", (model,))
        touch(database, person.row)
        row = database.execute(_REFERENCE, (person.row, *look.numbers, look.why)).lastrowid
        for model, (vector, mirror) in look.vectors.items():
            database.execute(
                "INSERT INTO embedding (reference, model, vector, mirror) VALUES (?, ?, ?, ?)",
                (row, model, vector, mirror),
            )
        if look.crop is not None:
            database.execute("INSERT INTO crop VALUES (?, ?, ?)", (row, look.landmarks, look.crop))
        return True

    def has_look(self, person: Person, look: CarriedLook) -> bool:
        """Whether somebody has it here: the same crop, or the same vector."""
        pairs = [("", None), *((model, vector) for model, (vector, _) in look.vectors.items())]
        return any(
            self._people.rows(_SAME, (person.row, model, vector, look.crop)) for model, vector in pairs
        )

    def erased_at(self, person_id: str) -> float | None:
        """When somebody with this id was erased here (seconds since 1970 GMT); None when nobody was."""
        rows = self._people.rows("SELECT time FROM erased WHERE hash = ?", (hash_of(person_id),))
        return float(rows[0][0]) if rows else None
