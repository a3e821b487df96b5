"""References and crops, and what changed of them since a gallery last looked."""

from __future__ import annotations

import dataclasses
import itertools
import sqlite3
from collections.abc import Iterator
from typing import Any

from edge.errors import UnknownReference
from edge.face import Look, Vector
from edge.store.connection import in_words
from edge.store.embeddings import EmbeddingTable, matrix_of, points_of, vector_bytes, vector_of
from edge.store.people import touch
from edge.store.records import Person, Reference, Remembered

_JOINED = " FROM reference r JOIN embedding e ON e.reference = r.row AND e.model = ?1"
_COLUMNS = (
    "SELECT r.row, e.vector, e.model, r.quality, r.added, r.set_aside, r.side, r.sharpness, r.yaw, e.mirror"
)
_CROPLESS = f"{_COLUMNS}, NULL, NULL{_JOINED}"
_WITH_CROP = f"{_COLUMNS}, c.picture, c.landmarks{_JOINED} LEFT JOIN crop c ON c.reference = r.row"

_REMEMBERED = """
    SELECT r.row, r.quality, r.added,
        (SELECT group_concat(model, ' ') FROM embedding WHERE reference = r.row AND vector IS NOT NULL),
        (SELECT length(picture) FROM crop WHERE reference = r.row), r.set_aside, r.set_aside_why,
        r.side, r.sharpness, r.yaw,
        (SELECT mirror FROM embedding WHERE reference = r.row AND model = ?2)
    FROM reference r WHERE r.person = ?1 ORDER BY r.row
"""

_INSERT = "INSERT INTO reference (person, quality, added, side, sharpness, yaw) VALUES (?, ?, ?, ?, ?, ?)"

# A look that no embedder could start from: it has no crop, or one that somebody could not read.
_CROP_LACKS = """
    SELECT 1 FROM reference r WHERE r.row = ?1 AND (
        NOT EXISTS (SELECT 1 FROM crop WHERE reference = ?1)
        OR EXISTS (SELECT 1 FROM embedding WHERE reference = ?1 AND vector IS NULL)
    )
"""

_SET_ASIDE = """
    UPDATE reference SET set_aside = coalesce(set_aside, ?2), set_aside_why = ?3
    WHERE row = ?1 AND (set_aside IS NULL OR set_aside_why <> ?3)
"""
_TAKE_BACK = (
    "UPDATE reference SET set_aside = NULL, set_aside_why = NULL WHERE row = ? AND set_aside NOT NULL"
)

# Walks the index on (revision, row): nothing is sorted, and a person's references come together.
_CHANGED = """
    SELECT p.row, e.vector FROM person p
        LEFT JOIN reference r ON r.person = p.row AND r.set_aside IS NULL
        LEFT JOIN embedding e ON e.reference = r.row AND e.model = ?2
    WHERE p.revision > ?1 ORDER BY p.revision, p.row
"""


