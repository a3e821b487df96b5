"""The head of a request as WSGI wants it."""

from __future__ import annotations

import sys
from typing import Any
from urllib.parse import unquote_to_bytes

from tornado.httputil import HTTPHeaders, HTTPInputError, RequestStartLine

_MAX_LENGTH_DIGITS = 15


def body_length(headers: HTTPHeaders) -> int | None:
    """The declared length of the body in bytes, 0 without one, None when it comes in chunks.

    Raises HTTPInputError for what could be read in two ways, before anybody has looked at the rest.
    """
    declared, coding = headers.get("Content-Length"), headers.get("Transfer-Encoding")
    if coding is not None:
        if declared is not None:
            raise HTTPInputError("both Content-Length and Transfer-Encoding")
        if coding.lower() != "chunked":
            raise HTTPInputError("a Transfer-Encoding other than chunked")
        return None
    if declared is None:
        return 0
    if not (declared.isascii() and declared.isdigit() and len(declared) <= _MAX_LENGTH_DIGITS):
        raise HTTPInputError("Content-Length is not one number")
    return int(declared)


def environ(start: RequestStartLine, headers: HTTPHeaders, body: object, remote: object) -> dict[str, Any]:
    """The WSGI environment of a request. body: its wsgi.input; remote: the client's address."""
    path, _, query = _origin_form(start.path).partition("?")
    values: dict[str, Any] = {
        "REQUEST_METHOD": start.method,
        "SCRIPT_NAME": "",
        "PATH_INFO": unquote_to_bytes(path).decode("latin-1") if "%" in path else path,
        "QUERY_STRING": query,
        "SERVER_NAME": "localhost",
        "SERVER_PORT": "443",
        "SERVER_PROTOCOL": start.version,
        "REMOTE_ADDR": str(remote),
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "https",
        "wsgi.input": body,
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }
    for name, value in headers.items():
        if "_" not in name:  # X_A and X-A would be one variable
            values["HTTP_" + name.upper().replace("-", "_")] = value
    for name in ("CONTENT_LENGTH", "CONTENT_TYPE"):
        if (value := values.pop("HTTP_" + name, None)) is not None:
            values[name] = value
    return values


def _origin_form(target: str) -> str:
    """The path and query of a request target; a proxy's absolute form is taken as well."""
    scheme, separator, rest = target.partition("://")
    if separator and scheme.lower() in ("http", "https"):
        return "/" + rest.partition("/")[2]
    return target
