"""Values from below in the contract's JSON, and the fields of requests back again."""

from __future__ import annotations

import unicodedata
from datetime import UTC, datetime, timedelta
from typing import Any

from edge.enrol import Answer
from edge.errors import InvalidJson
from edge.face import Box
from edge.recognize import Identified
from edge.store import Person
from edge.vision import Detection

UNKNOWN = "unknown"
"""The word on the wire for somebody without a name."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
"""Times are added to it: the C library of a 32-bit system may know none after January 2038."""

MAX_NAME = 100
MAX_PERSON_ID = 100


def faces(detection: Detection) -> dict[str, Any]:
    """The answer of detect."""
    return {"faces": [face_fields(face.box, face.confidence) for face in detection.faces]}


def identified(found: Identified) -> dict[str, Any]:
    """One face of the answer of identify."""
    person = found.person
    return {
        **face_fields(found.face.box, found.face.confidence),
        "personId": None if person is None else person.id,
        "metadata": {"name": UNKNOWN if person is None else person.name or UNKNOWN},
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
        "personId": person.id,
        "metadata": {"name": person.name or UNKNOWN},
        "created": (_EPOCH + timedelta(seconds=int(person.created))).isoformat().replace("+00:00", "Z"),
        "enrolledBy": person.enrolled_by,
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
