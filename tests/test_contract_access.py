"""Tokens, scopes and quotas, through real TLS."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from edge import access
from edge.store import open_store
from tests.photographs import nobody, obama
from tests.pictures import jpeg
from tests.service import Answer, Client, Service, command
from tests.test_contract_codes import NOBODY_ID

POSTS = ("/v1.0/detect", "/v1.0/index", "/v1.0/train", "/v1.0/identify")
ADMIN = (
    ("GET", "/v1.0/people"),
    ("GET", f"/v1.0/people/{NOBODY_ID}"),
    ("PATCH", f"/v1.0/people/{NOBODY_ID}"),
    ("DELETE", f"/v1.0/people/{NOBODY_ID}"),
    ("POST", f"/v1.0/people/{NOBODY_ID}/merge"),
    ("GET", "/v1.0/sightings"),
    ("GET", f"/v1.0/sightings/{NOBODY_ID}/crop"),
    ("DELETE", f"/v1.0/sightings/{NOBODY_ID}"),
    ("GET", "/v1.0/events"),  # with a body, as here, it is refused: a stream would not end
    ("GET", "/metrics"),
)
RATE = ("RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset")


# -- tokens


@pytest.mark.parametrize(
    ("method", "path"), [*(("POST", path) for path in POSTS), *ADMIN, ("GET", "/v1.0/usage")]
)
def test_nobody_enters_without_a_token(service: Service, method: str, path: str) -> None:
    for header, code in (
        (None, "missing_token"),
        ("", "missing_token"),
        ("Basic dXNlcjpwYXNz", "not_bearer"),
        ("afe_without-a-scheme", "not_bearer"),
        ("Bearer afe_never-made", "invalid_token"),
        ("Bearer two words", "invalid_token"),
    ):
        headers = {} if header is None else {"Authorization": header}
        answer = service.client.request(method, path, b"{}", headers)
        assert answer.refusal == (401, code), header
        assert answer.headers["WWW-Authenticate"] == "Bearer"


def test_the_scheme_is_case_insensitive(service: Service, everything: Client) -> None:
    for scheme in ("bearer", "BEARER", "BeArEr"):
        headers = {"Authorization": f"{scheme} {everything.token}"}
        assert service.client.request("GET", "/v1.0/usage", None, headers).status == 200


def test_a_revoked_token_and_an_expired_one_are_not_valid(service: Service) -> None:
    client = service.with_scopes("to-be-revoked", "recognise")
    client.get("/v1.0/usage").ok()
    assert command("token", "revoke", "to-be-revoked", state=service.state).returncode == 0
    assert client.get("/v1.0/usage").refusal == (401, "invalid_token")
    token = access.new_token()
    with open_store(service.state) as store:
        store.add_token("expiring", access.token_hash(token), {"admin"}, None, time.time() + 1)
    expiring = service.client.with_token(token)
    expiring.get("/v1.0/usage").ok()
    time.sleep(1.1)
    answer = expiring.get("/v1.0/usage")
    assert answer.refusal == (401, "invalid_token")
    assert "expired" in answer.error["message"]


def test_each_scope_opens_its_own_doors(service: Service) -> None:
    looks = service.with_scopes("only-recognise", "recognise")
    admin = service.with_scopes("only-admin", "admin")
    usual = service.client.with_token(service.token("usual"))
    for path in POSTS:
        expected = 403 if path == "/v1.0/train" else 400
        assert looks.request("POST", path, b"").status == expected
        assert admin.request("POST", path, b"").refusal == (403, "insufficient_scope")
        assert usual.request("POST", path, b"").refusal == (400, "invalid_json")
    for method, path in ADMIN:
        for client in (looks, usual):
            assert client.request(method, path, b"{}").refusal == (403, "insufficient_scope")
        assert admin.request(method, path, b"{}").status in (200, 400, 404)


# -- quotas


def test_a_quota_counts_down_to_429(service: Service) -> None:
    client = service.with_scopes("three", "recognise", quota=3)
    for left, call in ((2, client.detect), (1, client.identify), (0, client.detect)):
        answer = call(jpeg(nobody(), 200))
        assert answer.status == 200
        assert [answer.headers[name] for name in RATE[:2]] == ["3", str(left)]
    answer = client.detect(jpeg(nobody(), 200))
    assert answer.refusal == (429, "quota_exceeded")
    to_midnight = 86_400 - time.time() % 86_400
    assert abs(int(answer.headers["Retry-After"]) - to_midnight) < 5
    assert abs(int(answer.headers["RateLimit-Reset"]) - to_midnight) < 5
    assert answer.headers["RateLimit-Remaining"] == "0"
    usage = client.get("/v1.0/usage").ok()
    assert (usage["quota"], usage["used"]) == (3, 3)
    assert abs(usage["reset"] - to_midnight) < 5
    assert command("token", "quota", "three", "4", state=service.state).returncode == 0
    assert client.detect(jpeg(nobody(), 200)).status == 200


def test_what_counts_and_what_does_not(service: Service) -> None:
    client = service.with_scopes("counted", "recognise", quota=100)
    counted: list[Callable[[], Answer]] = [
        lambda: client.detect(jpeg(nobody(), 200)),
        lambda: client.request("POST", "/v1.0/detect", b"no json"),
        lambda: client.detect(b"no picture"),
        lambda: client.index(jpeg(obama(), 300)),
    ]
    for number, call in enumerate(counted, 1):
        call()
        assert client.get("/v1.0/usage").ok()["used"] == number
    for free in (
        client.train(jpeg(obama(), 300)),  # 403
        client.get("/v1.0/people"),  # 403
        client.get("/v1.0/detect"),  # 405
        client.get("/v1.0/usage"),
        client.get("/health"),
        client.request("OPTIONS", "/v1.0/detect"),
    ):
        assert free.status in (200, 204, 403, 405)
    assert client.get("/v1.0/usage").ok()["used"] == len(counted)


def test_an_unlimited_token_is_told_no_limits(everything: Client) -> None:
    answer = everything.detect(jpeg(nobody(), 200))
    assert all(answer.headers[name] is None for name in RATE)
    assert everything.get("/v1.0/usage").ok()["quota"] is None
