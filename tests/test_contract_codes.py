"""The closed list of error codes: each one provoked over HTTPS, as a client would."""

from __future__ import annotations

import contextlib
import http.client
import json
import resource
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.photographs import astronaut, biden, nobody, obama, two_people
from tests.pictures import claiming, cut_out, jpeg
from tests.service import Answer, Client, Service, key_of, served

NOBODY_ID = "870752da-c4df-417e-994d-19225e46db0a"

CLOSED_LIST = {
    400: {"invalid_json", "missing_key", "invalid_base64"},
    401: {"missing_token", "not_bearer", "invalid_token"},
    403: {"insufficient_scope"},
    404: {"not_found", "unknown_person_id"},
    405: {"method_not_allowed"},
    409: {"name_conflict"},
    413: {"body_too_large", "image_too_large"},
    415: {"unsupported_image"},
    422: {
        "bad_image",
        "wrong_size",
        "no_face",
        "multiple_faces",
        "face_too_small",
        "face_mismatch",
        "ambiguous_person",
        "unknown_person",
    },
    429: {"quota_exceeded"},
    500: {"internal"},
    503: {"overloaded", "not_ready"},
}
"""Word for word from the contract."""


def raw(client: Client, body: bytes, path: str = "/v1.0/detect") -> Answer:
    return client.request("POST", path, body)


def without_scope(service: Service, client: Client) -> Answer:
    del client
    return service.with_scopes("codes-recognise", "recognise").train(jpeg(obama(), 300))


def beyond_quota(service: Service, client: Client) -> Answer:
    del client
    once = service.with_scopes("codes-once", "recognise", quota=1)
    once.detect(jpeg(nobody(), 100)).ok()
    return once.detect(jpeg(nobody(), 100))


def stranger_without_train(service: Service, client: Client) -> Answer:
    face = client.detect(astronaut().read_bytes()).ok()["faces"][0]
    stranger = cut_out(astronaut(), face, square=True)
    return service.with_scopes("codes-looks-only", "recognise").index(stranger)


def another_name(service: Service, client: Client) -> Answer:
    del service
    client.train(jpeg(obama(), 300), name="Barack").ok()
    return client.train(jpeg(obama(), 300), name="Joe")


def somebody_else(service: Service, client: Client) -> Answer:
    del service
    person = client.train(jpeg(obama(), 500)).ok()["personId"]
    return client.train(jpeg(biden(), 800), person_id=person)


def twins(service: Service, client: Client) -> Answer:
    del service
    ids = {client.train(jpeg(obama(), 300), person_id="new").ok()["personId"] for _ in range(2)}
    answer = client.train(jpeg(obama(), 300))
    assert set(answer.error["personIds"]) == ids
    return answer


def enormous(service: Service, client: Client) -> Answer:
    """Progressive: all coefficients of a picture of that size would have to be in memory at once."""
    del service
    return client.detect(claiming(jpeg(nobody(), 300, progressive=True), 12_000, 9_000))


PROVOKED: dict[str, Callable[[Service, Client], Answer]] = {
    "invalid_json": lambda _, client: raw(client, b"[" * 5000),
    "missing_key": lambda _, client: raw(client, b'{"kye": "x"}'),
    "invalid_base64": lambda _, client: raw(client, b'{"key": "data:image/jpeg;base64,/9j/4AAQ!"}'),
    "missing_token": lambda service, _: service.client.detect(jpeg(obama(), 300)),
    "not_bearer": lambda service, _: service.client.request(
        "POST", "/v1.0/detect", b"{}", {"Authorization": "Basic dXNlcjpwYXNz"}
    ),
    "invalid_token": lambda service, _: service.client.with_token("afe_no-such-token").detect(b""),
    "insufficient_scope": without_scope,
    "not_found": lambda _, client: client.get("/v1.0/nowhere"),
    "unknown_person_id": lambda _, client: client.train(jpeg(obama(), 300), person_id=NOBODY_ID),
    "method_not_allowed": lambda _, client: client.get("/v1.0/detect"),
    "name_conflict": another_name,
    "body_too_large": lambda _, client: client.train(b"\xff\xd8\xff" + bytes(760_000)),
    "image_too_large": enormous,
    "unsupported_image": lambda _, client: raw(client, b'{"key": "data:image/gif;base64,R0lGODdhAQABAA=="}'),
    "bad_image": lambda _, client: client.detect(jpeg(obama(), 300)[:400]),
    "wrong_size": lambda _, client: client.index(jpeg(obama(), 300)),
    "no_face": lambda _, client: client.train(jpeg(nobody(), 300)),
    "multiple_faces": lambda _, client: client.train(two_people().read_bytes()),
    "face_too_small": lambda _, client: client.train(jpeg(obama(), 120)),
    "face_mismatch": somebody_else,
    "ambiguous_person": twins,
    "unknown_person": stranger_without_train,
    "quota_exceeded": beyond_quota,
}
"""What one server with the settings as they come can be made to say; the three others stand below."""

