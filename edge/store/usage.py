"""Daily use per token, exact whatever the threads, processes and the clock do."""

from __future__ import annotations

import logging

from edge.access import Grant, seconds_to_midnight
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


class UsageTable(Base):
    """The part of the store that counts requests."""

    def spend(self, grant: Grant, day: int) -> int:
        """Count one request on that GMT day; the number used after it. Raises QuotaExceeded."""
        limit = _UNLIMITED if grant.quota is None else grant.quota
        values = (grant.id, day, limit)
        rows = self._usage.write(_SPEND, values) or self._usage.write(_SPEND_FIRST, values)
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
        self._usage.write(
            "UPDATE quota_day SET used = used - 1 WHERE token = ? AND day = ? AND used > 0", (grant.id, day)
        )

    def used(self, grant: Grant, day: int) -> int:
        """Requests counted on that GMT day."""
        rows = self._usage.rows("SELECT used FROM quota_day WHERE token = ? AND day = ?", (grant.id, day))
        return int(rows[0][0]) if rows else 0
