"""An event or a sighting as the world is told it: JSON fields, with the person's id and present name."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from edge.event import Event
from edge.store import Person, Store

UNKNOWN = "unknown"
"""The word for somebody without a name."""

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
"""Times are added to it: the C library of a 32-bit system may know none after January 2038."""


def event_fields(event: Event, store: Store) -> dict[str, Any]:
    """What SSE, MQTT, the webhook and `watch --json` tell of an event.

    personId and metadata stand there in events of a person, null and "unknown" while nobody was recognised.
    """
    fields: dict[str, Any] = {
        "id": event.id,
        "event": str(event.kind),
        "time": timestamp(event.time),
        "camera": event.camera,
    }
    if event.sighting is not None:
        person = None if event.person_row is None else store.person_by_row(event.person_row)
        fields |= {"sightingId": event.sighting, **who(person)}
    return {**fields, **event.details}


def who(person: Person | None) -> dict[str, Any]:
    """personId and metadata of somebody."""
    return {
        "personId": None if person is None else person.id,
        "metadata": {"name": UNKNOWN if person is None else person.name or UNKNOWN},
    }


def timestamp(seconds: float) -> str:
    """ISO 8601 in GMT, milliseconds. seconds: since 1970 GMT."""
    moment = EPOCH + timedelta(milliseconds=int(seconds * 1000))
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
