"""What happens, told inside the process: whoever has something to do at an event is called.

A call is a nudge, not the delivery: an event stands in the store before it is published, and who must not
miss one reads it there.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from edge.event import Event

_log = logging.getLogger(__name__)


class Bus:
    """The subscribers of one process. Any thread may use it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._callbacks: dict[object, Callable[[Event], None]] = {}

    def publish(self, event: Event) -> None:
        """Call every subscriber, in the order in which they came, in this thread.

        One that fails is logged; the others are called all the same.
        """
        with self._lock:
            callbacks = tuple(self._callbacks.values())
        for callback in callbacks:
            try:
                callback(event)
            except Exception:
                _log.exception("a subscriber failed at %s", event.kind)

    def subscribe(self, callback: Callable[[Event], None]) -> Callable[[], None]:
        """Call it at each event from now on; what it does must be quick. The result ends that."""
        key = object()
        with self._lock:
            self._callbacks[key] = callback

        def unsubscribe() -> None:
            with self._lock:
                self._callbacks.pop(key, None)

        return unsubscribe
