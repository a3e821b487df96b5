"""The order of refusal, routes, CORS, and what the device says of itself."""

from __future__ import annotations

import contextlib
import http.client
import json
import re
import socket
import ssl
import time

import pytest

from tests.photographs import nobody, obama, two_people
from tests.pictures import jpeg
from tests.service import Answer, Client, Service, key_of
from tests.test_contract_access import POSTS, RATE
from tests.test_contract_codes import NOBODY_ID

ORIGIN = "https://panel.example"


# -- the order of refusal


def test_the_cheap_refusals_come_first(service: Service, everything: Client) -> None:
    """Each request is wrong in all later ways too."""
    spent = service.with_scopes("spent", "recognise", quota=0)
    huge = {"Content-Length": str(300 << 20)}  # announced; nothing of it is ever sent

    def announced(client: Client, path: str) -> Answer:
        with contextlib.closing(client.connection()) as connection:
            connection.putrequest("POST", path)
            if client.token is not None:
                connection.putheader("Authorization", f"Bearer {client.token}")
            connection.putheader("Content-Length", huge["Content-Length"])
            connection.endheaders()
            response = connection.getresponse()
            return Answer(response.status, response.headers, response.read())

    nobody_there = service.client
    ladder = [
        (announced(nobody_there, "/v1.0/nowhere"), (404, "not_found")),
        (announced(nobody_there, "/v1.0/usage"), (405, "method_not_allowed")),
        (announced(nobody_there, "/v1.0/train"), (401, "missing_token")),
        (announced(spent, "/v1.0/train"), (403, "insufficient_scope")),
        (announced(spent, "/v1.0/detect"), (429, "quota_exceeded")),
        (announced(everything, "/v1.0/detect"), (413, "body_too_large")),
    ]
    for answer, refusal in ladder:
        assert answer.refusal == refusal
        assert answer.headers["Connection"] == "close"

    def train(**fields: str) -> tuple[int, str]:
        return everything.request("POST", "/v1.0/train", json.dumps(fields).encode()).refusal

    too_long = "A" * 1_000_004
    assert everything.request("POST", "/v1.0/train", b"[").refusal == (400, "invalid_json")
    assert train(personId=NOBODY_ID) == (400, "missing_key")
    assert train(key="data:image/gif;base64,!" + too_long) == (400, "invalid_base64")
    assert train(key="data:image/gif;base64," + too_long) == (413, "body_too_large")
    assert train(key="data:image/gif;base64,AAAA") == (415, "unsupported_image")
    assert train(key=key_of(jpeg(obama(), 300)[:400]), personId=NOBODY_ID) == (422, "bad_image")
    assert train(key=key_of(two_people().read_bytes()), personId=NOBODY_ID) == (422, "multiple_faces")
    assert train(key=key_of(jpeg(obama(), 300)), personId=NOBODY_ID) == (404, "unknown_person_id")


def test_a_refused_body_costs_no_memory(service: Service) -> None:
    service.client.get("/health").ok()
    before = service.rss_mib()
    for _ in range(3):
        assert service.client.request("POST", "/v1.0/detect", bytes(60 << 20)).status == 401
    assert service.rss_mib() < before + 16


# -- routes


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/v1.0",
        "/v1.0/detect/",
        "/v1.0/people/",
        "/v2.0/detect",
        "/%00",
        "/%C3%A4",
        "/v1.0/people/x/y",
        "//",
        "/v1.0/../health",
    ],
)
def test_404_is_json(service: Service, path: str) -> None:
    answer = service.client.get(path)
    assert answer.refusal == (404, "not_found")


def test_405_says_what_is_allowed(service: Service) -> None:
    for path in POSTS:
        answer = service.client.request("PUT", path)
        assert answer.refusal == (405, "method_not_allowed")
        assert "POST" in re.split(r",\s*", answer.headers["Allow"])
    answer = service.client.request("POST", f"/v1.0/people/{NOBODY_ID}")
    assert {"GET", "PATCH", "DELETE"} <= set(re.split(r",\s*", answer.headers["Allow"]))


