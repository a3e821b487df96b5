"""The endpoints of what the camera saw: sightings, newest first, and their crops."""

from __future__ import annotations

from typing import Any

from edge.errors import NotFound
from edge.server import wire
from edge.server.call import Call, Text
from edge.server.people import REMAINS, limit_of, person_of
from edge.store import Sighting

_EVENTS_REMAIN = "what was told of it stays in the log of events for as long as sightings are kept"


def list_sightings(call: Call) -> dict[str, Any]:
    """GET /v1.0/sightings?personId=&from=&to=&after=&limit="""
    limit = limit_of(call)
    since, until, person_id = _moment(call, "from"), _moment(call, "to"), call.query("personId")
    person = None if person_id is None else person_of(call, person_id)
    after = call.query("after")
    before = None if after is None else _sighting(call, after)
    store = call.services.store
    found = store.sightings(
        person_row=None if person is None else person.row,
        since=since,
        until=until,
        before_row=None if before is None else before.row,
        limit=limit + 1,
    )
    page = found[:limit]
    rows = {sighting.person_row for sighting in page}
    people = {row: None if row is None else store.person_by_row(row) for row in rows}
    return {
        "sightings": [wire.sighting_fields(sighting, people[sighting.person_row]) for sighting in page],
        "next": page[-1].id if len(found) > limit else None,
    }


def get_crop(call: Call) -> Text:
    """GET /v1.0/sightings/{id}/crop"""
    sighting = _sighting(call, call.arguments["sighting_id"])
    crop = call.services.store.sighting_crop(sighting.id)
    if crop is None:
        raise NotFound("this sighting has no picture")
    return Text("image/jpeg", crop, {"Cache-Control": "no-store"})


def erase_sighting(call: Call) -> dict[str, Any]:
    """DELETE /v1.0/sightings/{id}"""
    sighting = _sighting(call, call.arguments["sighting_id"])
    call.services.store.drop_sighting(sighting.row)
    call.services.store.clean()
    return {"sightingId": sighting.id, "erased": True, "remains": f"{_EVENTS_REMAIN}; {REMAINS}"}


def _moment(call: Call, name: str) -> float | None:
    text = call.query(name)
    return None if text is None else wire.moment_of(name, text)


def _sighting(call: Call, sighting_id: str) -> Sighting:
    sighting = call.services.store.sighting(sighting_id)
    if sighting is None:
        raise NotFound(f"no sighting has the id {sighting_id[: wire.MAX_PERSON_ID]}")
    return sighting
