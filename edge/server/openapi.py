"""The machine-readable contract, put together from the tables that the server itself works with."""

from __future__ import annotations

import re
from typing import Any

from edge import __version__
from edge.server.contract import codes
from edge.server.operations import OPERATIONS, Operation
from edge.server.people import DEFAULT_PAGE, MAX_PAGE
from edge.server.recognition import BODY_PER_KEY
from edge.server.schemas import STREAM_WORDS, error_name, schemas
from edge.server.wire import MAX_PERSON_ID
from edge.settings import Settings

_ANSWERS = {
    "detect": "Faces",
    "index": "Answer",
    "train": "Answer",
    "identify": "IdentifiedFaces",
    "listPeople": "People",
    "getPerson": "Person",
    "renamePerson": "Person",
    "erasePerson": "Erased",
    "mergePeople": "Person",
    "listSightings": "Sightings",
    "eraseSighting": "ErasedSighting",
    "getUsage": "Usage",
    "getHealth": "Health",
}
_PICTURE_STATUSES = (413, 415, 422)
_STATUSES = {
    "detect": _PICTURE_STATUSES,
    "index": _PICTURE_STATUSES,
    "train": (404, 409, *_PICTURE_STATUSES),
    "identify": _PICTURE_STATUSES,
    "getPerson": (404,),
    "renamePerson": (404, 413),
    "erasePerson": (404,),
    "mergePeople": (404, 413),
    "listSightings": (404,),
    "getSightingCrop": (404,),
    "eraseSighting": (404,),
    "getCa": (404,),
}
"""What an operation may answer beside what all of its kind may."""

_NAMES = re.compile(r"{(\w+)}")
_ID = {"type": "string", "minLength": 1, "maxLength": MAX_PERSON_ID}


def _query(name: str, schema: dict[str, Any], words: str = "") -> dict[str, Any]:
    found = {"name": name, "in": "query", "schema": schema}
    return {**found, "description": words} if words else found


_PAGE = [
    _query("limit", {"type": "integer", "minimum": 1, "maximum": MAX_PAGE, "default": DEFAULT_PAGE}),
    _query("after", {"type": "string", "format": "uuid"}),
]
_TIME = {"type": "string", "format": "date-time"}
_PARAMETERS: dict[str, list[dict[str, Any]]] = {
    "listPeople": _PAGE,
    "listSightings": [
        _query("personId", _ID, "Sightings of this person alone; the id may be an alias."),
        _query("from", _TIME, "Sightings that lasted at least until then."),
        _query("to", _TIME, "Sightings that began before then."),
        *_PAGE,
    ],
    "getEvents": [
        _query("after", _ID, "For clients that cannot send Last-Event-ID."),
        {
            "name": "Last-Event-ID",
            "in": "header",
            "schema": _ID,
            "description": "Go on after this event. When it is not in the log, the stream begins now.",
        },
    ],
}

_DESCRIPTION = """Face recognition on the device itself.

Every answer, errors included, is JSON, and carries `X-Request-Id`, which stands in the device's log too.
A refusal that comes before the body is read ends the connection."""

_HEADERS = {
    "X-Request-Id": ("string", "Stands in the device's log too."),
    "RateLimit-Limit": ("integer", "The token's daily quota; absent when unlimited."),
    "RateLimit-Remaining": ("integer", "Requests left today."),
    "RateLimit-Reset": ("integer", "Seconds to the next midnight GMT."),
    "Retry-After": ("integer", "Seconds after which to try again."),
    "Allow": ("string", "The methods of this path."),
    "WWW-Authenticate": ("string", "Bearer"),
}
_RATE = ("RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset")


def document(settings: Settings) -> dict[str, Any]:
    """The OpenAPI 3.1 document of a server with those settings."""
    paths: dict[str, Any] = {}
    for operation in OPERATIONS:
        paths.setdefault(operation.path, {})[operation.method.lower()] = _operation(operation, settings)
    return {
        "openapi": "3.1.0",
        "info": {"title": "api-face edge", "version": __version__, "description": _DESCRIPTION},
        "servers": [{"url": "/"}],
        "paths": paths,
        "components": {
            "schemas": schemas(settings),
            "responses": {error_name(status): _error(status, names) for status, names in codes().items()},
            "headers": {
                name: {"description": text, "schema": {"type": kind}}
                for name, (kind, text) in _HEADERS.items()
            },
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
    }


def _operation(operation: Operation, settings: Settings) -> dict[str, Any]:
    found: dict[str, Any] = {
        "operationId": operation.name,
        "summary": operation.summary,
        "description": _description(operation, settings),
        "security": [] if operation.public else [{"token": []}],
        "responses": _responses(operation),
    }
    if parameters := _parameters(operation):
        found["parameters"] = parameters
    if operation.body is not None:
        schema = {"$ref": f"#/components/schemas/{operation.body}"}
        found["requestBody"] = {"required": True, "content": {"application/json": {"schema": schema}}}
    return found


def _description(operation: Operation, settings: Settings) -> str:
    words = []
    if operation.scopes:
        words.append(f"Needs the scope {' or '.join(sorted(operation.scopes))}.")
    if operation.counts:
        words.append("Counts against the daily quota, except when answered with 403, 429 or 5xx.")
        small = operation.name in ("index", "train")
        limit = settings.train_key_chars if small else settings.detect_key_chars
        words.append(f"A body of more than {BODY_PER_KEY * limit} bytes is 413 body_too_large.")
    if operation.name == "getEvents":
        words.append(f"{STREAM_WORDS} At most {settings.max_event_streams} at once; one more is 503.")
    return " ".join(words)


def _responses(operation: Operation) -> dict[str, Any]:
    statuses = {400, 500, *_STATUSES.get(operation.name, ())}
    if not operation.public:
        statuses |= {401, 503}
    if operation.scopes:
        statuses.add(403)
    if operation.counts:
        statuses.add(429)
    if operation.name == "getHealth":
        statuses.add(503)
    found: dict[str, Any] = {"200": _success(operation)}
    for status in sorted(statuses):
        found[str(status)] = {"$ref": f"#/components/responses/{error_name(status)}"}
    return found


def _success(operation: Operation) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": "string"}
    if operation.name in _ANSWERS:
        schema = {"$ref": f"#/components/schemas/{_ANSWERS[operation.name]}"}
    elif operation.media == "application/json":
        schema = {"type": "object"}
    names = ("X-Request-Id",) if operation.public else ("X-Request-Id", *_RATE)
    return {
        "description": operation.summary,
        "headers": _headers(names),
        "content": {operation.media: {"schema": schema}},
    }


def _error(status: int, names: list[str]) -> dict[str, Any]:
    further = {401: ("WWW-Authenticate",), 405: ("Allow",), 429: ("Retry-After",), 503: ("Retry-After",)}
    return {
        "description": ", ".join(names),
        "headers": _headers(("X-Request-Id", *_RATE, *further.get(status, ()))),
        "content": {"application/json": {"schema": {"$ref": f"#/components/schemas/{error_name(status)}"}}},
    }


def _headers(names: tuple[str, ...]) -> dict[str, Any]:
    return {name: {"$ref": f"#/components/headers/{name}"} for name in names}


def _parameters(operation: Operation) -> list[dict[str, Any]]:
    path = [
        {"name": name, "in": "path", "required": True, "schema": _ID}
        for name in _NAMES.findall(operation.path)
    ]
    return path + _PARAMETERS.get(operation.name, [])