class ReferenceTable(EmbeddingTable):
    """The part of the store that knows what people look like."""

    def references(
        self, person_row: int, *, model: str | None = None, crops: bool = False
    ) -> list[Reference]:
        """A person's references that have a vector of `model` (None: the one that answers), the oldest
        first, those that are set aside included."""
        sql = f"{_WITH_CROP if crops else _CROPLESS} WHERE r.person = ?2 AND e.vector IS NOT NULL"
        values = (self.model() if model is None else model, person_row)
        return [_reference(row) for row in self._people.rows(f"{sql} ORDER BY r.row", values)]

    def remembered(self, person_row: int) -> list[Remembered]:
        """All references of a person, without vectors, whatever embedders know them; the oldest first.

        Their looks are those that the answering embedder saw.
        """
        rows = self._people.rows(_REMEMBERED, (person_row, self.model()))
        return [_remembered(values) for values in rows]

    def add_reference(self, person: Person, reference: Reference) -> Reference:
        """Remember a look, in use; the same vector again gives the reference that is there already.

        Inside writing(). Raises UnknownPersonId: erased or merged in the meantime; ModelChanged: another
        embedder answers than the one of the vector.
        """
        database = self._people.open_write()
        vector = vector_bytes(reference.vector)
        self._check_answering(reference.model)
        known = database.execute(
            f"{_CROPLESS} WHERE r.person = ?2 AND e.vector = ?3", (reference.model, person.row, vector)
        ).fetchall()
        if known:
            return _reference(known[0])
        touch(database, person.row)
        *look, mirror = (None,) * 4 if reference.look is None else dataclasses.astuple(reference.look)
        row = database.execute(_INSERT, (person.row, reference.quality, reference.added, *look)).lastrowid
        values = (row, reference.model, vector, mirror)
        database.execute(
            "INSERT INTO embedding (reference, model, vector, mirror) VALUES (?, ?, ?, ?)", values
        )
        if reference.crop is not None:
            database.execute("INSERT INTO crop VALUES (?, ?, ?)", (row, *_crop_of(reference)))
        return dataclasses.replace(reference, row=row, set_aside=None)

    def mend_crop(self, row: int, reference: Reference) -> None:
        """Give a look that has no crop, or one that some embedder could not read, that of the same picture
        seen again, and its measures. Inside writing(); nothing happens to a look that has a good one."""
        database = self._people.open_write()
        if reference.crop is None or not database.execute(_CROP_LACKS, (row,)).fetchall():
            return
        values = (row, *_crop_of(reference))
        database.execute("INSERT OR REPLACE INTO crop VALUES (?, ?, ?)", values)
        database.execute("DELETE FROM embedding WHERE reference = ? AND vector IS NULL", (row,))
        if reference.look is not None:
            *look, mirror = dataclasses.astuple(reference.look)
            database.execute(
                "UPDATE reference SET quality = ?, side = ?, sharpness = ?, yaw = ? WHERE row = ?",
                (reference.quality, *look, row),
            )
            database.execute(
                "UPDATE embedding SET mirror = ? WHERE reference = ? AND model = ?",
                (mirror, row, reference.model),
            )

    def drop_reference(self, row: int) -> None:
        """Forget one look and its crop. Inside writing(); one that is not there is no error."""
        database = self._people.open_write()
        for (person,) in database.execute("SELECT person FROM reference WHERE row = ?", (row,)).fetchall():
            touch(database, person)
            database.execute("DELETE FROM reference WHERE row = ?", (row,))

    def set_aside(self, reference_row: int, why: str) -> Person:
        """Keep a look, but let no gallery count it; whose it is. One that is set aside keeps its date, but
        gets this reason.

        Inside writing(). Raises UnknownReference.
        """
        return self._use(reference_row, _SET_ASIDE, (reference_row, self._clock.now(), why))

    def take_back(self, reference_row: int) -> Person:
        """Let a look that was set aside count again; whose it is. As set_aside()."""
        return self._use(reference_row, _TAKE_BACK, (reference_row,))

    def person_of(self, reference_row: int) -> Person:
        """Whose look it is. Raises UnknownReference."""
        rows = self._people.rows("SELECT person FROM reference WHERE row = ?", (reference_row,))
        person = self.person_by_row(rows[0][0]) if rows else None
        if person is None:
            raise UnknownReference(f"there is no reference {reference_row}")
        return person

    def revision(self) -> int:
        """Rises with every change of people or references, by any process."""
        return int(self._people.rows("SELECT revision FROM state")[0][0])

    def changes(self, since: int, model: str) -> Iterator[tuple[int, Vector]]:
        """Each person changed after revision `since`: their row and an n x d matrix of that model.

        The matrix is empty for somebody who is gone or has no reference of the model in use. Ask for
        answering() first: what changes meanwhile may come now and comes again the next time. Do not
        enter writing() while iterating.
        """
        try:
            changed = self._people.database.execute(_CHANGED, (since, model))
            for row, group in itertools.groupby(changed, key=lambda values: values[0]):
                yield int(row), matrix_of([vector for _, vector in group if vector is not None])
            if since > 0:
                # After the people, so that somebody erased meanwhile comes as a person, then as gone.
                for (row,) in self._people.rows("SELECT row FROM gone WHERE revision > ?", (since,)):
                    yield int(row), matrix_of([])
        except sqlite3.Error as error:
            raise in_words(error, self._people.path) from error

    def _use(self, reference_row: int, sql: str, values: tuple[object, ...]) -> Person:
        database = self._people.open_write()
        person = self.person_of(reference_row)
        if database.execute(sql, values).rowcount:
            touch(database, person.row)
        return person


def _crop_of(reference: Reference) -> tuple[bytes | None, bytes | None]:
    """The landmarks and the crop, as they are stored."""
    points = None if reference.landmarks is None else vector_bytes(reference.landmarks)
    return points, reference.crop


def _reference(values: Any) -> Reference:
    row, vector, model, quality, added, set_aside, side, sharpness, yaw, mirror, crop, landmarks = values
    look = None if side is None else Look(side, sharpness, yaw, mirror)
    return Reference(
        row, vector_of(vector), model, quality, added, crop, points_of(landmarks), look, set_aside
    )


def _remembered(values: Any) -> Remembered:
    row, quality, added, models, crop_bytes, set_aside, why, side, sharpness, yaw, mirror = values
    look = None if side is None else Look(side, sharpness, yaw, mirror)
    known = tuple(sorted(models.split())) if models else ()
    return Remembered(row, quality, added, known, crop_bytes, look, set_aside, why)
