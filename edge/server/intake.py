"""The body of one request, between the loop that receives it and the worker thread that reads it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable

HIGH_WATER_BYTES = 256 * 1024
"""Received beyond what the application has asked for; then the socket is left alone."""


class ClientGone(Exception):
    """The client closed, or its time was up, before its body was complete: its own doing."""


class Intake:
    """A `wsgi.input`. Nothing is received before the first read; each read wakes its thread once.

    read() is the worker thread's. All else runs in the loop's thread, so nothing here needs a lock
    but the one on which the worker waits.
    """

    def __init__(
        self, loop: asyncio.AbstractEventLoop, length: int | None, begin: Callable[[], None]
    ) -> None:
        """length: the declared Content-Length (bytes), None when chunked. begin: let the body come."""
        self._loop = loop
        self._left = length  # of the declared length, what the application has not taken yet
        self._begin = begin
        self._buffer = bytearray()
        self._asked: int | None = None
        self._ended = length == 0
        self._gone = False
        self._part = bytearray()
        self._served = threading.Lock()
        self._served.acquire()
        self._pause: asyncio.Future[None] | None = None

    def read(self, size: int, seconds: float | None = None) -> bytearray:
        """The next `size` bytes, fewer only at the end. Raises ClientGone, also when they take longer."""
        self._loop.call_soon_threadsafe(self._ask, size)
        in_time = self._served.acquire(timeout=-1 if seconds is None else seconds)  # released by _serve
        if self._gone or not in_time:
            raise ClientGone
        part, self._part = self._part, bytearray()
        return part

    def _ask(self, size: int) -> None:
        self._asked = size
        self._begin()
        self._resume()
        self._serve()

    def feed(self, data: bytes) -> asyncio.Future[None] | None:
        """More has come; a future when no more should be received for now."""
        self._buffer += data
        self._serve()
        if self._takes_the_last() or len(self._buffer) < max(self._asked or 0, HIGH_WATER_BYTES):
            return None
        self._pause = self._loop.create_future()
        return self._pause

    def end(self) -> None:
        """The body is complete."""
        self._ended = True
        self._serve()

    def abort(self) -> None:
        """There will be no more: the client has gone, or is not listened to any longer."""
        self._gone = not self._ended
        self._buffer.clear()
        self._resume()
        self._serve()

    def _serve(self) -> None:
        if self._asked is None or not self._satisfied(self._asked):
            return
        if len(self._buffer) <= self._asked:
            self._part, self._buffer = self._buffer, bytearray()
        else:
            self._part = self._buffer[: self._asked]
            del self._buffer[: self._asked]
        if self._left is not None:
            self._left -= len(self._part)
        self._asked = None
        self._served.release()

    def _satisfied(self, size: int) -> bool:
        if self._ended or self._gone:
            return True
        # The last byte of a declared length does not wake the reader, the end of the message does:
        # else an answer could overtake it, and Tornado would close a connection that is in order.
        return len(self._buffer) >= size and not self._takes_the_last()

    def _takes_the_last(self) -> bool:
        return self._left is not None and self._asked is not None and self._asked >= self._left

    def _resume(self) -> None:
        if self._pause is not None and not self._pause.done():
            self._pause.set_result(None)
