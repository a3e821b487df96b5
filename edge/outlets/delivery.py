"""The outbox runner: events from the store to one outlet, in order, each at least once."""

from __future__ import annotations

import logging
import random
import threading

from edge.announce import event_fields
from edge.clock import Clock
from edge.errors import EdgeError
from edge.event import Event
from edge.outlets.base import EventRefused, Outlet
from edge.store import Store
from edge.turn import Turn

POLL_S = 5.0
"""Between looks at the store: another process may have written events, which wakes nobody here."""

FIRST_WAIT_S = 1.0
LONGEST_WAIT_S = 300.0
"""Between tries: doubled from the first to the longest, each made up to a quarter shorter by chance, so that
devices that lost one broker do not all come back at the same moment."""

MOST_REFUSALS = 5
"""Tries of an event that the receiver itself refuses."""

_BATCH = 100
_SLICE_S = 1.0
"""Longest wait by the system's own time: the injected clock may run faster."""

_MOST_REASONS = 8
"""Different reasons that are logged in one outage."""

_log = logging.getLogger(__name__)


class Delivery:
    """A thread that hands events over and moves the outlet's cursor in the store after each.

    What was not acknowledged stays in the store, whatever happens to the receiver or to this process; what
    was acknowledged just before a crash comes twice, with the same event id.
    """

    def __init__(self, outlet: Outlet, store: Store, clock: Clock, turn: Turn) -> None:
        self.name = outlet.name
        self._outlet = outlet
        self._store = store
        self._clock = clock
        self._turn = turn
        self._outage = _Outage(outlet.name, clock)
        self._refused = _Refused()
        self._told_stand_by = False
        self._wait_s = FIRST_WAIT_S
        self._stopping = threading.Event()
        self._woken = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"outlet-{outlet.name}", daemon=True)

    def start(self) -> None:
        """Deliver from now on: a new outlet gets what happens after this call. Raises StoreError."""
        self._store.cursor(self.name)  # makes it
        self._thread.start()

    def wake(self) -> None:
        """There is an event, or a person was renamed or erased. Any thread; returns at once."""
        self._woken.set()

    def cursor(self) -> int:
        """The row of the newest event that was handed over. Raises StoreError."""
        return self._store.cursor(self.name)

    def stop(self, wait_s: float = 3.0) -> None:
        """End, within about that time (seconds); what was not acknowledged comes after the next start."""
        self._stopping.set()
        self._woken.set()
        if self._thread.ident is None:
            self._outlet.close()
            return
        self._thread.join(wait_s / 2)
        if self._thread.is_alive():
            self._outlet.close()
            self._thread.join(wait_s / 2)

    def _run(self) -> None:
        try:
            while not self._stopping.is_set():
                self._woken.clear()
                if not self._passed():
                    self._back_off()
                elif not self._woken.is_set():
                    self._pause(POLL_S, self._woken)
        finally:
            self._outlet.close()
            self._turn.give_back()

    def _passed(self) -> bool:
        """One round; False: it failed, and that has been logged."""
        try:
            if not self._turn.taken():
                self._stand_by()
                return True
            self._outlet.attend()
            while self._hand_over_batch() and not self._stopping.is_set():
                pass
            self._works()
        except EventRefused:
            return False
        except EdgeError as error:
            self._fails(error.message)
            return False
        except Exception as error:
            if self._fails(f"unforeseen {type(error).__name__}"):
                _log.exception("outlet %s", self.name)
            return False
        return True

    def _stand_by(self) -> None:
        if not self._told_stand_by:
            self._told_stand_by = True
            _log.info("outlet %s: another process of this device delivers", self.name)

    def _hand_over_batch(self) -> bool:
        """Whether there were any."""
        events = self._store.events(self._store.cursor(self.name), _BATCH)
        for event in events:
            if self._stopping.is_set():
                break
            if self._store.event_row(event.id) is not None:  # its person may have been erased meanwhile
                self._hand_over(event)
        return bool(events)

    def _hand_over(self, event: Event) -> None:
        try:
            self._outlet.deliver(event, event_fields(event, self._store))
        except EventRefused as error:
            if self._refused.again(event.row) < MOST_REFUSALS:
                raise
            _log.error(
                "outlet %s: gave event %s up after %d tries: %s",
                self.name,
                event.id,
                MOST_REFUSALS,
                error.message,
            )
        else:
            self._works(self._store.newest_event() - event.row + 1 if self._outage.begun else 0)
        self._wait_s = FIRST_WAIT_S
        self._store.advance(self.name, event.row)

    def _works(self, waiting: int = 0) -> None:
        self._outage.end(waiting)
        self._wait_s = FIRST_WAIT_S

    def _fails(self, reason: str) -> bool:
        """Whether it was logged."""
        return not self._stopping.is_set() and self._outage.tell(reason)

    def _back_off(self) -> None:
        self._pause(self._wait_s * random.uniform(0.75, 1.0), self._stopping)  # noqa: S311 (no secret)
        self._wait_s = min(self._wait_s * 2, LONGEST_WAIT_S)

    def _pause(self, seconds: float, end: threading.Event) -> None:
        until = self._clock.steady() + seconds
        while (left := until - self._clock.steady()) > 0:
            if end.wait(min(left, _SLICE_S)):
                return


class _Refused:
    """How often the receiver refused one event."""

    def __init__(self) -> None:
        self._row = -1
        self._times = 0

    def again(self, row: int) -> int:
        """Once more; the event's row."""
        self._times = self._times + 1 if row == self._row else 1
        self._row = row
        return self._times


class _Outage:
    """Says once that a receiver is not there, once per reason, and once that it is back."""

    def __init__(self, name: str, clock: Clock) -> None:
        self._name = name
        self._clock = clock
        self._since: float | None = None
        self._reasons: set[str] = set()

    @property
    def begun(self) -> bool:
        return self._since is not None

    def tell(self, reason: str) -> bool:
        """Whether it was logged, which it is not the second time."""
        if self._since is None:
            self._since = self._clock.steady()
        if reason in self._reasons or len(self._reasons) >= _MOST_REASONS:
            return False
        self._reasons.add(reason)
        _log.warning("outlet %s: %s; events wait in the store, trying again", self._name, reason)
        return True

    def end(self, waiting: int) -> None:
        """waiting: events that are still to be handed over."""
        if self._since is not None:
            lasted = self._clock.steady() - self._since
            _log.info("outlet %s: works again after %.0f s, %d events waiting", self._name, lasted, waiting)
            self._since = None
            self._reasons.clear()
