"""On which days the daily cleaning ran: what only a wrong clock makes old is not thrown away."""

from __future__ import annotations

from edge.access import gmt_day
from edge.store.base import Base
from edge.store.connection import Connections

_SWEEPS_KEPT = 8
_SURE_SWEEPS = 2


class SweepTable(Base):
    """The part of the store that mistrusts the clock. Each file has its own sweeps."""

    def _note_sweep(self, file: Connections) -> int:
        """Remember that a sweep ran today; the GMT day. To be called no more often than daily."""
        today = gmt_day(self._clock.now())
        file.write("INSERT INTO sweep (day) VALUES (?) ON CONFLICT DO NOTHING", (today,))
        file.write(
            "DELETE FROM sweep WHERE row <= (SELECT row FROM sweep ORDER BY row DESC LIMIT 1 OFFSET ?)",
            (_SWEEPS_KEPT,),
        )
        return today

    def _sure(self, file: Connections, before_day: int) -> bool:
        """Whether sweeps on two days lie past that GMT day: a clock that is wrong for an hour gives one."""
        rows = file.rows("SELECT count(*) FROM sweep WHERE day >= ?", (before_day,))
        return int(rows[0][0]) >= _SURE_SWEEPS
