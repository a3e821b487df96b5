"""Who is refused, with what, in which order, and what it costs the token."""

from __future__ import annotations

import itertools
import json
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from edge import errors
from edge.server.contract import STATUS, codes, status_of
from edge.server.tls import Certificates
from tests.serving import BODY, Recognizing, Reply, Served, serving

CLOSED_LIST = """400 invalid_json missing_key invalid_base64 - 401 missing_token not_bearer invalid_token -
403 insufficient_scope - 404 not_found unknown_person_id - 405 method_not_allowed - 409 name_conflict -
413 body_too_large image_too_large - 415 unsupported_image - 422 bad_image wrong_size no_face multiple_faces
face_too_small face_mismatch ambiguous_person unknown_person - 429 quota_exceeded - 500 internal -
503 overloaded not_ready"""


@pytest.fixture(autouse=True)
def recognizing(alone: Served) -> Iterator[Recognizing]:
    """The double as new."""
    alone.recognizing.__init__()  # type: ignore[misc]
    yield alone.recognizing


def test_the_closed_list() -> None:
    groups = (group.split() for group in CLOSED_LIST.split(" -"))
    assert codes() == {int(status): names for status, *names in groups}


FAILURES = [
    errors.BadImage("broken"),
    errors.WrongSize("65x64"),
    errors.NoFace("none"),
    errors.MultipleFaces("3 faces found"),
    errors.FaceTooSmall("20x20"),
    errors.FaceMismatch("another"),
    errors.AmbiguousPerson("two", personIds=["a", "b"]),
    errors.UnknownPerson("stranger"),
    errors.UnknownPersonId("gone"),
    errors.NameConflict("other name"),
    errors.ImageTooLarge("200 MiB"),
    errors.UnsupportedImage("neither"),
    errors.Overloaded("no engine came free", retry_s=3),
    errors.StoreError("/var/lib/api-face/people.sqlite: the disk is full"),
    errors.ModelError("a model is damaged"),
    ZeroDivisionError("a bug"),
    MemoryError(),
]


@pytest.mark.parametrize("failure", FAILURES, ids=lambda failure: type(failure).__name__)
def test_each_failure_below_becomes_its_answer(
    alone: Served, recognizing: Recognizing, failure: Exception
) -> None:
    recognizing.failure = failure
    reply = alone.request("POST", "/v1.0/train", BODY)
    if isinstance(failure, MemoryError):
        expected = (503, "overloaded")
    elif isinstance(failure, errors.EdgeError):
        expected = (status_of(type(failure)), failure.code)
    else:
        expected = (500, "internal")
    assert (reply.status, reply.code) == expected
    message = reply.json["error"]["message"]
    if reply.status == 500:  # what happened stands in the log, under the id that the answer names
        assert str(failure) not in message
        assert reply.headers["x-request-id"] in message
    if isinstance(failure, errors.AmbiguousPerson):
        assert reply.json["error"]["personIds"] == ["a", "b"]
    if isinstance(failure, errors.ModelError):
        assert str(failure) not in message, "it names files"
    if reply.status == 503:
        assert int(reply.headers["retry-after"]) >= 1


def test_every_error_has_a_status() -> None:
    assert all(status_of(kind) for kind in STATUS)
    assert status_of(errors.PictureError) == 422


# -- order ----------------------------------------------------------------------------------------


def _order() -> dict[str, Callable[[dict[str, object]], None]]:
    """What to do to a good request so that it deserves each refusal, in the contract's order."""

    def change(**values: object) -> Callable[[dict[str, object]], None]:
        return lambda request: request.update(values)

    def field(**values: object) -> Callable[[dict[str, object]], None]:
        def put(request: dict[str, object]) -> None:
            if isinstance(request["body"], dict):
                request["body"].update(values)

        return put

    return {
        "not_found": change(path="/v1.0/nowhere"),
        "missing_token": change(token=None),
        "insufficient_scope": change(token="admin"),
        "quota_exceeded": change(token="poor"),
        "body_too_large": change(padding=2_000_001),
        "invalid_json": field(metadata=7),
        "missing_key": field(key=""),
        "invalid_base64": field(key="data:image/jpeg;base64,!"),
        "unsupported_image": field(key="data:image/gif;base64,QUJD"),
    }


