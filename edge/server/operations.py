"""The routes, as data: what each takes, who may call it, and whether it counts."""

from __future__ import annotations

from dataclasses import dataclass

from edge.access import ADMIN, RECOGNISE, TRAIN


@dataclass(frozen=True, slots=True)
class Operation:
    """One method of one path.

    path: with {names} in braces. scopes: any one of them lets the caller in; empty: any good token.
    public: needs no token. counts: takes one off the daily quota. body: what the JSON body is, if any.
    """

    name: str
    method: str
    path: str
    summary: str
    scopes: frozenset[str] = frozenset()
    public: bool = False
    counts: bool = False
    body: str | None = None
    media: str = "application/json"


_PERSON = "/v1.0/people/{person_id}"
_SIGHTING = "/v1.0/sightings/{sighting_id}"
_EVENTS = "/v1.0/events"

STREAMS = frozenset({_EVENTS})
"""Paths whose answer has no end, and so no HEAD."""

OPERATIONS: tuple[Operation, ...] = (
    Operation(
        "detect", "POST", "/v1.0/detect", "Find the faces in a picture",
        scopes=frozenset({RECOGNISE}), counts=True, body="Picture",
    ),
    Operation(
        "index", "POST", "/v1.0/index", "Return a personId for a given 64x64 face",
        scopes=frozenset({RECOGNISE, TRAIN}), counts=True, body="FaceCrop",
    ),
    Operation(
        "train", "POST", "/v1.0/train", "Learn a person from a picture that holds exactly one face",
        scopes=frozenset({TRAIN}), counts=True, body="Training",
    ),
    Operation(
        "identify", "POST", "/v1.0/identify", "Say who is in a picture; enrols nobody",
        scopes=frozenset({RECOGNISE}), counts=True, body="Picture",
    ),
    Operation(
        "listPeople", "GET", "/v1.0/people", "List the people, in the order of their ids",
        scopes=frozenset({ADMIN}),
    ),
    Operation("getPerson", "GET", _PERSON, "One person", scopes=frozenset({ADMIN})),
    Operation(
        "renamePerson", "PATCH", _PERSON, "Name a person, or name them anew",
        scopes=frozenset({ADMIN}), body="Naming",
    ),
    Operation(
        "erasePerson", "DELETE", _PERSON, "Erase a person with references, crops and sightings",
        scopes=frozenset({ADMIN}),
    ),
    Operation(
        "mergePeople", "POST", _PERSON + "/merge", "Make another person's id an alias of this one",
        scopes=frozenset({ADMIN}), body="Merging",
    ),
    Operation(
        "listSightings", "GET", "/v1.0/sightings", "List whom the camera saw, newest first",
        scopes=frozenset({ADMIN}),
    ),
    Operation(
        "getSightingCrop", "GET", _SIGHTING + "/crop", "The best picture of the face",
        scopes=frozenset({ADMIN}), media="image/jpeg",
    ),
    Operation(
        "eraseSighting", "DELETE", _SIGHTING, "Erase a sighting with its crop",
        scopes=frozenset({ADMIN}),
    ),
    Operation(
        "getEvents", "GET", _EVENTS, "What happens in front of the camera, as server-sent events",
        scopes=frozenset({ADMIN}), media="text/event-stream",
    ),
    Operation("getUsage", "GET", "/v1.0/usage", "The calling token's own quota; not counted"),
    Operation("getOpenApi", "GET", "/v1.0/openapi.json", "This document", public=True),
    Operation("getHealth", "GET", "/health", "Liveness and readiness", public=True),
    Operation(
        "getMetrics", "GET", "/metrics", "Figures in the Prometheus text format",
        scopes=frozenset({ADMIN}), media="text/plain; version=0.0.4",
    ),
    Operation(
        "getCa", "GET", "/ca.crt", "The device's CA certificate (PEM)",
        public=True, media="application/x-x509-ca-cert",
    ),
)  # fmt: skip


def methods_by_path() -> dict[str, list[str]]:
    """The methods of each path, OPTIONS included."""
    found: dict[str, list[str]] = {}
    for operation in OPERATIONS:
        found.setdefault(operation.path, ["OPTIONS"]).append(operation.method)
    return found
