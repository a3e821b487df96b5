"""References and crops, and what changed of them since a gallery last looked."""

from __future__ import annotations

import dataclasses
import itertools
import sqlite3
from collections.abc import Iterator
from typing import Any

import numpy as np

from edge.errors import StoreError
from edge.face import Vector
from edge.store.base import Base
from edge.store.connection import in_words
from edge.store.people import touch
from edge.store.records import Person, Reference

_FLOAT32 = np.dtype("<f4")

_CROPLESS = "SELECT r.row, r.vector, r.model, r.quality, r.added, NULL, NULL FROM reference r"
_WITH_CROP = (
    "SELECT r.row, r.vector, r.model, r.quality, r.added, c.picture, c.landmarks"
    " FROM reference r LEFT JOIN crop c ON c.reference = r.row"
)

# Walks the index on (revision, row): nothing is sorted, and a person's references come together.
_CHANGED = """
    SELECT p.row, r.vector FROM person p LEFT JOIN reference r ON r.person = p.row AND r.model = ?2
    WHERE p.revision > ?1 ORDER BY p.revision, p.row
"""


class ReferenceTable(Base):
    """The part of the store that knows what people look like."""

    def references(self, person_row: int, *, crops: bool = False) -> list[Reference]:
        """All references of a person, the oldest first; of every model."""
        sql = f"{_WITH_CROP if crops else _CROPLESS} WHERE r.person = ? ORDER BY r.row"
        return [_reference(values) for values in self._people.rows(sql, (person_row,))]

    def add_reference(self, person: Person, reference: Reference) -> Reference:
        """Remember a look; the same vector again gives the reference that is there already.

        Inside writing(). Raises UnknownPersonId: erased or merged in the meantime.
        """
        database = self._people.open_write()
        vector = _bytes(reference.vector)
        known = database.execute(
            f"{_CROPLESS} WHERE r.person = ? AND r.model = ? AND r.vector = ?",
            (person.row, reference.model, vector),
        ).fetchall()
        if known:
            return _reference(known[0])
        touch(database, person.row)
        row = database.execute(
            "INSERT INTO reference (person, model, quality, added, vector) VALUES (?, ?, ?, ?, ?)",
            (person.row, reference.model, reference.quality, reference.added, vector),
        ).lastrowid
        if reference.crop is not None:
            points = None if reference.landmarks is None else _bytes(reference.landmarks)
            database.execute("INSERT INTO crop VALUES (?, ?, ?)", (row, points, reference.crop))
        return dataclasses.replace(reference, row=row)

    def drop_reference(self, row: int) -> None:
        """Forget one look and its crop. Inside writing(); one that is not there is no error."""
        database = self._people.open_write()
        for (person,) in database.execute("SELECT person FROM reference WHERE row = ?", (row,)).fetchall():
            touch(database, person)
            database.execute("DELETE FROM reference WHERE row = ?", (row,))

    def revision(self) -> int:
        """Rises with every change of people or references, by any process."""
        return int(self._people.rows("SELECT revision FROM state")[0][0])

    def changes(self, since: int, model: str) -> Iterator[tuple[int, Vector]]:
        """Each person changed after revision `since`: their row and an n x d matrix of that model.

        The matrix is empty for somebody who is gone or has no reference of the model. Ask for
        revision() first: what changes meanwhile may come now and comes again the next time. Do not
        enter writing() while iterating.
        """
        try:
            changed = self._people.database.execute(_CHANGED, (since, model))
            for row, group in itertools.groupby(changed, key=lambda values: values[0]):
                yield int(row), _matrix([vector for _, vector in group if vector is not None])
            if since > 0:
                # After the people, so that somebody erased meanwhile comes as a person, then as gone.
                for (row,) in self._people.rows("SELECT row FROM gone WHERE revision > ?", (since,)):
                    yield int(row), _matrix([])
        except sqlite3.Error as error:
            raise in_words(error, self._people.path) from error


def _bytes(values: Vector) -> bytes:
    if not np.isfinite(values).all():
        raise StoreError("a vector with a value that is not finite cannot be stored")
    return np.ascontiguousarray(values, _FLOAT32).tobytes()


def _matrix(vectors: list[bytes]) -> Vector:
    if not vectors:
        return np.empty((0, 0), np.float32)
    return np.frombuffer(b"".join(vectors), _FLOAT32).reshape(len(vectors), -1)


def _reference(values: Any) -> Reference:
    row, vector, model, quality, added, crop, landmarks = values
    points = None if landmarks is None else np.frombuffer(landmarks, _FLOAT32).reshape(-1, 2)
    return Reference(row, np.frombuffer(vector, _FLOAT32), model, quality, added, crop, points)
