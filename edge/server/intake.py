"""The body of one request, between the loop that receives it and the worker thread that reads it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable

HIGH_WATER_BYTES = 256 * 1024
"""Received beyond what the application has asked for; then the socket is left alone."""


class ClientGone(Exception):
    """The client closed, or its time was up, before its body was complete."""


class Intake:
    """A `wsgi.input`. Nothing is received before the first read; a read wakes once, when it is served.

    The upper half belongs to the worker thread, the lower one to the loop's.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, length: int | None, begin: Callable[[], None]) -> None:
        """length: the declared Content-Length (bytes), None when chunked. begin: let the body come."""
        self._loop = loop
        self._length = length
        self._begin = begin
        self._begun = False
        self._buffer = bytearray()
        self._taken = 0
        self._wanted = 0
        self._ended = length == 0
        self._gone = False
        self._changed = threading.Condition()
        self._pause: asyncio.Future[None] | None = None

    def read(self, size: int) -> bytearray:
        """The next `size` bytes, fewer only at the end. Raises ClientGone."""
        with self._changed:
            self._wanted = size
            if not self._served():
                self._loop.call_soon_threadsafe(self._resume if self._begun else self._begin)
                self._begun = True
                self._changed.wait_for(self._served)
            if self._gone:
                raise ClientGone
            if len(self._buffer) <= size:
                part, self._buffer = self._buffer, bytearray()
            else:
                part = self._buffer[:size]
                del self._buffer[:size]
            self._taken += len(part)
            return part

    def _served(self) -> bool:
        if self._ended or self._gone:
            return True
        # The last byte of a declared length does not wake the reader, the end of the message does:
        # else an answer could overtake it, and Tornado would close a connection that is in order.
        last = self._length is not None and self._taken + self._wanted >= self._length
        return not last and len(self._buffer) >= self._wanted

    # -- the loop's half

    def feed(self, data: bytes) -> asyncio.Future[None] | None:
        """More has come; a future when no more should be received for now."""
        with self._changed:
            self._buffer += data
            if self._served():
                self._changed.notify()
            if len(self._buffer) < max(self._wanted, HIGH_WATER_BYTES):
                return None
        if self._length is not None and self._taken + self._wanted >= self._length:
            return None
        self._pause = self._loop.create_future()
        return self._pause

    def end(self) -> None:
        """The body is complete."""
        with self._changed:
            self._ended = True
            self._changed.notify()

    def abort(self) -> None:
        """There will be no more: the client has gone, or is not listened to any longer."""
        with self._changed:
            self._gone = not self._ended
            self._buffer.clear()
            self._changed.notify()
        self._resume()

    def _resume(self) -> None:
        if self._pause is not None and not self._pause.done():
            self._pause.set_result(None)
