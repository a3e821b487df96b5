"""The component schemas of the OpenAPI document."""

from __future__ import annotations

from typing import Any

from edge.event import EventKind
from edge.notices import WARNINGS
from edge.server.contract import codes
from edge.server.wire import MAX_NAME, MAX_PERSON_ID
from edge.settings import Settings

Schema = dict[str, Any]

CAMERA = ("none", "starting", "ok", "dark", "stalled", "absent", "ended")
"""What health may say of the camera."""

STREAM_WORDS = (
    "An event stream without an end: for each event its `id`, its kind as `event`, and as `data` the JSON of "
    "the schema Event. Lines that begin with a colon are comments."
)

# One white pixel, so that the example is a picture and can be tried.
_PIXEL = (
    "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVR4nGP4//8/AAX+Av4N70a4"
    "AAAAAElFTkSuQmCC"
)
_FACES = {"type": "array", "description": "Highest confidence first; empty when there is no face."}


def schemas(settings: Settings) -> dict[str, Schema]:
    """Every schema by name. The limits are those of the settings."""
    key, small_key = _key(settings.detect_key_chars), _key(settings.train_key_chars)
    found = {
        "Picture": _object({"key": key}, ["key"]),
        "FaceCrop": _object({"key": small_key}, ["key"]),
        "Training": _object({"key": small_key, "metadata": _NAMED, "personId": _TRAINED_ID}, ["key"]),
        "Naming": _object({"metadata": {**_NAMED, "required": ["name"]}}, ["metadata"]),
        "Merging": _object({"personId": _ID}, ["personId"]),
        "Face": _object(_FACE, list(_FACE)),
        "Faces": _object({"faces": {**_FACES, "items": _ref("Face")}}, ["faces"]),
        "IdentifiedFace": _object(_IDENTIFIED, list(_IDENTIFIED)),
        "IdentifiedFaces": _object({"faces": {**_FACES, "items": _ref("IdentifiedFace")}}, ["faces"]),
        "Answer": _object(_ANSWER, ["metadata", "personId"]),
        "Person": _object(_PERSON, list(_PERSON)),
        "People": _object(_PEOPLE, list(_PEOPLE)),
        "Erased": _object(_ERASED, list(_ERASED)),
        "Sighting": _object(_SIGHTING, list(_SIGHTING)),
        "Sightings": _object(_SIGHTINGS, list(_SIGHTINGS)),
        "ErasedSighting": _object(_ERASED_SIGHTING, list(_ERASED_SIGHTING)),
        "Event": _object(_EVENT, ["id", "event", "time", "camera"]),
        "Usage": _object(_USAGE, list(_USAGE)),
        "Health": _object(_HEALTH, list(_HEALTH)),
    }
    return {**found, **{error_name(status): _error(names) for status, names in codes().items()}}


def error_name(status: int) -> str:
    """The name of the schema of all errors of a status."""
    return f"Error{status}"


