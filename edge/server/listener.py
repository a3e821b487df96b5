"""Accepting: sockets, TLS off the accepting path, and who gives way when connections run out.

Tornado's HTTP/1.1 does the protocol. The head deadline is kept here, since connections that wait for
a head stand in the order of their deadlines already: one total from the accept, or from the last
answer, to the end of the next head, so it covers a handshake that never comes as well.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import resource
import socket
import ssl
import sys
from collections.abc import Callable
from typing import Any, cast

from tornado.http1connection import HTTP1Connection, HTTP1ConnectionParameters, HTTP1ServerConnection
from tornado.httputil import HTTPConnection, HTTPMessageDelegate, HTTPServerConnectionDelegate
from tornado.iostream import SSLIOStream, UnsatisfiableReadError
from tornado.netutil import add_accept_handler, bind_sockets

from edge.settings import Settings

_MAX_HEAD_BYTES = 16 * 1024
_BACKLOG = 512
_SPARE_FILES = 256
_SWEEP_S = 0.25
_NO_LIMIT = 10**15  # bytes; the application refuses bodies, in words
_TORNADO_REFUSAL = b"HTTP/1.1 400 Bad Request\r\n\r\n"
_log = logging.getLogger(__name__)


class TlsStream(SSLIOStream):
    """A TLS stream that answers a malformed request in JSON, keeps TCP_NODELAY, and reads in bulk."""

    def __init__(
        self,
        sock: ssl.SSLSocket,
        malformed: Callable[[], bytes],
        hear_out: Callable[[socket.socket], None],
    ) -> None:
        super().__init__(sock)
        self._malformed = malformed
        self._hear_out = hear_out

    def write(self, data: bytes | memoryview) -> Any:
        """As in Tornado, but for its own bare refusal of what it cannot parse."""
        return super().write(self._malformed() if data == _TORNADO_REFUSAL else data)

    def close(self, exc_info: Any = False) -> None:
        """As in Tornado, but what it closes without a word, a head over the limit, is answered as well."""
        too_long = UnsatisfiableReadError in (type(exc_info), sys.exc_info()[0])  # older: True, newer: itself
        if too_long and not self.closed() and not self.writing():
            with contextlib.suppress(OSError):
                self.socket.send(self._malformed())
                self._hear_out(self.socket)
        super().close(exc_info)

    def read_from_fd(self, buf: bytearray | memoryview) -> int | None:
        """As many TLS records as have come and fit; singly, each 16 KiB would cost a turn of the loop."""
        done = super().read_from_fd(buf)
        with memoryview(buf) as view:
            while done and done < len(view):
                try:
                    more = super().read_from_fd(view[done:])
                except OSError:  # comes again with the next read
                    return done
                if not more:
                    return done
                done += more
        return done

    def set_nodelay(self, value: bool) -> None:
        """Nothing: Tornado would switch it off and on with each answer, two system calls each."""


class Listener(HTTPServerConnectionDelegate):
    """The listening sockets and all open connections."""

    def __init__(
        self,
        settings: Settings,
        context: Callable[[], ssl.SSLContext],
        exchange: Callable[[HTTP1Connection, Callable[[], None]], HTTPMessageDelegate],
        malformed: Callable[[], bytes],
        hear_out: Callable[[socket.socket], None],
    ) -> None:
        """exchange: makes the delegate of one request; it calls its second argument at the head's end.

        malformed: the whole answer, head included, to what is not an HTTP request. hear_out: see linger.py.
        """
        self._context = context
        self._exchange = exchange
        self._malformed = malformed
        self._hear_out = hear_out
        self._limit = settings.max_connections
        self._header_seconds = settings.header_seconds
        self._parameters = HTTP1ConnectionParameters(
            max_header_size=_MAX_HEAD_BYTES, max_body_size=_NO_LIMIT, header_timeout=None
        )
        self._open: set[HTTP1ServerConnection] = set()
        self._waiting: dict[HTTP1ServerConnection, float] = {}  # for a head, until when; longest first
        self._stop_accepting: list[Callable[[], None]] = []

    def listen(self, host: str, port: int) -> int:
        """Start accepting on the running loop; the port in use. Raises OSError."""
        self._loop = asyncio.get_running_loop()
        self._loop.call_later(_SWEEP_S, self._sweep)
        _allow_files(self._limit + _SPARE_FILES)
        for sock in _bind(host, port):
            self._stop_accepting += [add_accept_handler(sock, self._accept), sock.close]
            port = sock.getsockname()[1]
        return port

    def stop_accepting(self) -> None:
        """Close the listening sockets; open connections go on."""
        while self._stop_accepting:
            self._stop_accepting.pop(0)()

    def writing(self) -> bool:
        """Whether some answer is not yet wholly sent."""
        return any(connection.stream.writing() for connection in self._open)

    def close_all(self) -> None:
        """Close what is still open."""
        for connection in list(self._open):
            connection.stream.close()

    def start_request(self, server_conn: object, request_conn: HTTPConnection) -> HTTPMessageDelegate:
        """A connection begins to wait for a head."""
        connection = cast(HTTP1ServerConnection, server_conn)
        self._waiting.pop(connection, None)  # to the end of the line
        self._waiting[connection] = self._loop.time() + self._header_seconds

        def head_complete() -> None:
            self._waiting.pop(connection, None)

        return self._exchange(cast(HTTP1Connection, request_conn), head_complete)

    def on_close(self, server_conn: object) -> None:
        """A connection has ended."""
        self._open.discard(cast(HTTP1ServerConnection, server_conn))
        self._waiting.pop(cast(HTTP1ServerConnection, server_conn), None)

    def _accept(self, sock: socket.socket, address: Any) -> None:
        if len(self._open) >= self._limit and not self._make_room():
            sock.close()
            return
        try:
            sock.setblocking(False)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            tls = self._context().wrap_socket(sock, server_side=True, do_handshake_on_connect=False)
        except OSError:  # the client has gone already
            sock.close()
            return
        stream = TlsStream(tls, self._malformed, self._hear_out)
        connection = HTTP1ServerConnection(stream, self._parameters, address[0])
        self._open.add(connection)
        connection.start_serving(self)

    def _sweep(self) -> None:
        """Close what has waited too long for a head."""
        now = self._loop.time()
        while self._waiting and next(iter(self._waiting.values())) <= now:
            self._make_room()
        self._loop.call_later(_SWEEP_S, self._sweep)

    def _make_room(self) -> bool:
        """Close the connection that has waited longest; False when each has a request in hand."""
        oldest = next(iter(self._waiting), None)
        if oldest is None:
            return False
        del self._waiting[oldest]
        self._open.discard(oldest)
        oldest.stream.close()
        return True


def _bind(host: str, port: int) -> list[socket.socket]:
    if host == "::":  # one wish, two families; a device may have no IPv6 at all
        return bind_sockets(port, None, backlog=_BACKLOG)
    return bind_sockets(port, host, backlog=_BACKLOG)


def _allow_files(count: int) -> None:
    """Raise the soft limit of open files: at the limit accept() would fail over and over."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = count if hard == resource.RLIM_INFINITY else min(count, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