def _send(alone: Served, faults: list[Callable[[dict[str, object]], None]], tokens: dict[str, str]) -> Reply:
    request: dict[str, object] = {
        "path": "/v1.0/train",
        "token": "good",
        "padding": 0,
        "body": {"key": "QUJD"},
    }
    for fault in reversed(faults):  # so that of two faults in one place the earlier one stays
        fault(request)
    body = json.dumps(request["body"]).encode() + b" " * int(str(request["padding"]))
    token = None if request["token"] is None else tokens[str(request["token"])]
    return alone.request("POST", str(request["path"]), body, token)


def test_the_earlier_refusal_wins(alone: Served) -> None:
    order = _order()
    tokens = {
        "good": alone.token,
        "admin": alone.add_token("order-admin", ("admin",), quota=0),
        "poor": alone.add_token("order-poor", ("train",), quota=0),
    }
    assert _send(alone, [], tokens).status == 200
    for code, fault in order.items():
        assert _send(alone, [fault], tokens).code == code
    for first, second in itertools.combinations(order, 2):
        reply = _send(alone, [order[first], order[second]], tokens)
        assert reply.code == first, (first, second)


def test_wrong_base64_is_told_before_the_length_and_the_length_before_the_type(alone: Served) -> None:
    long = "A" * 1_000_004
    assert alone.post("/v1.0/train", {"key": long + "!"}).code == "invalid_base64"
    assert alone.post("/v1.0/train", {"key": f"data:image/gif;base64,{long}"}).code == "body_too_large"


def test_wrong_method_comes_before_the_token(alone: Served) -> None:
    reply = alone.request("GET", "/v1.0/detect", token=None)
    assert (reply.status, reply.code) == (405, "method_not_allowed")
    assert "POST" in reply.headers["allow"]


# -- tokens and quotas ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("header", "code"),
    [
        (None, "missing_token"),
        ("", "missing_token"),
        ("Bearer", "missing_token"),
        ("Basic QWxhZGRpbg==", "not_bearer"),
        ("afe_something", "not_bearer"),
        ("Bearer afe_something", "invalid_token"),
        ("Bearer two words", "invalid_token"),
        ("Bearer \xe9", "invalid_token"),
    ],
)
def test_tokens_that_do_not_let_in(alone: Served, header: str | None, code: str) -> None:
    headers = {} if header is None else {"Authorization": header}
    reply = alone.request("POST", "/v1.0/detect", BODY, token=None, headers=headers)
    assert (reply.status, reply.code) == (401, code)
    assert reply.headers["www-authenticate"] == "Bearer"
    assert reply.headers["connection"] == "close"


def test_the_scheme_is_case_insensitive(alone: Served) -> None:
    headers = {"Authorization": f"bEARER {alone.token}"}
    assert alone.request("POST", "/v1.0/detect", BODY, token=None, headers=headers).status == 200


def test_revoked_and_expired_are_told_apart(alone: Served) -> None:
    revoked = alone.add_token("revoked")
    alone.store.revoke_token("revoked")
    expired = alone.add_token("expired", expires=alone.clock.now() - 1)
    messages = set()
    for token in (revoked, expired, "afe_unknown"):
        reply = alone.request("POST", "/v1.0/detect", BODY, token)
        assert (reply.status, reply.code) == (401, "invalid_token")
        messages.add(reply.json["error"]["message"])
    assert len(messages) == 3


