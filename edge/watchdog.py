"""Tells the service manager that this process works, after it was seen to.

What is fed is not a timer: a recognition has gone through the real queue (edge.selftest), no engine has been
out for longer than any work takes, and it is the server's own loop that says so. A loop that stands still, an
engine that hangs, a queue from which nothing comes back: the manager hears nothing, and starts us anew.

A device that is merely slow or busy feeds as well. Where no engine comes free for the test, because requests
have them all, what those requests finish is as good: it went through the same queue. What the camera finishes
is not: its frames come by another way. Where big pictures leave no memory for the test, that holds for some
minutes only: memory that is never given back looks the same.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Protocol

from edge.clock import Clock
from edge.engine import NoEngine
from edge.errors import EdgeError, Overloaded
from edge.notify import Manager

STUCK_S = 120.0
"""No work keeps an engine for so long (seconds): a crowd of 100 faces takes the slowest board about one."""

NO_MEMORY_S = 300.0
"""For so long (seconds) test after test may find no memory while requests are finished: a slow board that is
sent the biggest pictures only has some free between two of them."""

LEAST_PAUSE_S = 5.0

_SHARE = 20
"""Of the time at most one part in so many goes into the test..."""

_IN_ONE_PERIOD = 4
"""...but it is made at least so many times before the manager would lose its patience."""

_AGAIN_S = 1.0
"""Pause after a test that failed."""

_log = logging.getLogger(__name__)


class Test(Protocol):
    """edge.selftest.SelfTest."""

    def run(self) -> None: ...


class Working(Protocol):
    """edge.vision.Vision. finished: works for requests (count). longest_s: of all works under way the oldest
    (seconds)."""

    @property
    def finished(self) -> int: ...
    @property
    def longest_s(self) -> float: ...


class Watchdog:
    """Runs beside the server, in its loop, until it is cancelled."""

    def __init__(
        self, manager: Manager, test: Test, working: Working, clock: Clock, words: Callable[[], str]
    ) -> None:
        """words: how the service does, for `systemctl status`."""
        self._manager = manager
        self._test = test
        self._working = working
        self._clock = clock
        self._words = words
        self._finished = working.finished
        self._refused_at: float | None = None  # the first of the tests in a row that found no memory

    async def run(self) -> None:
        """For ever; at once over when nobody listens."""
        while self._manager.watchdog_s > 0:
            begun = self._clock.steady()
            failure = await asyncio.to_thread(self._look)
            took = self._clock.steady() - begun
            if failure is None:
                self._manager.alive(f"{self._words()}; self-test {1000 * took:.0f} ms")
                await asyncio.sleep(pause(took, self._manager.watchdog_s))
            else:
                _log.warning("the self-test: %s", failure)
                self._manager.ailing(f"the self-test: {failure}")
                await asyncio.sleep(min(_AGAIN_S, self._manager.watchdog_s / _IN_ONE_PERIOD))

    def stopping(self) -> None:
        """The server has begun to end."""
        self._manager.stopping()

    def _look(self) -> str | None:
        """What is wrong, in words; None: nothing."""
        refused_at, self._refused_at = self._refused_at, None
        try:
            self._test.run()
        except Overloaded as error:
            waited = 0.0
            if not isinstance(error, NoEngine):
                now = self._clock.steady()
                self._refused_at = now if refused_at is None else refused_at
                waited = now - self._refused_at
            if self._working.finished == self._finished or waited > NO_MEMORY_S:
                return error.message
        except EdgeError as error:
            return error.message
        except Exception as error:
            return f"{type(error).__name__}: {error}"
        self._finished = self._working.finished
        longest = self._working.longest_s
        return f"a recognition has been under way for {longest:.0f} s" if longest > STUCK_S else None


def pause(took: float, period: float) -> float:
    """Seconds between two tests, of which the last took so long; period: the manager's patience."""
    return min(max(LEAST_PAUSE_S, _SHARE * took), period / _IN_ONE_PERIOD)
