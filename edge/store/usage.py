"""Daily use per token, exact whatever the threads, processes and the clock do.

A board without a battery wakes up with yesterday's date, or an older one, and learns the right one from
NTP, sooner or later. What is spent until then counts for the day that the clock shows, and a second time,
beside it, as spent without knowing the day (a row of day -1 - that day). Once the clock is set this is added
to the right day, for all tokens: who has used up a quota before NTP came does not get that day's as well.

What remains: a device that does not learn the time for hours hands out a new quota at what it takes for
midnight, so on such a day up to two.
"""

from __future__ import annotations

import logging
from typing import Any

from edge.access import Grant, gmt_day, seconds_to_midnight
from edge.errors import EdgeError, QuotaExceeded
from edge.store.base import Base

_log = logging.getLogger(__name__)

_UNLIMITED = 2**62
_DAYS_KEPT = 400

SURE_EVERY = 100
"""Requests of a token after which its count is on disk for sure: a power cut takes back at most so many, and
those being counted at that moment. Each time costs two fsyncs."""

# One statement each, so nobody can come between the comparison and the counting. No row comes back
# when the quota is used up, or the day is new; the second, dearer one tells these apart.
_SPEND = "UPDATE quota_day SET used = used + 1 WHERE token = ?1 AND day = ?2 AND used < ?3 RETURNING used"
_SPEND_FIRST = """
    INSERT INTO quota_day (token, day, used) SELECT ?1, ?2, 1 WHERE ?3 > 0
    ON CONFLICT (token, day) DO UPDATE SET used = used + 1 WHERE used < ?3
    RETURNING used
"""

# The days written first go first. Not "older than today": the clock may be a year ahead just now,
# and when that is taken back, the days of before must still be there.
_PRUNE = """
    DELETE FROM quota_day WHERE token = ?1 AND row <= (
        SELECT row FROM quota_day WHERE token = ?1 ORDER BY row DESC LIMIT 1 OFFSET ?2
    )
"""

# Of the unset days the one begun last: the clock showed it until it was set. Not when it was the right one.
_CARRY = """
    INSERT INTO quota_day (token, day, used)
    SELECT token, ?1, used FROM quota_day AS unset
    WHERE day < 0 AND day <> -1 - ?1 AND row = (
        SELECT max(row) FROM quota_day WHERE token = unset.token AND day < 0
    )
    ON CONFLICT (token, day) DO UPDATE SET used = used + excluded.used
"""
_COUNT_UNSET = """
    INSERT INTO quota_day (token, day, used) VALUES (?1, -1 - ?2, 1)
    ON CONFLICT (token, day) DO UPDATE SET used = used + 1
"""
_REFUND = "UPDATE quota_day SET used = used - 1 WHERE token = ?1 AND day IN (?2, -1 - ?2) AND used > 0"


class UsageTable(Base):
    """The part of the store that counts requests."""

    _carried = False
    """Whether nothing is left that was spent on a day that nobody knew."""

    def spend(self, grant: Grant, day: int) -> int:
        """Count one request on that GMT day; the number used after it. Raises QuotaExceeded."""
        limit = _UNLIMITED if grant.quota is None else grant.quota
        if self._clock_set():
            self._carry(day)
            rows = self._count(grant, day, limit)
        else:
            with self._usage.writing():
                rows = self._count(grant, day, limit)
                if rows:
                    self._usage.write(_COUNT_UNSET, (grant.id, day))
            self._carried = False
        if not rows:
            reset_s = seconds_to_midnight(self._clock.now())
            raise QuotaExceeded(
                f"the quota of {limit} requests a day is used up; the next day starts in {reset_s} s,"
                " at midnight GMT",
                reset_s,
            )
        used = int(rows[0][0])
        if used == 1:  # a new day, so once a day
            self._usage.write(_PRUNE, (grant.id, _DAYS_KEPT))
        if used % SURE_EVERY == 0 or used == limit:
            self._make_sure()
        return used

    def _make_sure(self) -> None:
        """Sync the log, and take it into the file, so that it starts again and stays short."""
        try:
            self._usage.write("PRAGMA wal_checkpoint(PASSIVE)")
        except EdgeError as error:
            _log.warning("the count of requests would not survive a power cut: %s", error)

    def refund(self, grant: Grant, day: int) -> None:
        """Take one counted request back (it was not answered); never below 0."""
        self._usage.write(_REFUND, (grant.id, day))

    def used(self, grant: Grant, day: int) -> int:
        """Requests counted on that GMT day."""
        if self._clock_set():
            self._carry(day)
        rows = self._usage.rows("SELECT used FROM quota_day WHERE token = ? AND day = ?", (grant.id, day))
        return int(rows[0][0]) if rows else 0

    def _count(self, grant: Grant, day: int, limit: int) -> list[Any]:
        values = (grant.id, day, limit)
        return self._usage.write(_SPEND, values) or self._usage.write(_SPEND_FIRST, values)

    def _carry(self, day: int) -> None:
        """Add to that day, the first that is known, what was spent while none was."""
        if self._carried or day != gmt_day(self._clock.now()):  # the clock was set after the day was asked
            return
        if self._usage.rows("SELECT 1 FROM quota_day WHERE day < 0 LIMIT 1"):
            with self._usage.writing():
                self._usage.write(_CARRY, (day,))
                self._usage.write("DELETE FROM quota_day WHERE day < 0")
        self._carried = True
