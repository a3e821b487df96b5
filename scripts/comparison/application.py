"""The same small WSGI application under every server: refuses without reading, or reads and answers."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import Any

SLOW_S = 1.5
ANSWER = b'{"faces": []}'


def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """401 without a token, before anything of the body is read; /slow takes SLOW_S."""
    status, body = "200 OK", ANSWER
    if "HTTP_AUTHORIZATION" not in environ:
        status, body = "401 Unauthorized", b'{"error": {"code": "missing_token"}}'
    elif environ["PATH_INFO"] == "/slow":
        time.sleep(SLOW_S)
    else:
        environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
    start_response(status, [("Content-Type", "application/json"), ("Content-Length", str(len(body)))])
    return [body]
