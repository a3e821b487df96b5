"""The application: Bottle finds the route, the gate lets the caller in, a handler answers."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping
from typing import Any

import bottle  # type: ignore[import-untyped]

from edge.errors import EdgeError, MethodNotAllowed, ModelError, NotFound, Overloaded
from edge.server import health, people, recognition, sightings
from edge.server.call import Call, Text
from edge.server.contract import REASONS, error_answer
from edge.server.cors import preflight_headers
from edge.server.events import Events
from edge.server.front import OPERATION, REQUEST_ID, TOKEN_NAME, Front
from edge.server.gallery_watch import GalleryWatch
from edge.server.gate import Gate
from edge.server.health import Figures
from edge.server.hub import Hub
from edge.server.intake import ClientGone
from edge.server.openapi import document
from edge.server.operations import OPERATIONS, STREAMS, Operation, methods_by_path
from edge.server.services import Services

Handler = Callable[[Call], dict[str, Any] | Text]
_log = logging.getLogger(__name__)


def make_application(services: Services, gate: Gate, watch: GalleryWatch, hub: Hub) -> Front:
    """The WSGI application of one server."""
    routes, figures = _Routes(), Figures(watch, hub)
    handlers = _handlers(services, figures, watch, hub)
    for operation in OPERATIONS:
        callback = _answerer(operation, handlers[operation.name], services, gate)
        routes.route(_bottle_path(operation.path), operation.method, callback)
    for path, methods in methods_by_path().items():
        allow = ", ".join(sorted(methods))
        routes.route(_bottle_path(path), "OPTIONS", _preflight(allow, services.settings.cors_origins))
        if path in STREAMS:
            routes.route(_bottle_path(path), "HEAD", _not_allowed(allow))
    return Front(routes, services.settings.cors_origins, figures, services.clock)


class _Routes(bottle.Bottle):  # type: ignore[misc]
    """Bottle's own refusals (no route, wrong method, something it trips over) in the contract's JSON."""

    def __init__(self) -> None:
        super().__init__()
        self.catchall = False
        self.uninstall(True)  # its plugins for JSON and templates

    def default_error_handler(self, res: Any) -> bytes:
        environ = bottle.request.environ
        path, method = environ["PATH_INFO"][:100], environ["REQUEST_METHOD"][:20]
        if res.status_code == 404:
            error: EdgeError = NotFound(f"there is nothing at {path}")
        elif res.status_code == 405:
            error = MethodNotAllowed(f"{path} does not take {method}")
        else:
            error = EdgeError(str(res.status_line))
        status, _, body = error_answer(error, environ[REQUEST_ID])
        res.status = f"{status} {REASONS[status]}"
        res.content_type = "application/json"
        return body


def _handlers(services: Services, figures: Figures, watch: GalleryWatch, hub: Hub) -> dict[str, Handler]:
    api = Text("application/json", json.dumps(document(services.settings), separators=(",", ":")).encode())
    return {
        "detect": recognition.detect,
        "index": recognition.index,
        "train": recognition.train,
        "identify": recognition.identify,
        "listPeople": people.list_people,
        "getPerson": people.get_person,
        "renamePerson": people.rename_person,
        "erasePerson": people.erase_person,
        "mergePeople": people.merge_people,
        "listSightings": sightings.list_sightings,
        "getSightingCrop": sightings.get_crop,
        "eraseSighting": sightings.erase_sighting,
        "getEvents": Events(hub, next(item for item in OPERATIONS if item.name == "getEvents")).get_events,
        "getUsage": people.get_usage,
        "getOpenApi": lambda _: api,
        "getHealth": health.Health(services, watch).get_health,
        "getMetrics": figures.get_metrics,
        "getCa": health.get_ca,
    }


def _answerer(operation: Operation, handler: Handler, services: Services, gate: Gate) -> Callable[..., Any]:
    """The callback of one route: the order of refusal, and every failure as JSON."""

    def answer(**arguments: str) -> bottle.HTTPResponse:
        environ = bottle.request.environ
        environ[OPERATION] = operation.name
        headers: dict[str, str] = {}
        # No variable here holds on to an error. Its traceback holds this frame: the two would wait for the
        # garbage collector, and with them the body, whose memory has been promised to others by then.
        try:
            result = _enter(operation, handler, services, gate, arguments, environ, headers)
            data, more = _encoded(result)
            return _response(200, {**headers, **more}, data)
        except ClientGone:
            raise
        except EdgeError as error:
            return _refusal(error, environ, headers)
        except MemoryError:
            return _refusal(Overloaded("the device is short of memory"), environ, headers)
        except Exception as error:
            return _refusal(EdgeError(str(error)).with_traceback(error.__traceback__), environ, headers)

    return answer


def _refusal(error: EdgeError, environ: dict[str, Any], headers: Mapping[str, str]) -> bottle.HTTPResponse:
    status, more, data = error_answer(error, environ[REQUEST_ID])
    if status == 500:
        _log.error("request %s failed", environ[REQUEST_ID], exc_info=error)
    elif isinstance(error, ModelError):
        _log.error("request %s failed: %s", environ[REQUEST_ID], error.message)
    return _response(status, {**headers, **more, "Content-Type": "application/json"}, data)


def _enter(  # noqa: PLR0917
    operation: Operation,
    handler: Handler,
    services: Services,
    gate: Gate,
    arguments: dict[str, str],
    environ: dict[str, Any],
    headers: dict[str, str],
) -> dict[str, Any] | Text:
    """headers: receives the RateLimit-* of an authenticated caller, also when it is refused."""
    if operation.public:
        return handler(Call(services, gate, environ, arguments, None))
    visit = gate.authenticate(environ.get("HTTP_AUTHORIZATION"))
    environ[TOKEN_NAME] = visit.grant.name
    try:
        with gate.admitted(visit, operation):
            return handler(Call(services, gate, environ, arguments, visit))
    finally:
        headers.update(gate.rate_headers(visit))


def _preflight(allow: str, origins: tuple[str, ...]) -> Callable[..., Any]:
    def answer(**_: str) -> bottle.HTTPResponse:
        origin = bottle.request.environ.get("HTTP_ORIGIN")
        return _response(204, {"Allow": allow, **dict(preflight_headers(origin, origins, allow))}, b"")

    return answer


def _not_allowed(allow: str) -> Callable[..., Any]:
    """For HEAD of a stream, which Bottle would answer as a GET."""

    def refuse(**_: str) -> bottle.HTTPResponse:
        raise bottle.HTTPError(405, Allow=allow)

    return refuse


def _encoded(result: dict[str, Any] | Text) -> tuple[bytes, dict[str, str]]:
    if isinstance(result, Text):
        return result.data, {**result.headers, "Content-Type": result.media}
    return json.dumps(result).encode("ascii"), {"Content-Type": "application/json"}


def _response(status: int, headers: dict[str, str], data: bytes) -> bottle.HTTPResponse:
    return bottle.HTTPResponse(data, f"{status} {REASONS[status]}", headers)


def _bottle_path(path: str) -> str:
    return path.replace("{", "<").replace("}", ">")
