"""What the camera loop has to tell, as values. No names: whoever tells an event looks the person up."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass


class EventKind(enum.StrEnum):
    """The closed list. Every face.appeared is followed by one person.left of the same sighting."""

    FACE_APPEARED = "face.appeared"
    PERSON_IDENTIFIED = "person.identified"
    PERSON_UNKNOWN = "person.unknown"
    PERSON_LEFT = "person.left"
    CAMERA_STALLED = "camera.stalled"
    CAMERA_RECOVERED = "camera.recovered"


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened, as the store has it.

    row: its place in the log, never used again. id: a uuid, by which a consumer knows a second delivery.
    time: seconds since 1970 GMT. camera: its name. sighting: the uuid of the sighting, None for those of the
    camera itself. person_row: None while nobody was recognised. details: further fields as they stand on the
    wire (numbers and strings), for example similarity (percent), seconds, reason.
    """

    row: int
    id: str
    kind: EventKind
    time: float
    camera: str
    sighting: str | None
    person_row: int | None
    details: Mapping[str, float | str]
