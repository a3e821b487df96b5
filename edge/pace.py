"""How fast the camera loop goes: as the settings say, slower when requests, heat or a weak supply need it."""

from __future__ import annotations

import enum
import logging
from collections.abc import Callable

from edge.clock import Clock
from edge.heat import COOL, HOT, Strain

_FEEL_EVERY_S = 15.0
"""How often the board is asked how it feels (seconds)."""

_LOAD_S = 3.0
"""Time constant (seconds) over which it is seen whether requests keep the device busy."""

_LOADED, _EASED = 0.5, 0.2
"""Share of that time from which on the loop gives way, and below which it goes on as before."""

_log = logging.getLogger(__name__)


class Gait(enum.StrEnum):
    """Why the loop is as fast as it is."""

    FULL = "full"
    LOAD = "load"
    HEAT = "heat"
    UNDERVOLTAGE = "undervoltage"


_SLOWER = {Gait.FULL: 1.0, Gait.LOAD: 2.0, Gait.HEAT: 4.0, Gait.UNDERVOLTAGE: 4.0}
"""How many times longer the pause between frames is."""


class Pace:
    """Tells when the next frame is due. Used by one thread; gait and strain may be read by others."""

    def __init__(
        self, fps: float, clock: Clock, strain: Callable[[], Strain], busy: Callable[[], bool]
    ) -> None:
        """fps: frames per second at most. busy: whether a request is being worked on right now."""
        self._interval = 1 / fps
        self._clock = clock
        self._ask = strain
        self._busy = busy
        self._load = 0.0
        self._next = clock.steady()
        self._asked_at = self._loaded_at = clock.steady()
        self.strain = strain()
        self.gait = Gait.FULL

    def pause(self) -> float:
        """Seconds until the next frame is due."""
        now = self._clock.steady()
        self._feel(now)
        # Who is late does not hurry afterwards.
        self._next = max(self._next + self._interval * _SLOWER[self.gait], now)
        return self._next - now

    def _feel(self, now: float) -> None:
        passed, self._loaded_at = now - self._loaded_at, now
        self._load += (self._busy() - self._load) * min(passed / _LOAD_S, 1.0)
        if now - self._asked_at >= _FEEL_EVERY_S:
            self.strain, self._asked_at = self._ask(), now
        gait = self._gait()
        if gait is not self.gait:
            self._say(gait)
            self.gait = gait

    def _gait(self) -> Gait:
        if self.strain.undervoltage:
            return Gait.UNDERVOLTAGE
        warm = COOL if self.gait is Gait.HEAT else HOT
        if self.strain.throttled or (self.strain.celsius or 0.0) >= warm:
            return Gait.HEAT
        return Gait.LOAD if self._load >= (_EASED if self.gait is Gait.LOAD else _LOADED) else Gait.FULL

    def _say(self, gait: Gait) -> None:
        fps = 1 / self._interval / _SLOWER[gait]
        if gait is Gait.HEAT:
            _log.warning(
                "the camera slows down to %.1f frames/s: the board is at %s °C", fps, self.strain.celsius
            )
        elif gait is Gait.UNDERVOLTAGE:
            _log.warning("the camera slows down to %.1f frames/s: the supply's voltage is too low", fps)
        else:
            _log.info("the camera looks at %.1f frames/s (%s)", fps, gait)
