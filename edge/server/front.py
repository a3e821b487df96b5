"""What every answer has, whatever its route: a request id, the CORS headers, a line in the log."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterable
from typing import Any

from edge.clock import Clock
from edge.server.contract import error_body
from edge.server.cors import cors_headers
from edge.server.health import Figures
from edge.server.intake import ClientGone

REQUEST_ID = "edge.request_id"
OPERATION = "edge.operation"
TOKEN_NAME = "edge.token_name"  # noqa: S105

_log = logging.getLogger("edge.access")


class Front:
    """A WSGI application around the routes."""

    def __init__(
        self,
        routes: Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]],
        origins: Iterable[str],
        figures: Figures,
        clock: Clock,
    ) -> None:
        self._routes = routes
        self._origins = frozenset(origins)
        self._figures = figures
        self._clock = clock

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        begun = self._clock.steady()
        request_id = environ[REQUEST_ID] = new_request_id()
        cors = cors_headers(environ.get("HTTP_ORIGIN"), self._origins)

        def start(status: str, headers: list[tuple[str, str]], _: object = None) -> None:
            start_response(status, [*headers, ("X-Request-Id", request_id), *cors])
            self._note(environ, int(status[:3]), self._clock.steady() - begun)

        try:
            return self._routes(environ, start)
        except ClientGone:
            _log.info("%s gone token=%s id=%s", _line(environ), environ.get(TOKEN_NAME, "-"), request_id)
            raise

    def _note(self, environ: dict[str, Any], status: int, seconds: float) -> None:
        self._figures.answered(environ.get(OPERATION, "none"), status, seconds)
        _log.info(
            "%s %d %.1f ms token=%s id=%s",
            _line(environ),
            status,
            1000 * seconds,
            environ.get(TOKEN_NAME, "-"),
            environ[REQUEST_ID],
        )


def new_request_id() -> str:
    """64 random bits, in hexadecimal."""
    return os.urandom(8).hex()


def malformed() -> bytes:
    """The whole answer to what is not an HTTP request."""
    request_id = new_request_id()
    _log.info("malformed request 400 id=%s", request_id)
    body = error_body("invalid_json", "this is not an HTTP/1.1 request that the device understands")
    head = (
        "HTTP/1.1 400 Bad Request\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\nX-Request-Id: {request_id}\r\nConnection: close\r\n\r\n"
    )
    return head.encode("ascii") + body


def _line(environ: dict[str, Any]) -> str:
    """Method and path; a path may hold anything, a line of the log may not."""
    path = environ["PATH_INFO"][:200]
    method = environ["REQUEST_METHOD"][:20]
    return f"{method} {path}" if path.isprintable() and path.isascii() else f"{method} {path!a}"
