"""One client that listens to server-sent events. After the head it costs a connection, and no thread.

The worker thread that lets the client in makes the stream; from open() on it belongs to the loop's
thread. No more than one write is ever under way: what happens meanwhile waits in the event log, not in
memory.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
from collections.abc import Callable
from typing import Protocol

from tornado.http1connection import HTTP1Connection
from tornado.httputil import HTTPHeaders, ResponseStartLine

from edge.settings import Settings

STREAM = "edge.stream"
"""Where the environment of a request holds its stream: the answer then goes on after the head."""

RETRY_MS = 2000
"""What a browser is told to wait before it connects anew."""

BEAT_S = 15.0
"""After so long without an event a comment is sent, so that both ends know that the other is there."""

CHECK_S = 30.0
"""So often it is seen whether the token is still good."""

_ACKNOWLEDGE_S = 30
"""A client whose system has acknowledged nothing for so long has gone: no power, no network."""

_SOCKET_BYTES = 64 * 1024
"""The kernel keeps at most about so much for a client that does not read."""

_log = logging.getLogger(__name__)


def most_streams(settings: Settings) -> int:
    """How many may be open at once. Half of the connections stay for requests, whatever the settings say."""
    return min(settings.max_event_streams, settings.max_connections // 2)


class Keeper(Protocol):
    """Who keeps the streams: edge.server.hub.Hub."""

    stopping: bool

    def add(self, stream: EventStream) -> None: ...
    def discard(self, stream: EventStream) -> None: ...
    def wake(self) -> None: ...


class EventStream:
    """A client, and how far in the event log it is."""

    def __init__(
        self, keeper: Keeper, row: int, still_allowed: Callable[[], None], first: str, name: str
    ) -> None:
        """row: of the last event that the client has. still_allowed: raises AccessError when the token is no
        longer good. first: a comment to begin with, or "". name: for the log."""
        self.row = row
        self.still_allowed = still_allowed
        self.beat_at = self.check_at = 0.0  # loop seconds
        self.busy = True  # what was written last is not wholly sent
        self.ended = False
        self._keeper = keeper
        self._first = first
        self._name = name
        self._seconds = 0.0
        self._connection: HTTP1Connection | None = None
        self._limit: asyncio.TimerHandle | None = None  # for the client to take what was written

    def drop(self) -> None:
        """It does not come about: the client has gone, or its request failed."""
        self.ended = True
        self._keeper.discard(self)

    def open(self, connection: HTTP1Connection, headers: HTTPHeaders, seconds: float) -> None:
        """Send the head and begin. headers: those of the answer; a stream has no length. seconds: for the
        client to take what is written to it."""
        self._connection, self._seconds = connection, seconds
        self.checked()
        connection.set_close_callback(lambda: self._over("the client has gone"))
        _bound(connection.stream.socket)
        first = comment(self._first) if self._first else b""
        headers.pop("Content-Length", None)
        start = ResponseStartLine("HTTP/1.1", 200, "OK")
        self._await(connection.write_headers(start, headers, first + b"retry: %d\n\n" % RETRY_MS))
        self._keeper.add(self)
        if self._keeper.stopping:
            self.end("the device is stopping")

    def send(self, data: bytes) -> None:
        """Write it; only when not busy."""
        if self._connection is not None and not self.ended:
            self._await(self._connection.write(data))

    def checked(self) -> None:
        """The token has been looked at."""
        self.check_at = asyncio.get_running_loop().time() + CHECK_S

    def beat(self) -> None:
        """Send a sign of life; only when not busy."""
        self.send(b":\n\n")

    def end(self, why: str) -> None:
        """Close it, with words where the client takes them at once."""
        connection = self._connection
        if connection is None or self.ended:
            return
        self._over(why)
        if not self.busy and not connection.stream.closed():
            connection.write(comment(why))
            connection.finish()
        connection.close()

    def _await(self, written: asyncio.Future[None]) -> None:
        loop = asyncio.get_running_loop()
        self.beat_at = loop.time() + BEAT_S
        self.busy = not written.done()
        if self.busy:
            self._limit = loop.call_later(self._seconds, self.end, "it takes nothing")
            written.add_done_callback(self._written)

    def _written(self, _: object) -> None:
        self._forget_limit()
        self.busy = False
        self._keeper.wake()

    def _over(self, why: str) -> None:
        if not self.ended:
            self.ended = True
            self._forget_limit()
            self._keeper.discard(self)
            _log.info("event stream %s ended: %s", self._name, why)

    def _forget_limit(self) -> None:
        if self._limit is not None:
            self._limit.cancel()
            self._limit = None


def comment(words: str) -> bytes:
    """A line that a client passes over."""
    return f": {words}\n\n".encode("ascii", "backslashreplace")


def _bound(sock: socket.socket) -> None:
    with contextlib.suppress(OSError):  # the client has gone
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SOCKET_BYTES)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, _ACKNOWLEDGE_S * 1000)
