"""The wire form of every operation, through real TLS, with a recogniser that knows its part."""

from __future__ import annotations

import base64
import hashlib
import ssl
import threading
import uuid
from collections.abc import Iterator

import pytest

from edge.errors import ModelError, StoreError
from edge.notices import Notice
from edge.server import health
from tests.serving import BODY, PERSON, Recognizing, Served

NAMED = {"metadata": {"name": "Joey Elliott"}, "personId": PERSON.id}
FACE = {"confidence": 99, "height": 50, "left": 1, "top": 3, "width": 100}


@pytest.fixture(autouse=True)
def recognizing(alone: Served) -> Iterator[Recognizing]:
    """The double as new."""
    alone.recognizing.__init__()  # type: ignore[misc]
    yield alone.recognizing


def test_detect(alone: Served, recognizing: Recognizing) -> None:
    assert alone.request("POST", "/v1.0/detect", BODY).json == {"faces": [FACE]}
    assert recognizing.pictures == [base64.b64decode("/9j/4AAQ")]


def test_identify(alone: Served) -> None:
    faces = alone.request("POST", "/v1.0/identify", BODY).json["faces"]
    assert faces[0] == {**FACE, **NAMED, "similarity": 91.2, "verdict": "match"}
    unknown = {"personId": None, "metadata": {"name": "unknown"}, "similarity": None, "verdict": "unknown"}
    assert faces[1] == {**FACE, **unknown}


def test_train_hands_over_who_it_is(alone: Served, recognizing: Recognizing) -> None:
    body = {"key": "QUJD", "metadata": {"name": " Joey "}, "personId": PERSON.id, "surplus": [1]}
    assert alone.post("/v1.0/train", body).json == NAMED
    assert recognizing.asked == [("train", "Joey", PERSON.id)]


def test_the_word_unknown_is_no_name(alone: Served, recognizing: Recognizing) -> None:
    alone.post("/v1.0/train", {"key": "QUJD", "metadata": {"name": "unknown"}, "personId": "new"})
    assert recognizing.asked == [("train", None, "new")]


def test_warnings_stand_in_the_answer(alone: Served, recognizing: Recognizing) -> None:
    recognizing.warnings = (Notice("small_face", "the face is 54x40 px"),)
    warnings = [{"code": "small_face", "message": "the face is 54x40 px"}]
    assert alone.request("POST", "/v1.0/train", BODY).json == {**NAMED, "warnings": warnings}


@pytest.mark.parametrize(
    ("scopes", "may"), [(("recognise",), False), (("train",), True), (("train", "recognise"), True)]
)
def test_index_enrols_with_the_train_scope(
    alone: Served, recognizing: Recognizing, scopes: tuple[str, ...], may: bool
) -> None:
    token = alone.add_token(f"index-{'-'.join(scopes)}", scopes)
    assert alone.request("POST", "/v1.0/index", BODY, token).json == NAMED
    assert recognizing.asked == [("index", may)]


@pytest.mark.parametrize(
    "name", [7, "", "  ", "x" * 101, "a\x00b", "line\nbreak", "\ud800"], ids=lambda name: repr(name)[:12]
)
def test_a_bad_name_is_refused_before_the_picture(alone: Served, name: object) -> None:
    reply = alone.post("/v1.0/train", {"key": "!", "metadata": {"name": name}})
    assert (reply.status, reply.code) == (400, "invalid_json")
    assert "metadata.name" in reply.json["error"]["message"]


@pytest.mark.parametrize(
    "fields", [{"metadata": "Joey"}, {"personId": 7}, {"personId": ""}, {"personId": "é"}]
)
def test_other_fields_of_the_wrong_kind(alone: Served, fields: dict[str, object]) -> None:
    reply = alone.post("/v1.0/train", {"key": "QUJD", **fields})
    assert (reply.status, reply.code) == (400, "invalid_json")


def test_people(alone: Served) -> None:
    with alone.store.writing():
        ann, bob = alone.store.create_person("Ann"), alone.store.create_person(None, "index")
    listed = alone.request("GET", "/v1.0/people").json
    assert {person["personId"] for person in listed["people"]} >= {ann.id, bob.id}
    found = alone.request("GET", f"/v1.0/people/{bob.id}").json
    assert (found["metadata"]["name"], found["enrolledBy"]) == ("unknown", "index")
    renamed = alone.request("PATCH", f"/v1.0/people/{bob.id}", b'{"metadata": {"name": "Bob"}}').json
    assert renamed["metadata"]["name"] == "Bob"
    path = f"/v1.0/people/{ann.id}/merge"
    for _ in range(2):  # a client that saw no answer tries again
        assert alone.post(path, {"personId": bob.id}).json["personId"] == ann.id
    assert alone.request("GET", f"/v1.0/people/{bob.id}").json["personId"] == ann.id
    erased = alone.request("DELETE", f"/v1.0/people/{bob.id}").json
    assert (erased["personId"], erased["erased"]) == (ann.id, True)
    for method, rest, body in [
        ("GET", "", None),
        ("DELETE", "", None),
        ("PATCH", "", b'{"metadata": {"name": "x"}}'),
        ("POST", "/merge", b'{"personId": "x"}'),
    ]:
        reply = alone.request(method, f"/v1.0/people/{ann.id}{rest}", body)
        assert (reply.status, reply.code) == (404, "unknown_person_id")


