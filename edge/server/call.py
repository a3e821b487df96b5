"""One authenticated or public request on its way to a handler, and what the handler hands back."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs

from edge.errors import MissingToken
from edge.server.body import Body, received
from edge.server.gate import Gate, Visit
from edge.server.services import Services

SMALL_BODY_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class Text:
    """An answer that is not JSON. headers: beside its media type."""

    media: str
    data: bytes
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Call:
    """arguments: the {names} of the path. visit: None where no token is needed."""

    services: Services
    gate: Gate
    environ: dict[str, Any]
    arguments: dict[str, str]
    visit: Visit | None

    def authenticated(self) -> Visit:
        """The visit of an operation that is not public."""
        if self.visit is None:
            raise MissingToken("this needs a token")
        return self.visit

    @contextmanager
    def body(self, limit: int = SMALL_BODY_BYTES) -> Iterator[Body]:
        """Receive the JSON body. limit: raw bytes."""
        services = self.services
        with received(self.environ, limit, services.budget, services.settings.queue_seconds) as body:
            yield body

    def query(self, name: str) -> str | None:
        """The last value of a query parameter."""
        values = parse_qs(str(self.environ["QUERY_STRING"])).get(name)
        return values[-1] if values else None