IN_STATES_OF_THEIR_OWN = {"internal", "overloaded", "not_ready"}


def test_each_code_of_the_closed_list_is_provoked() -> None:
    listed = set().union(*CLOSED_LIST.values())
    assert set(PROVOKED) | IN_STATES_OF_THEIR_OWN == listed
    assert not set(PROVOKED) & IN_STATES_OF_THEIR_OWN


@pytest.mark.parametrize("code", PROVOKED)
def test_code(service: Service, client: Client, code: str) -> None:
    answer = PROVOKED[code](service, client)
    status, found = answer.refusal
    assert found == code, answer.body
    assert code in CLOSED_LIST[status]
    assert answer.headers["Content-Type"].startswith("application/json")
    assert (answer.headers["WWW-Authenticate"] == "Bearer") == (status == 401)


def test_the_openapi_document_has_the_closed_list(service: Service) -> None:
    document = service.client.get("/v1.0/openapi.json").body.decode()
    for codes in CLOSED_LIST.values():
        for code in codes:
            assert f'"{code}"' in document, code


@pytest.mark.parametrize(
    ("call", "measured"),
    [
        (lambda client: client.train(two_people().read_bytes()), "2 faces found; train takes exactly 1"),
        (lambda client: client.index(jpeg(obama(), 300)), "240x300 px"),
        (lambda client: client.train(jpeg(obama(), 120)), "px; at least 32 px"),
        (lambda client: client.train(b"\xff\xd8\xff" + bytes(750_000)), "1000004 characters"),
    ],
)
def test_messages_give_the_measured_values(
    client: Client, call: Callable[[Client], Answer], measured: str
) -> None:
    assert measured in call(client).error["message"]


@contextlib.contextmanager
def half_sent(client: Client, picture: bytes) -> Iterator[http.client.HTTPSConnection]:
    """A request in hand: its head and half its body have come; the block's end sends no more."""
    body = json.dumps({"key": key_of(picture)}).encode()
    with contextlib.closing(client.connection()) as connection:
        connection.putrequest("POST", "/v1.0/detect")
        connection.putheader("Authorization", f"Bearer {client.token}")
        connection.putheader("Content-Length", str(len(body)))
        connection.endheaders(body[: len(body) // 2])
        time.sleep(0.3)
        yield connection
        connection.send(body[len(body) // 2 :])
        answer = connection.getresponse()
        assert answer.status == 200
        assert json.loads(answer.read())["faces"]


def test_overloaded_at_once_and_not_counted(tmp_path: Path) -> None:
    with served(tmp_path / "state", max_requests=1) as service:
        client = service.with_scopes("client", "recognise", quota=10)
        with half_sent(client, jpeg(obama(), 300)):
            started = time.monotonic()
            answer = client.detect(jpeg(obama(), 300))
            assert answer.refusal == (503, "overloaded")
            assert int(answer.headers["Retry-After"]) >= 1
            assert answer.headers["RateLimit-Limit"] == "10"
            assert time.monotonic() - started < 5
        assert client.get("/v1.0/usage").ok()["used"] == 1


def test_not_ready_while_stopping_and_requests_under_way_finish(tmp_path: Path) -> None:
    with served(tmp_path / "state") as service:
        client = service.with_scopes("client", "recognise")
        with contextlib.closing(client.connection()) as other:
            assert client.exchange(other, "GET", "/health").status == 200
            with half_sent(client, jpeg(obama(), 300)):
                service.process.send_signal(signal.SIGTERM)
                time.sleep(0.5)
                answer = client.exchange(other, "GET", "/health")
                assert answer.refusal == (503, "not_ready")
                assert int(answer.headers["Retry-After"]) >= 1
        assert service.process.wait(30) == 0


def test_internal_when_the_disk_takes_nothing_and_nothing_acknowledged_is_lost(tmp_path: Path) -> None:
    with served(tmp_path / "state") as service:
        client = service.with_scopes("client", "recognise", "train", "admin")
        kept = client.train(jpeg(obama(), 300), name="Barack").ok()["personId"]
        pid = service.process.pid
        before = resource.prlimit(pid, resource.RLIMIT_FSIZE)
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (4096, before[1]))
        answer = client.train(jpeg(biden(), 500), name="Joe")
        assert answer.refusal == (500, "internal")
        assert "sqlite" not in answer.body.decode().lower()
        assert answer.headers["X-Request-Id"] in answer.error["message"]
        assert client.get("/v1.0/people").ok()["people"][0]["personId"] == kept
        resource.prlimit(pid, resource.RLIMIT_FSIZE, before)
        joe = client.train(jpeg(biden(), 500), name="Joe").ok()["personId"]
        assert {person["personId"] for person in client.people()} == {kept, joe}
        service.kill()
    with served(tmp_path / "state") as service:
        again = service.with_scopes("again", "recognise", "admin")
        assert {person["personId"] for person in again.people()} == {kept, joe}
        assert again.identify(jpeg(obama(), 300)).ok()["faces"][0]["personId"] == kept