def test_people_page_by_page(alone: Served) -> None:
    with alone.store.writing():
        made = {alone.store.create_person(None).id for _ in range(5)}
    seen: list[str] = []
    after: str | None = ""
    while after is not None:
        page = alone.request("GET", f"/v1.0/people?limit=2&after={after}").json
        assert len(page["people"]) <= 2
        seen += [person["personId"] for person in page["people"]]
        after = page["next"]
    assert made <= set(seen)
    assert len(seen) == len(set(seen))


@pytest.mark.parametrize("limit", ["0", "1001", "x", "-1", "", "9" * 5000])
def test_a_bad_limit(alone: Served, limit: str) -> None:
    reply = alone.request("GET", f"/v1.0/people?limit={limit}&after=")
    assert reply.status == (200 if limit == "" else 400)


@pytest.mark.parametrize("body", [b"{}", b'{"metadata": {}}', b'{"metadata": {"name": null}}'])
def test_patch_needs_a_name(alone: Served, body: bytes) -> None:
    reply = alone.request("PATCH", f"/v1.0/people/{uuid.uuid4()}", body)
    assert (reply.status, reply.code) == (400, "invalid_json")


def test_merge_needs_the_other_one(alone: Served) -> None:
    reply = alone.request("POST", f"/v1.0/people/{uuid.uuid4()}/merge", b"{}")
    assert (reply.status, reply.code) == (400, "invalid_json")


def test_health_tells_nothing_private(alone: Served, recognizing: Recognizing) -> None:
    well = dict.fromkeys(("status", "models", "store", "disk", "clock", "gallery"), "ok") | {"camera": "none"}
    assert alone.request("GET", "/health", token=None).json == well
    recognizing.people = 99_000
    assert alone.request("GET", "/health", token=None).json == {**well, "gallery": "tight"}


def test_health_is_answered_while_the_store_makes_one_wait(
    alone: Served, recognizing: Recognizing, monkeypatch: pytest.MonkeyPatch
) -> None:
    looking, go_on = threading.Event(), threading.Event()

    def refresh() -> int:
        looking.set()
        assert go_on.wait(30)
        return 0

    monkeypatch.setattr(recognizing, "refresh", refresh)
    first = threading.Thread(target=alone.request, args=("GET", "/health"))
    first.start()
    assert looking.wait(20)
    try:
        for _ in range(40):  # more than there are threads
            assert alone.request("GET", "/health", token=None).status == 200
        monkeypatch.setattr(health, "PATIENCE_S", 0.0)
        assert alone.request("GET", "/health", token=None).code == "not_ready"
    finally:
        go_on.set()
        first.join(20)
    assert alone.request("GET", "/health", token=None).status == 200


def test_health_without_a_store(alone: Served, recognizing: Recognizing) -> None:
    recognizing.failure = StoreError("/secret/path: the disk reports an I/O error")
    reply = alone.request("GET", "/health", token=None)
    assert (reply.status, reply.code) == (503, "not_ready")
    assert b"secret" not in reply.body


def test_health_without_a_model(
    alone: Served, recognizing: Recognizing, caplog: pytest.LogCaptureFixture
) -> None:
    recognizing.failure = ModelError("model file /secret/path: No such file or directory")
    for _ in range(2):
        reply = alone.request("GET", "/health", token=None)
        assert (reply.status, reply.code) == (503, "not_ready")
        assert b"models" in reply.body
        assert b"secret" not in reply.body
        assert b"store" not in reply.body
    assert sum("/secret/path" in record.getMessage() for record in caplog.records) == 1
    recognizing.failure = None
    assert alone.request("GET", "/health", token=None).status == 200


def test_metrics(alone: Served) -> None:
    alone.request("POST", "/v1.0/detect", BODY)
    reply = alone.request("GET", "/metrics")
    assert reply.headers["content-type"].startswith("text/plain; version=0.0.4")
    assert b'api_face_requests_total{operation="detect",status="200"}' in reply.body
    assert b"api_face_requests_in_hand 1\n" in reply.body


def test_the_ca_certificate_is_the_one_that_is_trusted(alone: Served) -> None:
    reply = alone.request("GET", "/ca.crt", token=None)
    der = ssl.PEM_cert_to_DER_cert(reply.body.decode())
    trusted = alone.trust.get_ca_certs(binary_form=True)
    assert [hashlib.sha256(der).digest()] == [hashlib.sha256(ca).digest() for ca in trusted]


def test_head_is_get_without_a_body(alone: Served) -> None:
    reply = alone.request("HEAD", "/health", token=None)
    assert (reply.status, reply.body) == (200, b"")
    assert int(reply.headers["content-length"]) > 0


def test_every_answer_has_its_own_request_id(alone: Served) -> None:
    ids = {
        alone.request("GET", path, token=None).headers["x-request-id"]
        for path in ("/health", "/", "/metrics")
    }
    assert len(ids) == 3
