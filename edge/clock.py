"""The clock seam: the only place that asks what time it is."""

from __future__ import annotations

import time
from typing import Protocol

RELEASED = 1767225600.0
"""2026-01-01 00:00 GMT, seconds: a clock that says less was never set (a Pi keeps no time without power)."""


class Clock(Protocol):
    """Wall time and a steady time."""

    def now(self) -> float:
        """Seconds since 1970-01-01 00:00 GMT; may jump in both directions."""

    def steady(self) -> float:
        """Seconds from an arbitrary start; never jumps."""


class SystemClock:
    """The device's own clock."""

    def now(self) -> float:
        return time.time()

    def steady(self) -> float:
        return time.monotonic()
