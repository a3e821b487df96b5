"""A property-based run against the OpenAPI document: generated requests, real photographs among them.

Whatever is sent, the answer is one that the document describes, and never the device's own fault.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis.checks import CHECKS, load_all_checks
from schemathesis.core.result import Ok
from schemathesis.generation import GenerationMode

from edge.server.openapi import document
from edge.settings import Settings
from edge.store import open_store
from tests.photographs import astronaut, biden, nobody, obama, two_people
from tests.pictures import cut_out, jpeg
from tests.service import Client, Service, key_of

EXAMPLES = {GenerationMode.POSITIVE: 16, GenerationMode.NEGATIVE: 10}
"""Requests per operation: sensible ones, and ones with some part that the document forbids."""

CROPS = {"index"}
PHOTOGRAPHS = {"detect", "train", "identify"}
NOTHING_TO_VARY = {"getOpenApi", "getHealth", "getCa"}
ENDLESS = {"getEvents"}
"""A client that waits for the end of the answer waits for ever; tests/test_server_events.py listens to it."""

CHECKED = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
)

load_all_checks()


@dataclass(frozen=True)
class Reality:
    """What exists: photographs with one face, two and none, cut-out faces, people, and the way there."""

    photographs: list[str]
    crops: list[str]
    people: list[str]
    sightings: list[str]
    url: str
    session: requests.Session

    def keys(self, name: str) -> list[str]:
        """What that operation takes for a picture."""
        return self.crops if name in CROPS else self.photographs if name in PHOTOGRAPHS else []


@pytest.fixture(scope="module")
def crops(everything: Client) -> list[str]:
    """Three faces, 64 x 64."""
    faces = [
        (path, everything.detect(jpeg(path)).ok()["faces"][0]) for path in (obama(), biden(), astronaut())
    ]
    return [key_of(cut_out(path, face, square=True)) for path, face in faces]


@pytest.fixture
def reality(service: Service, everything: Client, crops: list[str]) -> Iterator[Reality]:
    """The same three people for each test, however the one before left them."""
    portraits = [jpeg(path, 300) for path in (obama(), biden(), astronaut())]
    people = [person["personId"] for person in everything.people()]
    if len(people) != len(portraits):
        everything.erase_everybody()
        people = [everything.train(portrait).ok()["personId"] for portrait in portraits]
    photographs = [key_of(picture) for picture in (*portraits, jpeg(nobody(), 100), jpeg(two_people(), 300))]
    sightings = seen_sightings(service, everything)
    with requests.Session() as session:
        session.verify = str(service.state / "tls" / "ca.crt")
        session.headers["Authorization"] = f"Bearer {everything.token}"
        yield Reality(photographs, crops, people, sightings, service.url, session)


def seen_sightings(service: Service, everything: Client) -> list[str]:
    """Three sightings with a crop, made beside the running server as the camera loop would."""
    found = [sighting["sightingId"] for sighting in everything.get("/v1.0/sightings").ok()["sightings"]]
    with open_store(service.state) as store:
        while len(found) < 3:
            sighting = store.begin_sighting("camera", 1_700_000_000.0 + len(found))
            store.keep_sighting_crop(sighting.row, jpeg(obama(), 100))
            found.append(sighting.id)
    return found


@pytest.fixture(scope="module")
def seen() -> Iterator[dict[str, Counter[int]]]:
    """How often each operation answered with each status; told at the end."""
    statuses: dict[str, Counter[int]] = defaultdict(Counter)
    yield statuses
    print("\n2xx of all answers, by operation:")
    for name, counts in statuses.items():
        good = sum(count for status, count in counts.items() if status < 300)
        print(f"  {name:14} {good:4} of {counts.total():4}  {dict(sorted(counts.items()))}")


def operations() -> dict[str, Any]:
    """The operations of the document, by their ids."""
    schema = schemathesis.openapi.from_dict(document(Settings()))
    found = {}
    for result in schema.get_all_operations():
        assert isinstance(result, Ok), result
        operation = result.ok()
        found[operation.definition.raw["operationId"]] = operation
    return found


OPERATIONS = operations()
RUNS = [
    (name, mode)
    for name in OPERATIONS
    if name not in ENDLESS
    for mode in GenerationMode
    if mode is GenerationMode.POSITIVE or name not in NOTHING_TO_VARY
]


def requests_for(name: str, mode: GenerationMode, reality: Reality) -> st.SearchStrategy[Any]:
    """Generated requests; in half of them what must exist in reality does: a photograph, a person."""
    keys = reality.keys(name)

    def realistic(parts: tuple[Any, int]) -> Any:
        case, number = parts
        person = reality.people[number % len(reality.people)]
        sighting = reality.sightings[number % len(reality.sightings)]
        if isinstance(case.body, dict):
            if keys:
                case.body = {**case.body, "key": keys[number % len(keys)]}
            if "personId" in case.body:
                case.body = {**case.body, "personId": person}
        real = {"person_id": person, "personId": person, "sighting_id": sighting, "after": sighting}
        for part in ("path_parameters", "query"):
            values = getattr(case, part)
            if values and name != "listPeople":  # whose `after` is a person
                setattr(case, part, {key: real.get(key, value) for key, value in values.items()})
        return case

    generated = OPERATIONS[name].as_strategy(generation_mode=mode)
    return st.one_of(st.tuples(generated, st.integers(0, 99)).map(realistic), generated)


@pytest.mark.parametrize(("name", "mode"), RUNS, ids=lambda value: getattr(value, "value", value))
def test_every_answer_is_one_that_the_document_describes(
    reality: Reality, seen: dict[str, Counter[int]], name: str, mode: GenerationMode
) -> None:
    checks = CHECKS.get_by_names(CHECKED)

    @settings(
        max_examples=2 if name in NOTHING_TO_VARY else EXAMPLES[mode],
        deadline=None,
        database=None,
        derandomize=True,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=requests_for(name, mode, reality))
    def run(case: Any) -> None:
        answer = case.call(base_url=reality.url, session=reality.session, verify=reality.session.verify)
        seen[name][answer.status_code] += 1
        case.validate_response(answer, checks=checks)

    run()
    if mode is GenerationMode.POSITIVE:
        assert any(status < 300 for status in seen[name]), seen[name]


def test_the_document_is_the_one_that_is_served(service: Service) -> None:
    assert service.client.get("/v1.0/openapi.json").ok() == json.loads(json.dumps(document(Settings())))
