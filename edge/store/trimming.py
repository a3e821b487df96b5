"""Retention: sightings, crops and events go by age, and before they fill the memory card."""

from __future__ import annotations

import logging

from edge.access import gmt_day
from edge.store.sweeps import SweepTable

_log = logging.getLogger(__name__)

_MOST_EVENTS = 200_000
_EVENT_BYTES = 250
"""What an event takes in the file, its index included (bytes)."""

_NO_ROW = 2**62
"""More than any row."""

_SWEEP_EVERY_S = 72_000.0
"""A sweep that counts, at most so often (20 hours, so that it is daily whatever the caller's rhythm)."""

_BATCH = 100
"""Sightings per transaction: with their crops some 2 MB to the log, and a moment for the others to wait."""
_EVENT_BATCH = 2000
_PAGE_BATCH = 500

_OLD = """
    DELETE FROM sighting WHERE row IN (
        SELECT row FROM sighting WHERE started < ?1 AND ended < ?1 ORDER BY started LIMIT ?2
    )
"""
_OLDEST = """
    DELETE FROM sighting WHERE row IN (SELECT row FROM sighting WHERE NOT open ORDER BY started LIMIT ?)
"""
_TOLD = """
    DELETE FROM event WHERE row IN (
        SELECT row FROM event
        WHERE row <= min(?1, coalesce((SELECT min(cursor) FROM outlet), ?1)) AND time < ?2
        ORDER BY row LIMIT ?3
    )
"""
_EARLIEST = "DELETE FROM event WHERE row IN (SELECT row FROM event ORDER BY row LIMIT ?)"
_UNTOLD = """
    SELECT count(*) FROM (SELECT row FROM event ORDER BY row LIMIT ?)
    WHERE row > (SELECT min(cursor) FROM outlet)
"""
_NOBODY = """
    DELETE FROM person WHERE NOT EXISTS (SELECT 1 FROM sighting s WHERE s.person = person.row)
        AND row NOT IN (SELECT person FROM event WHERE person IS NOT NULL)
"""


class Trimming(SweepTable):
    """The part of the store that keeps the third file small."""

    _swept_at = float("-inf")

    def trim_sightings(self, before: float, most_bytes: int, keep_after_row: int | None = None) -> int:
        """Drop what is too old, then the oldest until the rest fits; how many sightings went.

        before: sightings that ended, and events that happened, before this time go (seconds since 1970
        GMT). Not before calls on two days lie past it, a day's time apart, for the clock may be wrong.
        most_bytes: what may stay, crops and indexes included; open sightings stay in any case.
        keep_after_row: events from the one that follows this row stay (None: no matter), as do those that
        an outlet has not told yet; only of more than fit into half of most_bytes, or than 200,000, the
        oldest go untold.

        A transaction per batch, so that others write in between. Meant to be called hourly or so.
        """
        if self._clock.steady() - self._swept_at >= _SWEEP_EVERY_S:
            self._swept_at = self._clock.steady()
            self._note_sweep(self._sightings)
        gone = 0
        if self._sure(self._sightings, gmt_day(before)):
            gone += self._repeat(_OLD, (before,), _BATCH)
            last = _NO_ROW if keep_after_row is None else keep_after_row
            self._repeat(_TOLD, (last, before), _EVENT_BATCH)
        self._bound_events(min(_MOST_EVENTS, most_bytes // (2 * _EVENT_BYTES)))
        while self.sightings_bytes() > most_bytes and (dropped := self._delete(_OLDEST, (_BATCH,))):
            gone += dropped
        self._sightings.write(_NOBODY)
        self._give_back()
        return gone

    def sightings_bytes(self) -> int:
        """What sightings, crops and events take, in bytes, without the free pages of their file."""
        pages, free = self._pages()
        return (pages - free) * int(self._sightings.rows("PRAGMA page_size")[0][0])

    def _bound_events(self, most: int) -> None:
        too_many = int(self._sightings.rows("SELECT count(*) FROM event")[0][0]) - most
        if too_many <= 0:
            return
        untold = int(self._sightings.rows(_UNTOLD, (too_many,))[0][0])
        while too_many > 0 and (dropped := self._delete(_EARLIEST, (min(too_many, _EVENT_BATCH),))):
            too_many -= dropped
        if untold:
            _log.warning(
                "%d events were dropped before every outlet had told them: more than %d wait", untold, most
            )

    def _repeat(self, sql: str, parameters: tuple[object, ...], batch: int) -> int:
        gone = 0
        while dropped := self._delete(sql, (*parameters, batch)):
            gone += dropped
        return gone

    def _delete(self, sql: str, parameters: tuple[object, ...]) -> int:
        with self._sightings.writing() as database:
            return int(database.execute(sql, parameters).rowcount)

    def _give_back(self) -> None:
        """What stays free for long goes back to the disk; some is kept, for the next sightings."""
        pages, free = self._pages()
        while free > max(_PAGE_BATCH, pages // 4):
            self._sightings.write(f"PRAGMA incremental_vacuum({_PAGE_BATCH})")
            pages, left = self._pages()
            if left == free:
                return
            free = left

    def _pages(self) -> tuple[int, int]:
        """All of the file, and those of them that are free."""
        pages, free = (
            int(self._sightings.rows(f"PRAGMA {what}")[0][0]) for what in ("page_count", "freelist_count")
        )
        return pages, free
