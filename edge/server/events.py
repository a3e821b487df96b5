"""GET /v1.0/events: lets a client in and finds where in the event log it is; the hub does the rest."""

from __future__ import annotations

from typing import Any

from edge import access
from edge.errors import InvalidJson
from edge.server.call import Call, Text
from edge.server.front import REQUEST_ID
from edge.server.hub import Hub
from edge.server.operations import Operation
from edge.server.streams import STREAM, EventStream

_LONGEST_ID = 100
_NOT_FOUND = "the event after which to go on is not in the log; this stream begins now"


class Events:
    """The handler of the operation."""

    def __init__(self, hub: Hub, operation: Operation) -> None:
        self._hub = hub
        self._scopes = operation.scopes

    def get_events(self, call: Call) -> Text:
        """The head of the answer; the stream stands in the request's environment."""
        environ, gate = call.environ, call.gate
        if "CONTENT_LENGTH" in environ or "HTTP_TRANSFER_ENCODING" in environ:
            raise InvalidJson("this takes no body")
        authorization = environ.get("HTTP_AUTHORIZATION")

        def still_allowed() -> None:
            access.require(gate.authenticate(authorization).grant, self._scopes)

        row, words = _position(call)
        name = f"token={call.authenticated().grant.name} id={environ[REQUEST_ID]}"
        stream = EventStream(self._hub, row, still_allowed, words, name)
        self._hub.admit(stream)
        environ[STREAM] = stream
        return Text("text/event-stream", b"", {"Cache-Control": "no-store"})


def _position(call: Call) -> tuple[int, str]:
    """The row of the last event that the client has, and what there is to say of it.

    The header wins over the query: who was given an address with `after` sends the header as well when it
    connects anew.
    """
    environ: dict[str, Any] = call.environ
    store = call.services.store
    last = environ.get("HTTP_LAST_EVENT_ID") or call.query("after")
    if not last:
        return store.newest_event(), ""
    row = store.event_row(last) if len(last) <= _LONGEST_ID else None
    return (store.newest_event(), _NOT_FOUND) if row is None else (row, "")
