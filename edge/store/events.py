"""Events: the log of what the camera told, and how far each outlet has read it."""

from __future__ import annotations

import json
import uuid
from collections.abc import Collection, Mapping
from typing import Any

from edge.event import Event, EventKind
from edge.store.subjects import SubjectTable

_ADD = """
    INSERT INTO event (id, kind, time, camera, sighting, person, details) VALUES (?, ?, ?, ?, ?, ?, ?)
    RETURNING row
"""

# An event before the recognition names nobody, and is of the person of its sighting all the same.
_AFTER = """
    SELECT e.row, e.id, e.kind, e.time, e.camera, e.sighting, e.details, e.person,
        coalesce(e.person, s.person), p.id
    FROM event e LEFT JOIN sighting s ON s.id = e.sighting
        LEFT JOIN person p ON p.row = coalesce(e.person, s.person)
    WHERE e.row > ? ORDER BY e.row LIMIT ?
"""

# Not max(row): the newest may have been trimmed, and its number is not used again.
_NEWEST = "SELECT coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'event'), 0)"
_FIRST_CURSOR = """
    INSERT INTO outlet (name, cursor)
    SELECT ?, coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'event'), 0) WHERE true
    ON CONFLICT (name) DO UPDATE SET cursor = cursor RETURNING cursor
"""
_ADVANCE = """
    INSERT INTO outlet (name, cursor) VALUES (?, ?)
    ON CONFLICT (name) DO UPDATE SET cursor = excluded.cursor WHERE excluded.cursor > cursor
"""


class EventTable(SubjectTable):
    """The part of the store that knows events. Each change is a transaction, or part of noting()."""

    def add_event(  # noqa: PLR0917
        self,
        kind: EventKind,
        time: float,
        camera: str,
        sighting: str | None,
        person_row: int | None,
        details: Mapping[str, float | str],
    ) -> Event:
        """Write an event into the log; what became of it. The arguments: as in Event.

        A person who was erased meanwhile stays out of it; one who was merged is the one kept.
        """
        event_id, text = str(uuid.uuid4()), json.dumps(dict(details), allow_nan=False)
        with self._sightings.within() as database:
            subject, person_row = self._subject(database, person_row)
            values = (event_id, str(kind), time, camera, sighting, subject, text)
            row = int(database.execute(_ADD, values).fetchall()[0][0])
        return Event(row, event_id, kind, time, camera, sighting, person_row, dict(details))

    def events(self, after_row: int, limit: int) -> list[Event]:
        """Those that follow this row in the log, the oldest first. Rows may be missing."""
        found: list[Event] = []
        while len(found) < limit:
            wanted = limit - len(found)
            rows = self._sightings.rows(_AFTER, (after_row, wanted))
            found += self._told(rows)
            if len(rows) < wanted:
                break
            after_row = rows[-1][0]
        return found

    def newest_event(self) -> int:
        """The row of the event that was written last, also when it is gone; 0 when there was none."""
        return int(self._sightings.rows(_NEWEST)[0][0])

    def event_row(self, event_id: str) -> int | None:
        """The row of the event with this uuid; None when it is not, or no longer, in the log."""
        rows = self._sightings.rows("SELECT row FROM event WHERE id = ?", (event_id,))
        return int(rows[0][0]) if rows else None

    def cursor(self, outlet: str) -> int:
        """The row up to which the outlet of this name has told events. A new outlet begins with what comes
        from now on."""
        rows = self._sightings.rows("SELECT cursor FROM outlet WHERE name = ?", (outlet,))
        return int((rows or self._sightings.write(_FIRST_CURSOR, (outlet,)))[0][0])

    def cursors(self) -> dict[str, int]:
        """Of the outlets that are known, by name; makes none."""
        return dict(self._sightings.rows("SELECT name, cursor FROM outlet ORDER BY name"))

    def advance(self, outlet: str, row: int) -> None:
        """The outlet has told all up to this row; never goes back."""
        self._sightings.write(_ADVANCE, (outlet, row))

    def forget_outlets(self, keep: Collection[str]) -> None:
        """Forget the outlets that are not among these, so that they hold no events back."""
        self._sightings.write(
            "DELETE FROM outlet WHERE name NOT IN (SELECT value FROM json_each(?))",
            (json.dumps(sorted(keep)),),
        )

    def _told(self, rows: list[Any]) -> list[Event]:
        """Without those of people who have just been erased."""
        present = self._present(row[-1] for row in rows if row[-1] is not None)
        return [
            Event(
                row,
                event_id,
                EventKind(kind),
                time,
                camera,
                sighting,
                who[1] if who and named is not None else None,
                json.loads(details),
            )
            for row, event_id, kind, time, camera, sighting, details, named, subject, person_id in rows
            if (who := present.get(person_id)) or subject is None
        ]