def test_cors_for_the_configured_origin_alone(service: Service, everything: Client) -> None:
    paths = [
        ("GET", "/v1.0/nowhere"),
        ("GET", "/v1.0/usage"),
        ("POST", "/v1.0/detect"),
        ("OPTIONS", "/v1.0/train"),
    ]
    for method, path in paths:
        ours = service.client.request(method, path, None, {"Origin": ORIGIN})
        assert ours.headers["Access-Control-Allow-Origin"] == ORIGIN
        assert "Origin" in ours.headers["Vary"]
        exposed = set(re.split(r",\s*", ours.headers["Access-Control-Expose-Headers"]))
        assert exposed == {"Retry-After", *RATE}
        for other in ("https://evil.example", "http://panel.example", "https://panel.example:444", "null"):
            theirs = service.client.request(method, path, None, {"Origin": other})
            assert not [name for name in theirs.headers if name.startswith("Access-Control")]
            assert theirs.status == ours.status
    preflight = {"Origin": ORIGIN, "Access-Control-Request-Method": "POST"}
    answer = service.client.request("OPTIONS", "/v1.0/detect", None, preflight)
    assert answer.status == 204
    assert "POST" in answer.headers["Access-Control-Allow-Methods"]
    assert "authorization" in answer.headers["Access-Control-Allow-Headers"].lower()
    allowed = everything.request("POST", "/v1.0/detect", b"{}", {"Origin": ORIGIN})
    assert allowed.headers["Access-Control-Allow-Origin"] == ORIGIN


# -- what the device says of itself


def test_health_needs_no_token_and_tells_nothing_private(service: Service) -> None:
    answer = service.client.get("/health").ok()
    assert answer["status"] == "ok"
    assert {"models", "store", "clock"} <= set(answer)
    assert str(service.state) not in json.dumps(answer)


def test_metrics_are_prometheus_text(service: Service, everything: Client) -> None:
    everything.detect(jpeg(nobody(), 200)).ok()
    answer = everything.get("/metrics")
    assert answer.status == 200
    assert answer.headers["Content-Type"].startswith("text/plain")
    lines = [line for line in answer.body.decode().splitlines() if not line.startswith("#")]
    assert all(
        re.fullmatch(r'[a-z_]+(\{[a-z_]+="[^"]*"(,[a-z_]+="[^"]*")*\})? [-0-9.e+]+', line) for line in lines
    )
    assert any("detect" in line and '"200"' in line for line in lines)
    assert service.client.get("/metrics").status == 401


def test_the_ca_certificate_is_the_one_that_signed_the_servers(service: Service) -> None:
    answer = service.client.get("/ca.crt")
    assert answer.status == 200
    context = ssl.create_default_context(cadata=answer.body.decode())
    with (
        socket.create_connection((service.client.host, service.client.port)) as plain,
        context.wrap_socket(plain, server_hostname="localhost") as tls,
    ):
        assert tls.version() in ("TLSv1.2", "TLSv1.3")
    assert b"PRIVATE" not in answer.body


def test_plain_http_reaches_no_handler(service: Service) -> None:
    """Closed, or a short plain answer."""
    connection = http.client.HTTPConnection(service.client.host, service.client.port, timeout=20)
    with contextlib.closing(connection), contextlib.suppress(http.client.HTTPException, ConnectionError):
        connection.request("GET", "/health")
        answer = connection.getresponse()
        assert answer.status >= 400
        assert b"https" in answer.read().lower()


def test_a_connection_serves_many_requests(everything: Client) -> None:
    with contextlib.closing(everything.connection()) as connection:
        ids = set()
        for path in ("/v1.0/usage", "/v1.0/nowhere", "/health", "/v1.0/usage"):
            answer = everything.exchange(connection, "GET", path)
            assert answer.headers["Connection"] != "close"
            ids.add(answer.headers["X-Request-Id"])
        assert len(ids) == 4


def test_the_request_id_stands_in_the_log_and_the_token_does_not(
    service: Service, everything: Client
) -> None:
    answer = everything.detect(jpeg(nobody(), 200))
    time.sleep(0.2)
    assert answer.headers["X-Request-Id"] in service.log
    assert str(everything.token) not in service.log
