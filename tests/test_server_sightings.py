"""The endpoints of what the camera saw, and what health and metrics say of the camera and the disk."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest

from edge.server.openapi import document
from edge.server.schemas import CAMERA
from edge.server.tls import Certificates
from edge.settings import Settings
from edge.store import Person, Sighting
from tests.serving import Served, serving

PATH = "/v1.0/sightings"
NOON = 1_700_000_000.0
"""2023-11-14T22:13:20Z."""
CROP = b"\xff\xd8\xff\xe0 a picture"


@pytest.fixture(autouse=True)
def _nobody(alone: Served) -> Iterator[None]:
    """A device that has seen nobody."""
    for sighting in alone.store.sightings(limit=1000):
        alone.store.drop_sighting(sighting.row)
    yield


def seen(  # noqa: PLR0917
    served: Served,
    started: float = NOON,
    seconds: float = 10,
    person: Person | None = None,
    similarity: float | None = None,
    crop: bytes | None = None,
) -> Sighting:
    """A sighting that is over."""
    store = served.store
    sighting = store.begin_sighting("door", started)
    row = None if person is None else person.row
    store.update_sighting(
        sighting.row, ended=started + seconds, frames=7, similarity=similarity, person_row=row
    )
    if crop is not None:
        store.keep_sighting_crop(sighting.row, crop)
    store.close_sighting(sighting.row, started + seconds, 7)
    return sighting


def listed(served: Served, query: str = "") -> list[str]:
    """The ids of a page."""
    answer = served.request("GET", PATH + query).json
    return [sighting["sightingId"] for sighting in answer["sightings"]]


def person(served: Served, name: str | None = "Ann") -> Person:
    with served.store.writing():
        return served.store.create_person(name)


# -- one sighting ---------------------------------------------------------------------------------


def test_all_fields(alone: Served) -> None:
    ann = person(alone)
    sighting = seen(alone, NOON + 0.25, 12.5, ann, 93.456, CROP)
    assert alone.request("GET", PATH).json == {
        "sightings": [
            {
                "sightingId": sighting.id,
                "personId": ann.id,
                "metadata": {"name": "Ann"},
                "camera": "door",
                "from": "2023-11-14T22:13:20.250Z",
                "to": "2023-11-14T22:13:32.750Z",
                "open": False,
                "similarity": 93.5,
                "frames": 7,
                "crop": f"{PATH}/{sighting.id}/crop",
            }
        ],
        "next": None,
    }


def test_while_nobody_knows_who_it_is(alone: Served) -> None:
    sighting = alone.store.begin_sighting("door", NOON)
    found = alone.request("GET", PATH).json["sightings"][0]
    assert found == {
        "sightingId": sighting.id,
        "personId": None,
        "metadata": {"name": "unknown"},
        "camera": "door",
        "from": "2023-11-14T22:13:20.000Z",
        "to": "2023-11-14T22:13:20.000Z",
        "open": True,
        "similarity": None,
        "frames": 0,
        "crop": None,
    }


def test_the_answers_conform(alone: Served) -> None:
    seen(alone, person=person(alone), similarity=80.0, crop=CROP)
    sighting = alone.store.begin_sighting("door", NOON)
    described = document(Settings())

    def check(schema: str, answer: Any) -> None:
        validator = jsonschema_rs.Draft202012Validator(
            {**described, "$ref": f"#/components/schemas/{schema}"}
        )
        validator.validate(answer)

    check("Sightings", alone.request("GET", PATH).json)
    check("Health", alone.request("GET", "/health").json)
    check("ErasedSighting", alone.request("DELETE", f"{PATH}/{sighting.id}").json)


# -- the list -------------------------------------------------------------------------------------


def test_page_by_page_the_newest_first(alone: Served) -> None:
    made = [seen(alone, NOON + number // 2).id for number in range(7)]  # some at the same moment
    found: list[str] = []
    after = ""
    for size in (3, 3, 1):
        page = alone.request("GET", f"{PATH}?limit=3{after}").json
        assert len(page["sightings"]) == size
        found += [sighting["sightingId"] for sighting in page["sightings"]]
        after = f"&after={page['next']}"
    assert page["next"] is None
    assert found == made[::-1]
    assert listed(alone, f"?after={made[0]}") == []


def test_of_one_person(alone: Served) -> None:
    ann, bob, eve = person(alone), person(alone, "Bob"), person(alone, "Eve")
    mine = [seen(alone, NOON + number, person=ann).id for number in range(3)]
    other = seen(alone, NOON + 9, person=bob)
    seen(alone, NOON + 5)
    assert listed(alone, f"?personId={ann.id}") == mine[::-1]
    assert listed(alone, f"?personId={ann.id}&limit=1&after={mine[2]}") == [mine[1]]
    assert listed(alone, f"?personId={eve.id}") == []
    with alone.store.writing():
        alone.store.merge(ann, bob)
    for person_id in (ann.id, bob.id):  # the old id goes on answering
        assert listed(alone, f"?personId={person_id}") == [other.id, *mine[::-1]]
    with alone.store.writing():
        alone.store.erase(ann)
    reply = alone.request("GET", f"{PATH}?personId={ann.id}")
    assert (reply.status, reply.code) == (404, "unknown_person_id")
    assert not {other.id, *mine} & set(listed(alone))


def test_of_a_time(alone: Served) -> None:
    first, second, third = (seen(alone, NOON + start, 10).id for start in (0, 20, 40))
    assert listed(alone, "?from=2023-11-14T22:13:45Z") == [third, second]  # the second one lasted until :50
    assert listed(alone, "?to=2023-11-14T22:13:41Z") == [second, first]
    assert listed(alone, "?from=2023-11-14T22:13:35Z&to=2023-11-14T22:13:55Z") == [second]
    assert listed(alone, "?from=2023-11-14T22:14:30Z") == []
    assert listed(alone, "?from=2023-11-14T22:14:30Z&to=2023-11-14T22:00:00Z") == []


@pytest.mark.parametrize(
    "text",
    [
        "2023-11-14T22:13:20.000Z",
        "2023-11-14T22:13:20Z",
        "2023-11-14t22:13:20z",
        "2023-11-14T22:13:20%2B00:00",
        "2023-11-14T23:13:20%2B01:00",
        "2023-11-14T23:13:20+01:00",  # a plus that nobody encoded arrives as a space
        "2023-11-14T21:13:20-0100",
        "2023-11-15T03:43:20.0000%2B05:30",
        "2023-11-14T22:14%2B00:00",
    ],
)
def test_ways_to_write_a_time(alone: Served, text: str) -> None:
    now, later = seen(alone, NOON - 10, 10), seen(alone, NOON + 60)
    assert later.id in listed(alone, f"?from={text}")
    assert (now.id in listed(alone, f"?from={text}")) == (":14%2B" not in text)


@pytest.mark.parametrize("name", ["from", "to"])
@pytest.mark.parametrize(
    "text",
    [
        "yesterday",
        "1700000000",
        "2023-11-14",
        "2023-11-14T22:13:20",
        "2023-11-14T22:13:20%20UTC",
        "2023-02-30T00:00:00Z",
        "2023-11-14T25:13:20Z",
        "2023-11-14T22:13:20%2B25:00",
        "0000-11-14T22:13:20Z",
        "%D9%A2023-11-14T22:13:20Z",
        "2023-11-14T22:13:20Z%0A",
        "9" * 5000,
    ],
)
def test_what_is_no_time(alone: Served, name: str, text: str) -> None:
    reply = alone.request("GET", f"{PATH}?{name}={text}")
    assert (reply.status, reply.code) == (400, "invalid_json")
    assert reply.json["error"]["message"].startswith(f"{name} is not a time")


@pytest.mark.parametrize("text", ["0001-01-01T00:00:00%2B14:00", "9999-12-31T23:59:59-14:00"])
def test_times_at_the_ends_of_the_calendar(alone: Served, text: str) -> None:
    assert alone.request("GET", f"{PATH}?from={text}&to={text}").status == 200


def test_what_else_is_refused(alone: Served) -> None:
    for query, refusal in (
        ("?limit=0", (400, "invalid_json")),
        ("?limit=1001", (400, "invalid_json")),
        (f"?personId={uuid.uuid4()}", (404, "unknown_person_id")),
        (f"?after={uuid.uuid4()}", (404, "not_found")),
    ):
        reply = alone.request("GET", PATH + query)
        assert (reply.status, reply.code) == refusal


# -- the crop, and erasing ------------------------------------------------------------------------


def test_the_crop(alone: Served) -> None:
    with_crop, without = seen(alone, crop=CROP), seen(alone)
    reply = alone.request("GET", f"{PATH}/{with_crop.id}/crop")
    assert (reply.status, reply.body) == (200, CROP)
    assert reply.headers["content-type"] == "image/jpeg"
    assert reply.headers["cache-control"] == "no-store"
    for sighting_id, words in ((without.id, "no picture"), (str(uuid.uuid4()), "no sighting has the id")):
        reply = alone.request("GET", f"{PATH}/{sighting_id}/crop")
        assert (reply.status, reply.code) == (404, "not_found")
        assert words in reply.json["error"]["message"]


def test_erasing_one(alone: Served) -> None:
    sighting, other = seen(alone, crop=CROP), seen(alone, crop=CROP)
    reply = alone.request("DELETE", f"{PATH}/{sighting.id}").json
    assert (reply["sightingId"], reply["erased"]) == (sighting.id, True)
    assert "backups" in reply["remains"]
    assert listed(alone) == [other.id]
    for method, rest in (("DELETE", ""), ("GET", "/crop")):
        gone = alone.request(method, f"{PATH}/{sighting.id}{rest}")
        assert (gone.status, gone.code) == (404, "not_found")


@pytest.mark.parametrize(
    ("method", "path"), [("GET", PATH), ("GET", f"{PATH}/x/crop"), ("DELETE", f"{PATH}/x")]
)
def test_who_may(alone: Served, method: str, path: str) -> None:
    assert alone.request(method, path, token=None).code == "missing_token"
    others = alone.add_token(f"others {method} {path}", ("recognise", "train"), quota=5)
    reply = alone.request(method, path, token=others)
    assert (reply.status, reply.code) == (403, "insufficient_scope")
    admin = alone.add_token(f"admin {method} {path}", ("admin",), quota=5)
    assert alone.request(method, path, token=admin).headers["ratelimit-remaining"] == "5"
    assert alone.request("PUT", path).status == 405


# -- health and metrics ---------------------------------------------------------------------------


@pytest.mark.parametrize("state", CAMERA)
def test_health_tells_of_the_camera_and_goes_on(
    alone: Served, monkeypatch: pytest.MonkeyPatch, state: str
) -> None:
    monkeypatch.setattr(alone, "camera", state)
    reply = alone.request("GET", "/health", token=None)
    assert (reply.status, reply.json["camera"], reply.json["status"]) == (200, state, "ok")


def test_health_tells_of_a_full_disk(tmp_path: Path, certificates: Certificates) -> None:
    with serving(tmp_path / "low", certificates, disk_floor_mib=1_048_576) as served:
        assert served.request("GET", "/health", token=None).json["disk"] == "low"
    with serving(tmp_path / "ok", certificates, disk_floor_mib=0) as served:
        assert served.request("GET", "/health", token=None).json["disk"] == "ok"


def test_the_figures_of_the_camera(alone: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(alone.gauges, "camera_frames_per_second", 9.5)
    lines = alone.request("GET", "/metrics").body.decode().splitlines()
    assert "api_face_camera_frames_per_second 9.5" in lines
    assert "api_face_event_streams 0" in lines
