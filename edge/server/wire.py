"""Values from below in the contract's JSON, and the fields of requests back again."""

from __future__ import annotations

import contextlib
import re
import unicodedata
from datetime import datetime, timedelta
from typing import Any

from edge.announce import EPOCH, UNKNOWN, timestamp, who
from edge.enrol import Answer
from edge.errors import InvalidJson
from edge.face import Box
from edge.recognize import Identified
from edge.store import Person, Sighting
from edge.vision import Detection

MAX_NAME = 100
MAX_PERSON_ID = 100

_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[-+]\d\d:?\d\d)")
"""ISO 8601 as RFC 3339 narrows it; a time without a zone could be meant in two ways."""


def faces(detection: Detection) -> dict[str, Any]:
    """The answer of detect."""
    return {"faces": [face_fields(face.box, face.confidence) for face in detection.faces]}


def identified(found: Identified) -> dict[str, Any]:
    """One face of the answer of identify."""
    person = found.person
    return {
        **face_fields(found.face.box, found.face.confidence),
        **who(person),
        "similarity": None if found.similarity is None else round(found.similarity, 1),
        "verdict": str(found.verdict),
    }


def face_fields(box: Box, confidence: float) -> dict[str, int]:
    """A face as the published API writes it: a percentage, and whole pixels inside the picture.

    Both edges are rounded to the nearest whole pixel, so a box clipped to the picture stays inside.
    """
    left, top = round(box.left), round(box.top)
    return {
        "confidence": min(max(round(100 * confidence), 0), 100),
        "height": round(box.bottom) - top,
        "left": left,
        "top": top,
        "width": round(box.right) - left,
    }


def answer(result: Answer) -> dict[str, Any]:
    """The answer of index and train."""
    fields: dict[str, Any] = {
        "metadata": {"name": result.person.name or UNKNOWN},
        "personId": result.person.id,
    }
    if result.warnings:
        fields["warnings"] = [{"code": item.code, "message": item.message} for item in result.warnings]
    return fields


def person_fields(person: Person) -> dict[str, Any]:
    """A person as the people endpoints show them."""
    return {
        **who(person),
        "created": (EPOCH + timedelta(seconds=int(person.created))).isoformat().replace("+00:00", "Z"),
        "enrolledBy": person.enrolled_by,
    }


def sighting_fields(sighting: Sighting, person: Person | None) -> dict[str, Any]:
    """A sighting as the sightings endpoint shows it."""
    similarity = sighting.similarity
    return {
        "sightingId": sighting.id,
        **who(person),
        "camera": sighting.camera,
        "from": timestamp(sighting.started),
        "to": timestamp(sighting.ended),
        "open": sighting.open,
        "similarity": None if similarity is None else round(similarity, 1),
        "frames": sighting.frames,
        "crop": None if sighting.crop_bytes is None else f"/v1.0/sightings/{sighting.id}/crop",
    }


def name_of(body: dict[str, Any]) -> str | None:
    """`metadata.name`, if there is one; the word "unknown" is no name. Raises InvalidJson."""
    metadata = body.get("metadata")
    if metadata is None:
        return None
    if not isinstance(metadata, dict):
        raise InvalidJson("metadata is not an object")
    name = metadata.get("name")
    if name is None:
        return None
    if not isinstance(name, str):
        raise InvalidJson("metadata.name is not a string")
    name = unicodedata.normalize("NFC", name.strip())
    if not 1 <= len(name) <= MAX_NAME:
        raise InvalidJson(f"metadata.name has {len(name)} characters; 1 to {MAX_NAME} are taken")
    if any(unicodedata.category(character) in ("Cc", "Cs") for character in name):
        raise InvalidJson("metadata.name holds a control character or half a character")
    return None if name == UNKNOWN else name


def person_id_of(body: dict[str, Any]) -> str | None:
    """`personId`, if there is one. Raises InvalidJson."""
    person_id = body.get("personId")
    if person_id is None:
        return None
    if not isinstance(person_id, str):
        raise InvalidJson("personId is not a string")
    if not 1 <= len(person_id) <= MAX_PERSON_ID or not person_id.isascii():
        raise InvalidJson(f"personId is not 1 to {MAX_PERSON_ID} ASCII characters")
    return person_id


def moment_of(name: str, text: str) -> float:
    """Seconds since 1970 GMT of a time in a query. Raises InvalidJson.

    A plus sign that nobody encoded arrives as a space; it is taken for what it was.
    """
    text = text.upper().replace(" ", "+")
    if text.isascii() and _MOMENT.fullmatch(text):
        with contextlib.suppress(ValueError):  # a 31st of February
            return (datetime.fromisoformat(text) - EPOCH).total_seconds()
    raise InvalidJson(f"{name} is not a time with its zone, like 2026-11-25T18:30:00Z or ...+01:00")
