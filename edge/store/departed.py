"""Whom a copy of before must not bring back: hashes of the ids of erased people."""

from __future__ import annotations

import hashlib
from collections.abc import Collection

from sqlite_utils import Database

from edge.store.connection import Connections

_MOST_ERASED = 20_000
"""Ids remembered (count; some 1.2 MB); past it the eldest go, and copies as old as that are long gone."""

_IDS_OF = "SELECT id FROM person WHERE row = ?1 UNION ALL SELECT id FROM alias WHERE person = ?1"
EVERY_ID = "SELECT id, row FROM person UNION ALL SELECT id, person FROM alias"


def hash_of(person_id: str) -> bytes:
    """16 bytes from which nobody finds a random uuid again."""
    return hashlib.sha256(person_id.encode()).digest()[:16]


def note_erased(database: Database, person_row: int, now: float) -> None:
    """Remember that somebody is being erased, by each id they answer to. now: seconds since 1970 GMT."""
    for (person_id,) in database.execute(_IDS_OF, (person_row,)).fetchall():
        database.execute("INSERT OR REPLACE INTO erased VALUES (?, ?)", (hash_of(person_id), now))


def bound_erased(people: Connections) -> None:
    """Forget the eldest of too many."""
    if people.rows("SELECT count(*) FROM erased")[0][0] > _MOST_ERASED:
        people.write(
            "DELETE FROM erased WHERE hash IN (SELECT hash FROM erased ORDER BY time DESC LIMIT -1 OFFSET ?)",
            (_MOST_ERASED,),
        )


def erased_hashes(database: Database) -> dict[bytes, float]:
    """Each hash with the time of the erasing; none in a file of before there were any."""
    if "erased" not in database.table_names():
        return {}
    return dict(database.execute("SELECT hash, time FROM erased").fetchall())


def departed_rows(database: Database, erased: Collection[bytes]) -> list[int]:
    """The people in a copy who were erased since it was made (rows)."""
    every = database.execute(EVERY_ID).fetchall()
    return sorted({row for person_id, row in every if hash_of(person_id) in erased})
