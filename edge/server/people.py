"""The endpoints of the administrator: people, names, erasing, merging; and the caller's own usage."""

from __future__ import annotations

from typing import Any

from edge.cap import cap_references
from edge.errors import InvalidJson, UnknownPersonId
from edge.server import wire
from edge.server.call import Call
from edge.store import Person

DEFAULT_PAGE = 100
MAX_PAGE = 1000
REMAINS = (
    "the nightly copies on the device follow within minutes; backups that were taken away, and events that "
    "were sent out, are not reached; erase them there"
)


def list_people(call: Call) -> dict[str, Any]:
    """GET /v1.0/people?after=&limit="""
    limit = limit_of(call)
    found = list(call.services.store.people(call.query("after") or "", limit + 1))
    page = found[:limit]
    following = page[-1].id if len(found) > limit else None
    return {"people": [wire.person_fields(person) for person in page], "next": following}


def get_person(call: Call) -> dict[str, Any]:
    """GET /v1.0/people/{id}"""
    return wire.person_fields(person_of(call, call.arguments["person_id"]))


def rename_person(call: Call) -> dict[str, Any]:
    """PATCH /v1.0/people/{id}"""
    with call.body() as body:
        if not isinstance(body.fields.get("metadata"), dict) or body.fields["metadata"].get("name") is None:
            raise InvalidJson('metadata.name is missing: {"metadata": {"name": "..."}}')
        name = wire.name_of(body.fields)
    with call.services.store.writing():
        person = person_of(call, call.arguments["person_id"])
        return wire.person_fields(call.services.store.rename(person, name))


def erase_person(call: Call) -> dict[str, Any]:
    """DELETE /v1.0/people/{id}"""
    with call.services.store.writing():
        person = person_of(call, call.arguments["person_id"])
        call.services.store.erase(person)
    return {"personId": person.id, "erased": True, "remains": REMAINS}


def merge_people(call: Call) -> dict[str, Any]:
    """POST /v1.0/people/{id}/merge: the person in the body becomes an alias of the one in the path."""
    with call.body() as body:
        other = wire.person_id_of(body.fields)
        if other is None:
            raise InvalidJson(
                'personId is missing: {"personId": "..."}, the one that is merged into this one'
            )
    with call.services.store.writing():
        kept, gone = person_of(call, call.arguments["person_id"]), person_of(call, other)
        if kept.row != gone.row:  # merged already: a retry is no error
            kept = call.services.store.merge(kept, gone)
            cap_references(call.services.store, kept, call.services.settings.max_references)
        return wire.person_fields(kept)


def get_usage(call: Call) -> dict[str, Any]:
    """GET /v1.0/usage"""
    visit = call.authenticated()
    return {"quota": visit.grant.quota, "used": call.gate.used(visit), "reset": call.gate.reset_s()}


def person_of(call: Call, person_id: str) -> Person:
    """The person with this id, which may be an alias. Raises UnknownPersonId."""
    person = call.services.store.person(person_id)
    if person is None:
        raise UnknownPersonId(f"no person has the id {person_id[: wire.MAX_PERSON_ID]}")
    return person


def limit_of(call: Call) -> int:
    """How many there are on a page. Raises InvalidJson."""
    text = call.query("limit")
    if text is None:
        return DEFAULT_PAGE
    if not (text.isascii() and text.isdigit() and len(text) <= 4 and 1 <= int(text) <= MAX_PAGE):
        raise InvalidJson(f"limit is not a number from 1 to {MAX_PAGE}")
    return int(text)
