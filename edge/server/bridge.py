"""Between Tornado and the WSGI application: one worker thread per request in hand, one write per answer.

The application is called when the head is complete. The body is received only when the application
reads it; a refusal that never reads is written, and the connection closes.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, cast

from tornado.http1connection import HTTP1Connection
from tornado.httputil import (
    HTTPHeaders,
    HTTPMessageDelegate,
    RequestStartLine,
    ResponseStartLine,
)

from edge.server.environ import body_length, environ
from edge.server.intake import ClientGone, Intake
from edge.server.linger import Lingering
from edge.server.streams import STREAM, EventStream

Application = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]
_log = logging.getLogger(__name__)


class Bridge:
    """The worker threads and the requests in hand."""

    def __init__(self, application: Application, threads: int, seconds: float) -> None:
        """threads: requests worked on at once, refusals included.

        seconds: for a client to send the whole body after the head, and to take the whole answer.
        """
        self.application = application
        self.seconds = seconds
        self.stopping = False
        self.in_hand: set[Exchange] = set()
        self.answered = 0
        self.lingering = Lingering()
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="request")

    def exchange(self, connection: HTTP1Connection, head_complete: Callable[[], None]) -> HTTPMessageDelegate:
        """The delegate of one request; it calls `head_complete` when the head has come."""
        return Exchange(self, connection, head_complete)

    def submit(self, work: Callable[[], None]) -> None:
        """Have a worker thread do it."""
        self._pool.submit(work)

    async def close(self) -> None:
        """Give up the requests in hand and let the threads end; they need the loop for that."""
        for exchange in list(self.in_hand):
            exchange.on_connection_close()
        self.lingering.close()
        await asyncio.to_thread(self._pool.shutdown, cancel_futures=True)


class Exchange(HTTPMessageDelegate):
    """One request and its answer. All methods but `_work` run in the loop's thread."""

    def __init__(
        self, bridge: Bridge, connection: HTTP1Connection, head_complete: Callable[[], None]
    ) -> None:
        self._bridge = bridge
        self._connection = connection
        self._head_complete = head_complete
        self._loop = asyncio.get_running_loop()
        self._intake = Intake(self._loop, 0, self._let_body_come)
        self._body_may_come: asyncio.Future[None] | None = None
        self._received = False
        self._timer: asyncio.TimerHandle | None = None  # for the body

    # -- called by Tornado

    def headers_received(
        self, start_line: RequestStartLine | ResponseStartLine, headers: HTTPHeaders
    ) -> asyncio.Future[None] | None:
        """The head is complete: start the application, hold the body back."""
        self._head_complete()
        length = body_length(headers)
        if length == 0:
            headers.pop("Content-Length", None)  # so that Tornado takes the message as complete now
        else:
            self._body_may_come = self._loop.create_future()
            self._timer = self._loop.call_later(self._bridge.seconds, self._connection.close)
        self._intake = Intake(self._loop, length, self._let_body_come)
        values = environ(cast(RequestStartLine, start_line), headers, self._intake, self._connection.context)
        self._bridge.in_hand.add(self)
        self._bridge.submit(lambda: self._work(values))
        return self._body_may_come

    def data_received(self, chunk: bytes) -> asyncio.Future[None] | None:
        """A part of the body."""
        return self._intake.feed(chunk)

    def finish(self) -> None:
        """The whole message has come."""
        self._received = True
        self._done()
        self._intake.end()

    def on_connection_close(self) -> None:
        """The client has gone before its message was complete."""
        self._done()
        self._intake.abort()

    # -- the worker thread

    def _work(self, values: dict[str, Any]) -> None:
        answer: tuple[str, list[tuple[str, str]], bytes] | None = None
        try:
            answer = _call(self._bridge.application, values)
        except ClientGone:
            pass
        except Exception:
            _log.exception("the application failed")
        finally:
            self._loop.call_soon_threadsafe(self._answer, answer, values.get(STREAM))

    # -- the answer

    def _answer(
        self, answer: tuple[str, list[tuple[str, str]], bytes] | None, stream: EventStream | None
    ) -> None:
        self._bridge.in_hand.discard(self)
        self._bridge.answered += 1
        closed = self._connection.stream is None or self._connection.stream.closed()
        if stream is not None and answer is not None and not closed and answer[0].startswith("200 "):
            stream.open(self._connection, _headers(answer[1], keep=False), self._bridge.seconds)
            return
        if stream is not None:
            stream.drop()
        if answer is None or closed:
            self._connection.close()
            self._let_body_come()
            return
        self._done()
        keep = self._received and not self._bridge.stopping
        written = self._write(answer, keep)
        if self._received:
            self._connection.finish()
            if not keep:
                written.add_done_callback(lambda _: self._connection.close())
        else:
            written.add_done_callback(lambda _: self._hang_up())

    def _write(self, answer: tuple[str, list[tuple[str, str]], bytes], keep: bool) -> asyncio.Future[None]:
        status, pairs, body = answer
        code, _, reason = status.partition(" ")
        start = ResponseStartLine("HTTP/1.1", int(code), reason)
        written = self._connection.write_headers(start, _headers(pairs, keep), body or None)
        if not written.done():
            limit = self._loop.call_later(self._bridge.seconds, self._connection.close)
            written.add_done_callback(lambda _: limit.cancel())
        return written

    def _let_body_come(self) -> None:
        if self._body_may_come is not None and not self._body_may_come.done():
            self._body_may_come.set_result(None)

    def _hang_up(self) -> None:
        """The answer is out and the body is not in: close."""
        if not self._connection.stream.closed():
            self._bridge.lingering.take_over(self._connection.stream.socket)
            self._connection.close()
        self._intake.abort()
        self._let_body_come()

    def _done(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


def _headers(pairs: list[tuple[str, str]], keep: bool) -> HTTPHeaders:
    headers = HTTPHeaders()
    for name, value in pairs:
        headers.add(name, value)
    if not keep:
        headers["Connection"] = "close"
    return headers


def _call(application: Application, values: dict[str, Any]) -> tuple[str, list[tuple[str, str]], bytes]:
    head: list[Any] = []

    def start_response(status: str, headers: list[tuple[str, str]], _: object = None) -> None:
        head[:] = [status, headers]

    body = b"".join(application(values, start_response))
    return head[0], head[1], body
