"""Whom sightings and events are of: people of the other file, who may be merged or erased there.

Two files have no common transaction. The people's comes first; what hangs on it follows right after its
commit, after a crash at the next start or sweep. Until then nothing of an erased person is given out, and
what is of a merged one counts as the kept one's, for each reading asks the people's file.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Collection, Iterable

from sqlite_utils import Database

from edge.errors import EdgeError
from edge.store.base import Base

_log = logging.getLogger(__name__)

_BATCH = 100
"""Sightings per transaction: with their crops some 2 MB to the log, which has room for it on a full disk."""
_EVENT_BATCH = 5000
"""Events looked at per transaction."""

_PRESENT = """
    SELECT asked.value, p.id, p.row FROM json_each(?) asked JOIN person p ON p.row = coalesce(
        (SELECT row FROM person WHERE id = asked.value), (SELECT person FROM alias WHERE id = asked.value)
    )
"""
_WHO = "SELECT id, row FROM person WHERE row = coalesce((SELECT merged_into FROM gone WHERE row = ?), ?1)"
_IDS = "SELECT id FROM person WHERE row = ?1 UNION ALL SELECT id FROM alias WHERE person = ?1"

_EVENTS_OF = """
    DELETE FROM event WHERE row >= ?1 AND row < ?2 AND (
        person IN (SELECT value FROM json_each(?3))
        OR (SELECT person FROM sighting WHERE id = event.sighting) IN (SELECT value FROM json_each(?3))
    )
"""
_SIGHTINGS_OF = """
    DELETE FROM sighting WHERE row IN (
        SELECT row FROM sighting WHERE person IN (SELECT value FROM json_each(?1)) LIMIT ?2
    )
"""
_MOVE = "UPDATE sighting SET person = ?1 WHERE row IN (SELECT row FROM sighting WHERE person = ?2 LIMIT ?3)"


class SubjectTable(Base):
    """The part of the store that knows which sightings and events are whose."""

    def follow_people(self) -> None:
        """Erase what was seen of erased people, and give what was seen of merged ones to those kept.

        When it fails (no space, somebody writes for long), the next merge, erasing, sweep or start tries it
        again.
        """
        try:
            # In a transaction: what is being noted at this moment is among it. What is noted afterwards
            # asks the people's file, and finds these people gone.
            with self._sightings.writing() as database:
                known = database.execute("SELECT id, row FROM person").fetchall()
            now = self._present(person_id for person_id, _ in known)
            self._drop([row for person_id, row in known if person_id not in now])
            for person_id, row in known:
                if person_id in now and now[person_id][0] != person_id:
                    self._move(row, now[person_id][0])
        except EdgeError as error:
            _log.warning(
                "sightings of erased or merged people may be left, and will be looked for again: %s", error
            )

    def _present(self, ids: Iterable[str]) -> dict[str, tuple[str, int]]:
        """The id and row of each person now; those who are erased are missing."""
        rows = self._people.rows(_PRESENT, (json.dumps(sorted(set(ids))),))
        return {asked: (person_id, row) for asked, person_id, row in rows}

    def _subject(self, database: Database, person_row: int | None) -> tuple[int | None, int | None]:
        """The person's number in this file, a new one if need be, and their row now; None twice when there
        is none, or they were erased. Inside noting()."""
        if person_row is not None:
            for person_id, row in self._people.rows(_WHO, (person_row,)):
                return _number(database, person_id), int(row)
        return None, None

    def _subjects(self, person_row: int) -> list[int]:
        """The numbers of a person in this file: one, and those of former ids until follow_people()."""
        for _, row in self._people.rows(_WHO, (person_row,)):
            ids = json.dumps([person_id for (person_id,) in self._people.rows(_IDS, (row,))])
            sql = "SELECT row FROM person WHERE id IN (SELECT value FROM json_each(?))"
            return [number for (number,) in self._sightings.rows(sql, (ids,))]
        return []

    def _drop(self, subjects: Collection[int]) -> None:
        """Events, then sightings, by which the events are known, then the ids, by which we find them all."""
        if not subjects:
            return
        which = json.dumps(list(subjects))
        first, last = self._sightings.rows("SELECT min(row), max(row) FROM event")[0]
        for start in range(first, last + 1, _EVENT_BATCH) if last is not None else ():
            self._erasing(_EVENTS_OF, (start, start + _EVENT_BATCH, which))
        while self._erasing(_SIGHTINGS_OF, (which, _BATCH)):
            pass
        self._erasing("DELETE FROM person WHERE row IN (SELECT value FROM json_each(?))", (which,))

    def _erasing(self, sql: str, parameters: tuple[object, ...]) -> int:
        """A transaction that erases; how many rows."""
        with self._sightings.writing() as database:
            erased = database.execute(sql, parameters).rowcount
            if erased:
                database.execute("UPDATE state SET revision = revision + 1, unclean = revision + 1")
        return erased

    def _move(self, gone: int, keep_id: str) -> None:
        with self._sightings.writing() as database:
            keep = _number(database, keep_id)
            database.execute("UPDATE event SET person = ? WHERE person = ?", (keep, gone))
        moved = _BATCH
        while moved == _BATCH:
            with self._sightings.writing() as database:
                moved = database.execute(_MOVE, (keep, gone, _BATCH)).rowcount
        self._sightings.write("DELETE FROM person WHERE row = ?", (gone,))


def _number(database: Database, person_id: str) -> int:
    """The person's number in the file of sightings, a new one if need be."""
    for (row,) in database.execute("SELECT row FROM person WHERE id = ?", (person_id,)).fetchall():
        return int(row)
    rows = database.execute("INSERT INTO person (id) VALUES (?) RETURNING row", (person_id,)).fetchall()
    return int(rows[0][0])
