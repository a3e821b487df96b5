"""Accepting: sockets, TLS off the accepting path, and who gives way when connections run out.

Tornado's HTTP/1.1 does the protocol. Its head deadline (`header_timeout`) is one total from the accept
or the last answer to the end of the next head, so it covers a handshake that never comes as well.
"""

from __future__ import annotations

import contextlib
import logging
import resource
import socket
import ssl
from collections.abc import Callable
from typing import Any

from tornado.http1connection import HTTP1Connection, HTTP1ConnectionParameters, HTTP1ServerConnection
from tornado.httputil import HTTPConnection, HTTPMessageDelegate, HTTPServerConnectionDelegate
from tornado.iostream import SSLIOStream, StreamClosedError
from tornado.netutil import add_accept_handler, bind_sockets

from edge.settings import Settings

_MAX_HEAD_BYTES = 16 * 1024
_BACKLOG = 512
_SPARE_FILES = 256
_TORNADO_REFUSAL = b"HTTP/1.1 400 Bad Request\r\n\r\n"
_log = logging.getLogger(__name__)


class TlsStream(SSLIOStream):
    """A TLS stream that answers a malformed request in JSON and keeps TCP_NODELAY as it was set."""

    def __init__(self, sock: ssl.SSLSocket, malformed: Callable[[], bytes]) -> None:
        super().__init__(sock)
        self._malformed = malformed

    def write(self, data: bytes | memoryview) -> Any:
        """As in Tornado, but for its own bare refusal of what it cannot parse."""
        return super().write(self._malformed() if data == _TORNADO_REFUSAL else data)

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
    ) -> None:
        """exchange: makes the delegate of one request; it calls its second argument at the head's end.

        malformed: the whole answer, head included, to what is not an HTTP request.
        """
        self._context = context
        self._exchange = exchange
        self._malformed = malformed
        self._limit = settings.max_connections
        self._parameters = HTTP1ConnectionParameters(
            header_timeout=settings.header_seconds,
            body_timeout=settings.request_seconds,
            max_header_size=_MAX_HEAD_BYTES,
            max_body_size=1 << 40,
        )
        self._open: set[HTTP1ServerConnection] = set()
        self._waiting: dict[HTTP1ServerConnection, None] = {}  # without a head; longest first
        self._stop_accepting: list[Callable[[], None]] = []

    def listen(self, host: str, port: int) -> int:
        """Start accepting on the running loop; the port in use. Raises OSError."""
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
        assert isinstance(server_conn, HTTP1ServerConnection)
        assert isinstance(request_conn, HTTP1Connection)
        self._waiting[server_conn] = None
        return self._exchange(request_conn, lambda: self._waiting.pop(server_conn, None))

    def on_close(self, server_conn: object) -> None:
        """A connection has ended."""
        assert isinstance(server_conn, HTTP1ServerConnection)
        self._open.discard(server_conn)
        self._waiting.pop(server_conn, None)

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
        connection = HTTP1ServerConnection(TlsStream(tls, self._malformed), self._parameters, address[0])
        self._open.add(connection)
        connection.start_serving(self)

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