@pytest.mark.parametrize(
    ("scope", "method", "path", "status"),
    [
        ("recognise", "POST", "/v1.0/train", 403),
        ("train", "POST", "/v1.0/detect", 403),
        ("train", "POST", "/v1.0/identify", 403),
        ("train", "POST", "/v1.0/index", 200),
        ("admin", "POST", "/v1.0/index", 403),
        ("train", "GET", "/v1.0/people", 403),
        ("recognise", "GET", "/metrics", 403),
        ("admin", "GET", "/metrics", 200),
        ("admin", "GET", "/v1.0/usage", 200),
    ],
)
def test_scopes(alone: Served, scope: str, method: str, path: str, status: int) -> None:
    token = alone.add_token(f"{scope} {method} {path}", (scope,), quota=9)
    reply = alone.request(method, path, BODY if method == "POST" else None, token)
    assert reply.status == status
    assert reply.headers["ratelimit-limit"] == "9"
    assert alone.request("GET", "/v1.0/usage", token=token).json["used"] == (path, status).count(200) * (
        method == "POST"
    )


def test_a_quota_runs_out(alone: Served) -> None:
    token = alone.add_token("three", quota=3)
    for left in (2, 1, 0):
        reply = alone.request("POST", "/v1.0/detect", BODY, token)
        assert reply.headers["ratelimit-remaining"] == str(left)
    reply = alone.request("POST", "/v1.0/detect", BODY, token)
    assert (reply.status, reply.code) == (429, "quota_exceeded")
    assert reply.headers["ratelimit-remaining"] == "0"
    assert 1 <= int(reply.headers["retry-after"]) <= 86_400
    usage = alone.request("GET", "/v1.0/usage", token=token)
    assert usage.status == 200
    assert {**usage.json, "reset": 0} == {"quota": 3, "used": 3, "reset": 0}


def test_an_unlimited_token_carries_no_rate_limit(alone: Served) -> None:
    reply = alone.request("POST", "/v1.0/detect", BODY)
    assert not [name for name in reply.headers if name.startswith("ratelimit")]
    assert alone.request("GET", "/v1.0/usage").json["quota"] is None


@pytest.mark.parametrize(
    ("failure", "counts"),
    [
        (errors.NoFace("none"), 1),
        (errors.BadImage("broken"), 1),
        (errors.Overloaded("busy"), 0),
        (errors.StoreError("full"), 0),
        (RuntimeError("bug"), 0),
    ],
)
def test_what_counts(alone: Served, recognizing: Recognizing, failure: Exception, counts: int) -> None:
    token = alone.add_token(f"counting {type(failure).__name__}", quota=5)
    recognizing.failure = failure
    reply = alone.request("POST", "/v1.0/train", BODY, token)
    assert reply.headers["ratelimit-remaining"] == str(5 - counts)
    assert alone.request("GET", "/v1.0/usage", token=token).json["used"] == counts


@pytest.mark.parametrize("body", [b"", b"[]", b'{"key": 1}', b" " * 16_000_001])
def test_a_bad_request_counts(alone: Served, body: bytes) -> None:
    token = alone.add_token(f"bad request of {len(body)} bytes", quota=5)
    assert alone.request("POST", "/v1.0/detect", body, token).headers["ratelimit-remaining"] == "4"


@pytest.mark.parametrize("line", ["Content-Length: 5000", "Transfer-Encoding: chunked"])
def test_who_hangs_up_in_the_body_is_not_refunded(alone: Served, line: str) -> None:
    token = alone.add_token(f"hangs up {line}", quota=5)
    with alone.open_tls() as sock:
        head = f"POST /v1.0/detect HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n{line}\r\n"
        sock.sendall(f"{head}Expect: 100-continue\r\n\r\n".encode())
        assert sock.recv(100).startswith(b"HTTP/1.1 100 ")  # it has been let in, and is counted
    deadline = time.monotonic() + 10
    while alone.budget.bodies.used and time.monotonic() < deadline:
        time.sleep(0.02)
    while b"api_face_requests_in_hand 1\n" not in alone.request("GET", "/metrics").body:
        assert time.monotonic() < deadline
    assert alone.request("GET", "/v1.0/usage", token=token).json["used"] == 1