def _ref(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


def _object(properties: dict[str, Schema], required: list[str]) -> Schema:
    return {"type": "object", "properties": properties, "required": required}


def _error(names: list[str]) -> Schema:
    error = _object(
        {
            "code": {"type": "string", "enum": names},
            "message": {"type": "string", "description": "In words, with the measured values."},
        },
        ["code", "message"],
    )
    return _object({"error": error}, ["error"])


def _key(characters: int) -> Schema:
    return {
        "type": "string",
        "description": "A JPEG or PNG in base 64, as a data URI or bare. White space in it is ignored; "
        f"without it, at most {characters} characters of base 64.",
        "minLength": 1,
        "examples": [_PIXEL],
    }


_NAME: Schema = {
    "type": "string",
    "description": '"unknown" for somebody without a name.',
    "maxLength": MAX_NAME,
}
_NAMED: Schema = {
    "type": "object",
    "properties": {"name": {"type": "string", "minLength": 1, "maxLength": MAX_NAME}},
}
_METADATA: Schema = _object({"name": _NAME}, ["name"])
_ID: Schema = {"type": "string", "minLength": 1, "maxLength": MAX_PERSON_ID}
_UUID: Schema = {"type": "string", "format": "uuid"}
_TRAINED_ID: Schema = {**_ID, "description": 'Whose face it is; "new" makes a new person whatever the match.'}
_PIXELS: Schema = {"type": "integer", "minimum": 0}
_FACE: dict[str, Schema] = {
    "confidence": {"type": "integer", "minimum": 0, "maximum": 100, "description": "Percent."},
    "height": _PIXELS,
    "left": _PIXELS,
    "top": _PIXELS,
    "width": {
        **_PIXELS,
        "description": "Pixels of the upright picture. The box is clipped to it, then each edge is "
        "rounded to the nearest whole pixel, so that left + width never passes the picture's width.",
    },
}
_IDENTIFIED: dict[str, Schema] = {
    **_FACE,
    "personId": {"type": ["string", "null"], "format": "uuid"},
    "metadata": _METADATA,
    "similarity": {"type": ["number", "null"], "description": "Percent; 75 is the threshold itself."},
    "verdict": {"type": "string", "enum": ["match", "ambiguous", "unknown"]},
}
_WARNING: Schema = _object(
    {
        "code": {"type": "string", "enum": list(WARNINGS)},
        "message": {"type": "string", "description": "In words, with the measured value and the limit."},
    },
    ["code", "message"],
)
_ANSWER: dict[str, Schema] = {
    "metadata": _METADATA,
    "personId": _UUID,
    "warnings": {"type": "array", "items": _WARNING},
}
_PERSON: dict[str, Schema] = {
    "personId": _UUID,
    "metadata": _METADATA,
    "created": {"type": "string", "format": "date-time"},
    "enrolledBy": {"type": "string", "enum": ["train", "index", "camera"]},
}
_PEOPLE: dict[str, Schema] = {
    "people": {"type": "array", "items": _ref("Person")},
    "next": {"type": ["string", "null"], "description": "What to send as `after` for the next page."},
}
_ERASED: dict[str, Schema] = {
    "personId": _UUID,
    "erased": {"const": True},
    "remains": {"type": "string", "description": "Where copies may still be."},
}
_TIME: Schema = {"type": "string", "format": "date-time"}
_SOMEBODY: Schema = {"type": ["string", "null"], "format": "uuid", "description": "null: nobody, so far."}
_SIGHTING: dict[str, Schema] = {
    "sightingId": _UUID,
    "personId": _SOMEBODY,
    "metadata": _METADATA,
    "camera": {"type": "string"},
    "from": _TIME,
    "to": {**_TIME, "description": "When the face was last seen."},
    "open": {"type": "boolean", "description": "Whether they are still in view."},
    "similarity": {
        "type": ["number", "null"],
        "description": "Percent, the best; 75 is the threshold itself.",
    },
    "frames": {"type": "integer", "minimum": 0, "description": "In which the face was found."},
    "crop": {"type": ["string", "null"], "description": "Where the best picture is; null: none was kept."},
}
_SIGHTINGS: dict[str, Schema] = {
    "sightings": {"type": "array", "items": _ref("Sighting"), "description": "Newest first."},
    "next": _PEOPLE["next"],
}
_ERASED_SIGHTING: dict[str, Schema] = {
    "sightingId": _UUID,
    "erased": {"const": True},
    "remains": _ERASED["remains"],
}
_EVENT: dict[str, Schema] = {
    "id": _UUID,
    "event": {"type": "string", "enum": [str(kind) for kind in EventKind]},
    "time": _TIME,
    "camera": {"type": "string"},
    "sightingId": _UUID,
    "personId": _SOMEBODY,
    "metadata": _METADATA,
    "similarity": {"type": "number", "description": "Percent; of person.identified and person.unknown."},
    "frames": {"type": "integer", "minimum": 0},
    "seconds": {"type": "number", "description": "How long: of person.left and camera.recovered."},
    "reason": {"type": "string", "description": "Of camera.stalled."},
}
_USAGE: dict[str, Schema] = {
    "quota": {"type": ["integer", "null"], "description": "Requests a GMT day; null: unlimited."},
    "used": {"type": "integer", "minimum": 0},
    "reset": {"type": "integer", "minimum": 1, "maximum": 86400, "description": "Seconds to midnight GMT."},
}
_HEALTH: dict[str, Schema] = {
    "status": {"const": "ok"},
    "models": {"const": "ok"},
    "store": {"const": "ok"},
    "camera": {
        "type": "string",
        "enum": list(CAMERA),
        "description": "none: this process has no camera loop. Whatever it is, the endpoints answer.",
    },
    "disk": {"type": "string", "enum": ["ok", "low"], "description": "low: no more crops are kept."},
    "clock": {"type": "string", "enum": ["ok", "unset"]},
    "gallery": {
        "type": "string",
        "enum": ["ok", "tight"],
        "description": "tight: hardly room for more people.",
    },
}
