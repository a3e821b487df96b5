"""What the tests of the outlets share: a clock that runs fast, a store with events, an outlet that obeys."""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from edge.clock import Clock
from edge.errors import OutletError
from edge.event import Event, EventKind
from edge.outlets import Delivery
from edge.outlets.base import Outlet
from edge.store import Store
from edge.turn import Turn

CAMERA = "door"


class FastClock:
    """Runs that many times as fast as the system's."""

    def __init__(self, speed: float = 1.0) -> None:
        self._speed = speed

    def now(self) -> float:
        return time.time()

    def steady(self) -> float:
        return time.monotonic() * self._speed


def add_events(store: Store, count: int) -> list[str]:
    """Events of a stranger each; their ids."""
    return [
        store.add_event(
            EventKind.PERSON_UNKNOWN, time.time(), CAMERA, str(uuid.uuid4()), None, {"similarity": 12.5}
        ).id
        for _ in range(count)
    ]


def delivering(outlet: Outlet, store: Store, state: Path, clock: Clock | None = None) -> Delivery:
    """A delivery, not started."""
    return Delivery(outlet, store, clock or FastClock(), Turn(state / f"outlet-{outlet.name}.lock"))


def until(true: Callable[[], object], seconds: float = 10.0) -> bool:
    """Whether it came true within that time."""
    end = time.monotonic() + seconds
    while not true():
        if time.monotonic() > end:
            return False
        time.sleep(0.01)
    return True


class Receiver:
    """An outlet that keeps what it was told, and raises what it was given."""

    name = "receiver"

    def __init__(self, clock: Clock | None = None) -> None:
        self.ids: list[str] = []
        self.tries: list[float] = []
        self.error: Callable[[Event], OutletError | None] = lambda _: None
        self.closed = threading.Event()
        self._clock = clock or FastClock()

    def attend(self) -> None:
        """Always ready."""

    def deliver(self, event: Event, fields: Mapping[str, Any]) -> None:
        assert fields["id"] == event.id
        self.tries.append(self._clock.steady())
        error = self.error(event)
        if error is not None:
            raise error
        self.ids.append(event.id)

    def close(self) -> None:
        self.closed.set()
