"""Sightings: who was in front of a camera, from when to when, with the best picture of the face."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Any

from edge.store.records import Sighting
from edge.store.sightings_schema import LONG_S
from edge.store.subjects import SubjectTable

_SELECT = """
    SELECT s.row, s.id, s.camera, s.person, p.id, s.started, s.ended, s.open, s.similarity, s.frames,
        (SELECT length(picture) FROM sighting_crop WHERE sighting = s.row)
    FROM sighting s LEFT JOIN person p ON p.row = s.person
"""
_OPEN = """
    WHERE s.row IN (SELECT row FROM sighting WHERE open AND camera = coalesce(?, camera)) ORDER BY s.row
"""
_NEWEST_FIRST = " ORDER BY s.started DESC, s.row DESC LIMIT ?"

# What goes on at `since` or later began at most LONG_S before it, or is long; the long ones began before all
# of the former. So both are in order, one after the other, and nothing is sorted.
_NEAR = (f"s.started >= ? - {LONG_S}", "s.ended >= ?")
_LONG = (f"s.started < ? - {LONG_S}", f"s.ended - s.started > {LONG_S}", "s.ended >= ?")

_BEGIN = """
    INSERT INTO sighting (id, camera, started, ended, open, frames) VALUES (?1, ?2, ?3, ?3, 1, 0)
    RETURNING row
"""
_UPDATE = """
    UPDATE sighting SET ended = ?2, frames = ?3, similarity = coalesce(?4, similarity),
        person = coalesce(?5, person)
    WHERE row = ?1
"""
_CROP = """
    INSERT INTO sighting_crop (sighting, picture) SELECT row, ?2 FROM sighting WHERE row = ?1
    ON CONFLICT (sighting) DO UPDATE SET picture = excluded.picture
"""

# The row from which a page goes on may have been trimmed or erased by now; then its elder neighbour tells.
_FROM = "SELECT started FROM sighting WHERE row <= ? ORDER BY row DESC LIMIT 1"


class SightingTable(SubjectTable):
    """The part of the store that knows sightings. Each change is a transaction, or part of noting().

    A sighting that is gone (erased with its person) stays gone: what is written to it is dropped.
    """

    def begin_sighting(self, camera: str, started: float) -> Sighting:
        """A new one of somebody unknown, open. started: seconds since 1970 GMT."""
        sighting_id = str(uuid.uuid4())
        rows = self._sightings.write(_BEGIN, (sighting_id, camera, started))
        return Sighting(rows[0][0], sighting_id, camera, None, started, started, True, None, 0, None)

    def update_sighting(
        self,
        row: int,
        *,
        ended: float,
        frames: int,
        similarity: float | None = None,
        person_row: int | None = None,
    ) -> bool:
        """Write down what is known by now, None for what stays; whether the sighting is there still.

        A person who was erased meanwhile stays out of it; one who was merged is the one kept.
        """
        with self._sightings.within() as database:
            subject, _ = self._subject(database, person_row)
            return bool(database.execute(_UPDATE, (row, ended, frames, similarity, subject)).rowcount)

    def keep_sighting_crop(self, row: int, jpeg: bytes) -> None:
        """Keep this picture of the face, in place of an earlier one."""
        self._sightings.write(_CROP, (row, jpeg))

    def close_sighting(self, row: int, ended: float, frames: int) -> None:
        """They have left."""
        self._sightings.write(
            "UPDATE sighting SET open = 0, ended = ?2, frames = ?3 WHERE row = ?1", (row, ended, frames)
        )

    def drop_sighting(self, row: int) -> None:
        """Erase it and its crop, not the events that were told of it. Not inside noting(); clean()
        afterwards."""
        self._erasing("DELETE FROM sighting WHERE row = ?", (row,))

    def open_sightings(self, camera: str | None = None) -> list[Sighting]:
        """Those that go on, or that a crash left open; of one camera or all, the oldest first."""
        return self._shown(self._sightings.rows(f"{_SELECT}{_OPEN}", (camera,)))

    def sightings(
        self,
        *,
        person_row: int | None = None,
        since: float | None = None,
        until: float | None = None,
        before_row: int | None = None,
        limit: int = 100,
    ) -> list[Sighting]:
        """A page of sightings, by their start, the newest first; at the same start the later row first.

        since, until: those that overlap this stretch (seconds since 1970 GMT; `until` is not in it).
        before_row: those that follow this one in the order, the last of the page before.
        """
        base, values = self._filter(person_row, until)
        place = None if before_row is None else self._place(before_row)
        found: list[Sighting] = []
        while base is not None and len(found) < limit:
            wanted = limit - len(found)
            rows = self._page((base, values), since, place, wanted)
            found += self._shown(rows)
            if len(rows) < wanted:
                break
            place = (rows[-1][5], rows[-1][0])
        return found

    def sighting(self, sighting_id: str) -> Sighting | None:
        """The one with this uuid."""
        shown = self._shown(self._sightings.rows(f"{_SELECT} WHERE s.id = ?", (sighting_id,)))
        return shown[0] if shown else None

    def sighting_crop(self, sighting_id: str) -> bytes | None:
        """Its picture, a JPEG; None when none was kept, or there is no such sighting."""
        sighting = self.sighting(sighting_id)
        if sighting is None:
            return None
        rows = self._sightings.rows("SELECT picture FROM sighting_crop WHERE sighting = ?", (sighting.row,))
        return bytes(rows[0][0]) if rows else None

    def _filter(self, person_row: int | None, until: float | None) -> tuple[list[str] | None, list[object]]:
        """Conditions and their values; None when nothing can match."""
        conditions: list[str] = []
        values: list[object] = []
        if person_row is not None:
            subjects = self._subjects(person_row)
            if not subjects:
                return None, []
            conditions.append(f"s.person IN ({', '.join('?' * len(subjects))})")
            values += subjects
        if until is not None:
            conditions.append("s.started < ?")
            values.append(until)
        return conditions, values

    def _place(self, row: int) -> tuple[float, int]:
        rows = self._sightings.rows(_FROM, (row,))
        return (rows[0][0], row) if rows else (float("-inf"), row)

    def _page(
        self,
        base: tuple[list[str], list[object]],
        since: float | None,
        place: tuple[float, int] | None,
        limit: int,
    ) -> list[Any]:
        conditions, values = base
        if place is not None:
            conditions = [*conditions, "(s.started, s.row) < (?, ?)"]
            values = [*values, *place]
        if since is None:
            return self._rows(conditions, values, limit)
        rows = self._rows([*conditions, *_NEAR], [*values, since, since], limit)
        if len(rows) < limit:
            rows += self._rows([*conditions, *_LONG], [*values, since, since], limit - len(rows))
        return rows

    def _rows(self, conditions: Sequence[str], values: Sequence[object], limit: int) -> list[Any]:
        where = f" WHERE {' AND '.join(conditions)}" if conditions else ""
        return self._sightings.rows(f"{_SELECT}{where}{_NEWEST_FIRST}", (*values, limit))

    def _shown(self, rows: Sequence[Any]) -> list[Sighting]:
        """Without those whose person has just been erased."""
        present = self._present(row[4] for row in rows if row[4] is not None)
        return [
            Sighting(row, id_, camera, who[1] if who else None, started, ended, bool(open_), *rest)
            for row, id_, camera, subject, person_id, started, ended, open_, *rest in rows
            if (who := present.get(person_id)) or subject is None
        ]
