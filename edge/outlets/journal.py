"""The log as an outlet: a line per event, without names unless a setting allows them."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from edge.event import Event

_log = logging.getLogger(__name__)

_WORDS = (("sighting", "sightingId"), ("person", "personId"), ("similarity", "similarity"))


class JournalOutlet:
    """Writes lines of the level info."""

    name = "journal"

    def __init__(self, *, names: bool) -> None:
        self._names = names

    def attend(self) -> None:
        """Always ready."""

    def deliver(self, event: Event, fields: Mapping[str, Any]) -> None:
        told: dict[str, object] = {"event": event.id, "camera": event.camera}
        told |= {word: fields[key] for word, key in _WORDS if fields.get(key) is not None}
        told |= {key: value for key, value in event.details.items() if key not in told}
        if self._names and fields.get("personId") is not None:
            told["name"] = repr(fields["metadata"]["name"])  # a name may hold a line break
        _log.info("%s %s", event.kind, " ".join(f"{key}={value}" for key, value in told.items()))

    def close(self) -> None:
        """Nothing is held."""