# -- overload -------------------------------------------------------------------------------------


def test_one_request_too_many(tmp_path: Path, certificates: Certificates) -> None:
    with serving(tmp_path / "state", certificates, max_requests=2) as served:
        served.recognizing.hold = threading.Event()
        token = served.add_token("patient", quota=2)
        threads = [
            threading.Thread(target=served.request, args=("POST", "/v1.0/detect", BODY, token))
            for _ in range(2)
        ]
        for thread in threads:
            thread.start()
            served.recognizing.holding.get(timeout=20)
        other = served.add_token("other", quota=1)
        reply = served.request("POST", "/v1.0/detect", BODY, other)
        assert (reply.status, reply.code) == (503, "overloaded")
        assert reply.headers["ratelimit-remaining"] == "1"
        assert int(reply.headers["retry-after"]) >= 1
        # The order of refusal: a used-up quota is told before the overload, and so are token and scope.
        assert served.request("POST", "/v1.0/detect", BODY, token).code == "quota_exceeded"
        assert served.request("POST", "/v1.0/detect", BODY, "afe_x").code == "invalid_token"
        assert served.request("GET", "/health", token=None).status == 200
        served.recognizing.hold.set()
        for thread in threads:
            thread.join()
        assert served.request("POST", "/v1.0/detect", BODY, other).status == 200


def test_a_body_that_must_wait_for_memory_too_long(tmp_path: Path, certificates: Certificates) -> None:
    with serving(tmp_path / "state", certificates, queue_seconds=0.2) as served:
        bodies = served.budget.bodies
        bodies.take(bodies.size, 0)
        reply = served.request("POST", "/v1.0/detect", BODY)
        assert (reply.status, reply.code) == (503, "overloaded")
        bodies.give(bodies.size)
        assert served.request("POST", "/v1.0/detect", BODY).status == 200


# -- CORS -----------------------------------------------------------------------------------------


def test_cors(tmp_path: Path, certificates: Certificates) -> None:
    good = {"Origin": "https://panel.example"}
    with serving(tmp_path / "state", certificates, cors_origins=("https://panel.example",)) as served:
        for method, path, token, status in [
            ("POST", "/v1.0/detect", "", 200),
            ("POST", "/v1.0/detect", None, 401),
            ("GET", "/nowhere", None, 404),
            ("GET", "/v1.0/detect", None, 405),
        ]:
            reply = served.request(method, path, BODY if method == "POST" else None, token, good)
            assert reply.status == status
            assert reply.headers["access-control-allow-origin"] == "https://panel.example"
            assert reply.headers["vary"] == "Origin"
            assert "RateLimit-Remaining" in reply.headers["access-control-expose-headers"]
        preflight = {**good, "Access-Control-Request-Method": "POST"}
        reply = served.request("OPTIONS", "/v1.0/detect", token=None, headers=preflight)
        assert (reply.status, reply.body) == (204, b"")
        assert "POST" in reply.headers["access-control-allow-methods"]
        assert "authorization" in reply.headers["access-control-allow-headers"].lower()


@pytest.mark.parametrize(
    "origin", ["https://panel.example.evil.test", "http://panel.example", "https://PANEL.example", "null"]
)
def test_no_cors_header_for_another_origin(tmp_path: Path, certificates: Certificates, origin: str) -> None:
    with serving(tmp_path / "state", certificates, cors_origins=("https://panel.example",)) as served:
        headers = {"Origin": origin, "Access-Control-Request-Method": "POST"}
        for method, status in (("OPTIONS", 204), ("POST", 200)):
            body = BODY if method == "POST" else None
            reply = served.request(method, "/v1.0/detect", body, headers=headers)
            assert reply.status == status
            assert not [name for name in reply.headers if name.startswith("access-control")]
