"""The wire form of errors, and the one table error -> HTTP status."""

from __future__ import annotations

import json
from collections.abc import Mapping

from edge import errors
from edge.errors import EdgeError, ModelError, NotReady, Overloaded, QuotaExceeded

STATUS: Mapping[type[EdgeError], int] = {
    errors.InvalidJson: 400,
    errors.MissingKey: 400,
    errors.InvalidBase64: 400,
    errors.MissingToken: 401,
    errors.NotBearer: 401,
    errors.InvalidToken: 401,
    errors.InsufficientScope: 403,
    errors.NotFound: 404,
    errors.MethodNotAllowed: 405,
    errors.NameConflict: 409,
    errors.BodyTooLarge: 413,
    errors.ImageTooLarge: 413,
    errors.UnsupportedImage: 415,
    errors.PictureError: 422,
    errors.NoFace: 422,
    errors.MultipleFaces: 422,
    errors.FaceTooSmall: 422,
    errors.FaceMismatch: 422,
    errors.AmbiguousPerson: 422,
    errors.UnknownPerson: 422,
    errors.QuotaExceeded: 429,
    errors.Overloaded: 503,
    errors.NotReady: 503,
    errors.ModelError: 503,
    errors.EdgeError: 500,
}
"""A class stands for those that descend from it, unless they have a line of their own."""

REASONS: Mapping[int, str] = {
    200: "OK",
    204: "No Content",
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    409: "Conflict",
    413: "Content Too Large",
    415: "Unsupported Media Type",
    422: "Unprocessable Content",
    429: "Too Many Requests",
    500: "Internal Server Error",
    503: "Service Unavailable",
}

NOT_READY_RETRY_S = 5

NO_MODEL = "the models that recognise faces cannot be loaded; the device's log says why"
"""What a caller is told of a ModelError, whose own message names files."""


def status_of(error: type[EdgeError]) -> int:
    """The HTTP status of a class of errors: its own line of the table, or its nearest ancestor's."""
    return next(STATUS[base] for base in error.__mro__ if base in STATUS)


def codes() -> dict[int, list[str]]:
    """The closed list: each status with the codes that can stand under it, in the table's order."""
    found: dict[int, list[str]] = {}
    for kind in _descendants(EdgeError):
        names = found.setdefault(status_of(kind), [])
        if kind.code not in names and (kind.code != "internal" or kind is EdgeError):
            names.append(kind.code)
    return {status: names for status, names in sorted(found.items()) if names}


def error_body(code: str, message: str, evidence: Mapping[str, object] | None = None) -> bytes:
    """The JSON of an error."""
    return json.dumps({"error": {**(evidence or {}), "code": code, "message": message}}).encode("ascii")


def error_answer(error: EdgeError, request_id: str) -> tuple[int, dict[str, str], bytes]:
    """Status, headers and body. What went wrong inside the device stands in the log alone."""
    status = status_of(type(error))
    headers: dict[str, str] = {}
    if status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    if isinstance(error, QuotaExceeded):
        headers["Retry-After"] = str(error.reset_s)
    if isinstance(error, Overloaded):
        headers["Retry-After"] = str(error.retry_s)
    if isinstance(error, NotReady | ModelError):
        headers["Retry-After"] = str(NOT_READY_RETRY_S)
    if isinstance(error, ModelError):
        return status, headers, error_body(error.code, NO_MODEL)
    if status == 500:
        return status, headers, internal_body(request_id)
    return status, headers, error_body(error.code, error.message, error.evidence)


def internal_body(request_id: str) -> bytes:
    """The body of every 500."""
    return error_body("internal", f"the device could not answer; its log says why under {request_id}")


def _descendants(kind: type[EdgeError]) -> list[type[EdgeError]]:
    found = [kind]
    for child in kind.__subclasses__():
        found += _descendants(child)
    return found
