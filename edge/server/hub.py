"""All clients that listen to events: who may, and what each is sent, read from the event log.

The log in the store is the one source, for those who come back as for those who stayed; the bus only says
when to look. So an event is neither lost nor told twice, whichever process has written it.
"""

from __future__ import annotations

import asyncio
import json
import logging
import threading
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

from edge.announce import event_fields
from edge.errors import AccessError, NotReady, Overloaded
from edge.event import Event
from edge.server.services import Services
from edge.server.streams import EventStream
from edge.store import Store

LOOK_S = 2.0
"""While somebody listens, the log is looked at so often (seconds): another process may write into it."""

BATCH = 100
"""Events sent at a time (count)."""

_FULL_RETRY_S = 10
_OFF_RETRY_S = 3600

_log = logging.getLogger(__name__)

Batches = dict[int, list[tuple[int, bytes]]]
"""Events as they are sent, each with its row, by the row after which they were read."""


class Hub:
    """The event streams of one server. All but admit(), wake_from() and gauges() is the loop's thread's."""

    def __init__(self, services: Services) -> None:
        settings = services.settings
        self.stopping = False
        self._services = services
        # Half of the connections stay for requests, whatever the settings say.
        self._most = min(settings.max_event_streams, settings.max_connections // 2)
        self._lock = threading.Lock()
        self._admitted: set[EventStream] = set()
        self._open: set[EventStream] = set()
        self._woken = asyncio.Event()
        self._reader = ThreadPoolExecutor(1, thread_name_prefix="events")
        self._failing = False

    def admit(self, stream: EventStream) -> None:
        """Give it one of the places; discard() gives it back. Raises Overloaded, NotReady."""
        with self._lock:
            if self._most == 0:
                raise Overloaded("this device is set to serve no event streams", retry_s=_OFF_RETRY_S)
            if self.stopping:
                raise NotReady("the device is stopping")
            if len(self._admitted) >= self._most:
                raise Overloaded(f"{self._most} event streams are open already", retry_s=_FULL_RETRY_S)
            self._admitted.add(stream)

    def gauges(self) -> dict[str, float]:
        """For /metrics."""
        return {"event_streams": len(self._admitted)}

    def add(self, stream: EventStream) -> None:
        """An admitted stream is open."""
        self._open.add(stream)
        self.wake()

    def discard(self, stream: EventStream) -> None:
        """A stream has ended, or does not come about."""
        self._open.discard(stream)
        with self._lock:
            self._admitted.discard(stream)

    def wake(self) -> None:
        """There may be something to send."""
        self._woken.set()

    async def run(self) -> None:
        """Feed the streams, until it is cancelled."""
        loop = asyncio.get_running_loop()

        def wake(_: Event) -> None:
            with suppress(RuntimeError):  # the loop has ended already
                loop.call_soon_threadsafe(self.wake)

        unsubscribe = self._services.watching.subscribe(wake)
        try:
            while True:
                await self._pause()
                await self._turn()
        finally:
            unsubscribe()

    def end_all(self) -> None:
        """End every stream now, and admit none any more."""
        with self._lock:
            self.stopping = True
        for stream in list(self._open):
            stream.end("the device is stopping")

    async def close(self) -> None:
        """Wait for the reading thread, which uses the store."""
        await asyncio.to_thread(self._reader.shutdown, cancel_futures=True)

    async def _pause(self) -> None:
        now = asyncio.get_running_loop().time()
        patience = None
        if self._open:
            due = [stream.beat_at - now for stream in self._open if not stream.busy]
            patience = max(min([LOOK_S, *due]), 0.0)
        with suppress(TimeoutError):
            await asyncio.wait_for(self._woken.wait(), patience)
        self._woken.clear()

    async def _turn(self) -> None:
        try:
            await self._check()
            await self._feed()
            self._failing = False
        except Exception:  # whatever the store has: it is tried again, and the streams stay
            if not self._failing:
                _log.exception("events cannot be read")
            self._failing = True
            await asyncio.sleep(LOOK_S)
        now = asyncio.get_running_loop().time()
        for stream in list(self._open):
            if stream.beat_at <= now and not stream.busy:
                stream.beat()

    async def _check(self) -> None:
        """End the streams whose token is no longer good."""
        loop = asyncio.get_running_loop()
        due = [stream for stream in self._open if stream.check_at <= loop.time()]
        if due:
            refused = await loop.run_in_executor(self._reader, _refused, due)
            for stream in due:
                stream.checked()
                if stream in refused:
                    stream.end(refused[stream])

    async def _feed(self) -> None:
        """Send each stream that has taken the last batch its next one."""
        rows = {stream.row for stream in self._open if not stream.busy}
        if not rows:
            return
        loop = asyncio.get_running_loop()
        batches = await loop.run_in_executor(self._reader, _read, self._services.store, rows)
        for stream in list(self._open):
            batch = batches.get(stream.row)
            if batch and not stream.busy:
                stream.row = batch[-1][0]
                stream.send(b"".join(data for _, data in batch))
        if any(len(batch) == BATCH for batch in batches.values()):
            self.wake()


def _refused(streams: Iterable[EventStream]) -> dict[EventStream, str]:
    """Those that are no longer allowed, and why. Raises StoreError."""
    found: dict[EventStream, str] = {}
    for stream in streams:
        try:
            stream.still_allowed()
        except AccessError as error:
            found[stream] = error.message
    return found


def _read(store: Store, rows: Iterable[int]) -> Batches:
    """The next events after each of the rows. Raises StoreError."""
    return {row: [(event.row, _frame(event, store)) for event in store.events(row, BATCH)] for row in rows}


def _frame(event: Event, store: Store) -> bytes:
    """An event as server-sent events write it."""
    data = json.dumps(event_fields(event, store))
    return f"id: {event.id}\nevent: {event.kind}\ndata: {data}\n\n".encode("ascii")
