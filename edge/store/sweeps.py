"""On which days the daily cleaning ran: what only a wrong clock makes old is not thrown away."""

from __future__ import annotations

from edge.access import gmt_day
from edge.store.base import Base

_SWEEPS_KEPT = 8
_SURE_SWEEPS = 2


class SweepTable(Base):
    """The part of the store that mistrusts the clock."""

    def _note_sweep(self) -> int:
        """Remember that a sweep ran today; the GMT day."""
        today = gmt_day(self._clock.now())
        self._usage.write("INSERT INTO sweep (day) VALUES (?) ON CONFLICT DO NOTHING", (today,))
        self._usage.write(
            "DELETE FROM sweep WHERE row <= (SELECT row FROM sweep ORDER BY row DESC LIMIT 1 OFFSET ?)",
            (_SWEEPS_KEPT,),
        )
        return today

    def _sure(self, before_day: int) -> bool:
        """Whether sweeps on two days lie past that GMT day: a clock that is wrong for an hour gives one."""
        rows = self._usage.rows("SELECT count(*) FROM sweep WHERE day >= ?", (before_day,))
        return int(rows[0][0]) >= _SURE_SWEEPS
