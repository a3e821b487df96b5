"""What happens below the routes: odd and hostile clients, many at once, and a server that stops."""

from __future__ import annotations

import contextlib
import json
import socket
import ssl
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from edge.errors import SettingsError
from edge.server import body as receiving
from edge.server.body import STEP_BYTES
from edge.server.serve import Server
from edge.server.tls import Certificates
from tests.serving import BODY, Reply, Served, read_reply, serving


def head(served: Served, method: str = "POST", path: str = "/v1.0/detect", *lines: str) -> bytes:
    """The head of a request with the token for everything."""
    rows = [f"{method} {path} HTTP/1.1", "Host: x", f"Authorization: Bearer {served.token}", *lines]
    return ("\r\n".join(rows) + "\r\n\r\n").encode("latin-1")


def ends(sock: socket.socket, seconds: float) -> bool:
    """Whether the server closes the connection within that time."""
    sock.settimeout(seconds)
    try:
        return sock.recv(1) == b""
    except TimeoutError:
        return False
    except OSError:
        return True


# -- malformed ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "data",
    [
        b"\r\n\r\n",
        b"hello\r\n\r\n",
        b"GET /health\r\n\r\n",
        b"GET /health HTTP/9.9\r\n\r\n",
        b"GET / health HTTP/1.1\r\n\r\n",
        b"GET /health HTTP/1.1\r\nno colon\r\n\r\n",
        b"GET /health HTTP/1.1\r\nHost : x\r\n\r\n",
        b"POST /v1.0/detect HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
        b"POST /v1.0/detect HTTP/1.1\r\nHost: x\r\nContent-Length: 1, 2\r\n\r\n",
        b"POST /v1.0/detect HTTP/1.1\r\nHost: x\r\nContent-Length: " + b"9" * 5000 + b"\r\n\r\n",
        b"POST /v1.0/detect HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
        b"POST /v1.0/detect HTTP/1.1\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    ],
)
def test_what_is_not_http_is_told_so_in_json(alone: Served, data: bytes) -> None:
    answer, _, body = alone.raw(data).partition(b"\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert b"Content-Type: application/json" in answer
    assert b"X-Request-Id: " in answer
    assert json.loads(body)["error"]["code"] == "invalid_json"


def test_a_broken_chunk(alone: Served) -> None:
    answer = alone.raw(head(alone, "POST", "/v1.0/detect", "Transfer-Encoding: chunked") + b"zz\r\n")
    assert answer.startswith(b"HTTP/1.1 400 ")


@pytest.mark.parametrize("size", [17_000, 100_000, 1_000_000])
def test_a_huge_head_is_told_so(alone: Served, size: int) -> None:
    with alone.open_tls() as sock:
        with contextlib.suppress(OSError):
            sock.sendall(b"GET /health HTTP/1.1\r\nX: " + b"x" * size + b"\r\n\r\n")
        answer = sock.recv(10_000)
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert json.loads(answer.partition(b"\r\n\r\n")[2])["error"]["code"] == "invalid_json"
    assert alone.request("GET", "/health").status == 200


@pytest.mark.parametrize("method", ["PUT", "TRACE", "BREW", "CONNECT"])
def test_methods_that_no_route_takes(alone: Served, method: str) -> None:
    reply = alone.request(method, "/v1.0/detect")
    assert (reply.status, reply.code) == (405, "method_not_allowed")


@pytest.mark.parametrize(
    "path", ["/", "//", "/v1.0/detect/", "/%00", "/%ff%fe", "/v1.0/../etc", "/V1.0/DETECT", "*"]
)
def test_paths_that_lead_nowhere(alone: Served, path: str) -> None:
    reply = alone.request("GET", path)
    assert (reply.status, reply.code) == (404, "not_found")


def test_the_absolute_form_of_a_proxy(alone: Served) -> None:
    assert alone.raw(head(alone, "GET", "https://device/health", "Connection: close")).startswith(
        b"HTTP/1.1 200"
    )


def test_plain_http_reaches_no_handler(alone: Served) -> None:
    with socket.create_connection(("127.0.0.1", alone.port), timeout=10) as sock:
        sock.sendall(b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n")
        with contextlib.suppress(ConnectionError):
            assert b"200" not in sock.recv(1000)


def test_old_tls_is_refused(alone: Served) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(
        cadata=ssl.DER_cert_to_PEM_cert(alone.trust.get_ca_certs(binary_form=True)[0])
    )
    context.set_ciphers("ALL:@SECLEVEL=0")
    with pytest.warns(DeprecationWarning):
        context.maximum_version = ssl.TLSVersion.TLSv1_1
    with (
        socket.create_connection(("127.0.0.1", alone.port)) as plain,
        pytest.raises((ssl.SSLError, ConnectionError)),
    ):
        context.wrap_socket(plain, server_hostname="localhost")


# -- in order -------------------------------------------------------------------------------------


def test_a_connection_is_kept(alone: Served) -> None:
    connection = alone.connect()
    connection.connect()
    before = connection.sock
    for body in (BODY, None, BODY, b'{"key": 1}', None):
        method, path = ("POST", "/v1.0/detect") if body else ("GET", "/v1.0/usage")
        connection.request(method, path, body, {"Authorization": f"Bearer {alone.token}"})
        assert read_reply(connection.getresponse()).status in (200, 400)
        assert connection.sock is before
    connection.close()


def test_pipelined_requests_are_answered_in_order(alone: Served) -> None:
    length = f"Content-Length: {len(BODY)}"
    data = head(alone, "POST", "/v1.0/detect", length) + BODY
    data += head(alone, "GET", "/v1.0/usage") + head(alone, "GET", "/nowhere", "Connection: close")
    answers = alone.raw(data).split(b"HTTP/1.1 ")[1:]
    assert [answer[:3] for answer in answers] == [b"200", b"200", b"404"]
    assert b'"faces"' in answers[0]
    assert b'"quota"' in answers[1]


def test_http_1_0(alone: Served) -> None:
    assert alone.raw(b"GET /health HTTP/1.0\r\n\r\n").startswith(b"HTTP/1.1 200 OK\r\n")


def test_continue_is_said_only_to_a_caller_who_may_send(alone: Served) -> None:
    lines = (f"Content-Length: {len(BODY)}", "Expect: 100-continue")
    with alone.open_tls() as sock:
        sock.sendall(head(alone, "POST", "/v1.0/detect", *lines))
        assert sock.recv(1000).startswith(b"HTTP/1.1 100 ")
        sock.sendall(BODY)
        assert sock.recv(10_000).startswith(b"HTTP/1.1 200 OK\r\n")
    refused = alone.raw(
        b"POST /v1.0/detect HTTP/1.1\r\nHost: x\r\n" + "\r\n".join(lines).encode() + b"\r\n\r\n"
    )
    assert refused.startswith(b"HTTP/1.1 401 ")


def test_ten_clients_at_once(alone: Served) -> None:
    def many(_: int) -> set[int]:
        with contextlib.closing(alone.connect()) as connection:
            statuses = set()
            for _ in range(20):
                connection.request("POST", "/v1.0/detect", BODY, {"Authorization": f"Bearer {alone.token}"})
                statuses.add(read_reply(connection.getresponse()).status)
            return statuses

    with ThreadPoolExecutor(10) as pool:
        assert set().union(*pool.map(many, range(10))) == {200}


# -- hostile --------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [300_000, 8_000_000])
def test_a_refused_client_that_sends_on_receives_the_answer(alone: Served, size: int) -> None:
    reply = alone.request("POST", "/v1.0/detect", b"x" * size, token=None)
    assert (reply.status, reply.code) == (401, "missing_token")
    assert reply.headers["connection"] == "close"


def test_a_refused_body_is_not_read_to_its_end(alone: Served) -> None:
    with alone.open_tls() as sock:
        sock.sendall(b"POST /v1.0/detect HTTP/1.1\r\nHost: x\r\nContent-Length: 100000000000\r\n\r\n")
        assert sock.recv(1000).startswith(b"HTTP/1.1 401 ")
        sent = 0
        with contextlib.suppress(OSError):
            while sent < 50_000_000:
                sent += sock.send(bytes(1_000_000))
    assert sent < 50_000_000
    assert alone.budget.bodies.used == 0


def test_silent_and_dripping_clients_do_not_hold_up_an_honest_one(
    tmp_path: Path, certificates: Certificates
) -> None:
    with (
        serving(tmp_path / "state", certificates, header_seconds=1.0, request_seconds=1.5) as served,
        contextlib.ExitStack() as attackers,
    ):
        silent = [socket.create_connection(("127.0.0.1", served.port)) for _ in range(20)]
        dripping = [served.open_tls() for _ in range(20)]
        slow = served.open_tls()
        slow.sendall(head(served, "POST", "/v1.0/detect", "Content-Length: 1000"))
        for sock in (*silent, *dripping, slow):
            attackers.enter_context(sock)
        began = time.monotonic()
        while time.monotonic() - began < 2.5:  # a time-out per read would begin anew each time
            for sock in (*dripping, slow):
                with contextlib.suppress(OSError):
                    sock.sendall(b"G")
            assert served.request("POST", "/v1.0/detect", BODY).status == 200
        assert all(ends(sock, 5) for sock in (*silent, *dripping, slow))
        assert served.request("POST", "/v1.0/detect", BODY).status == 200
        assert served.budget.bodies.used == 0


def test_stalled_uploads_do_not_hold_memory_that_others_need(
    tmp_path: Path, certificates: Certificates
) -> None:
    with (
        serving(tmp_path / "state", certificates, queue_seconds=0.0) as served,
        contextlib.ExitStack() as stalled,
    ):
        for sent in (0, 0, 300_000):
            sock = stalled.enter_context(served.open_tls())
            sock.sendall(head(served, "POST", "/v1.0/detect", "Content-Length: 16000000") + b" " * sent)
        deadline = time.monotonic() + 10
        while served.budget.bodies.used < 4 * 2 * STEP_BYTES and time.monotonic() < deadline:
            time.sleep(0.02)
        assert served.budget.bodies.used == 4 * 2 * STEP_BYTES  # one step each, the last one two
        for size in (0, 1_000_000, 8_000_000):  # none of them waits: whoever had to would be refused
            assert served.request("POST", "/v1.0/detect", BODY + b" " * size).status == 200


def test_a_big_body_that_stands_still_ends(
    tmp_path: Path, certificates: Certificates, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(receiving, "STEP_SECONDS", 0.5)
    with serving(tmp_path / "state", certificates) as served, served.open_tls() as sock:
        sock.sendall(head(served, "POST", "/v1.0/detect", "Content-Length: 16000000") + b" " * 3_000_000)
        assert ends(sock, 20)
        assert served.budget.bodies.used == 0
        assert served.request("POST", "/v1.0/detect", BODY).status == 200


def test_past_the_limit_the_longest_waiting_connection_gives_way(
    tmp_path: Path, certificates: Certificates
) -> None:
    with (
        serving(tmp_path / "state", certificates, max_connections=8) as served,
        contextlib.ExitStack() as opened,
    ):
        waiting = [opened.enter_context(served.open_tls()) for _ in range(8)]
        assert served.request("GET", "/health").status == 200
        assert ends(waiting[0], 5)
        assert not ends(waiting[-1], 0.2)


def test_a_request_in_hand_does_not_give_way(tmp_path: Path, certificates: Certificates) -> None:
    with (
        serving(tmp_path / "state", certificates, max_connections=8) as served,
        contextlib.ExitStack() as opened,
        ThreadPoolExecutor() as pool,
    ):
        served.recognizing.hold = threading.Event()
        working = pool.submit(served.request, "POST", "/v1.0/detect", BODY)
        served.recognizing.holding.get(timeout=20)
        for _ in range(20):
            opened.enter_context(served.open_tls())
        served.recognizing.hold.set()
        assert working.result(20).status == 200


def test_a_client_that_leaves_in_the_middle_leaves_nothing_behind(alone: Served) -> None:
    for lines in (("Content-Length: 5000",), ("Transfer-Encoding: chunked",)):
        with alone.open_tls() as sock:
            sock.sendall(head(alone, "POST", "/v1.0/detect", *lines))
            time.sleep(0.2)
    deadline = time.monotonic() + 10
    while alone.budget.bodies.used and time.monotonic() < deadline:
        time.sleep(0.05)
    assert alone.budget.bodies.used == 0
    reply = alone.request("GET", "/metrics")
    assert b"api_face_requests_in_hand 1\n" in reply.body


# -- stopping -------------------------------------------------------------------------------------


def test_requests_under_way_finish_and_new_ones_are_told(tmp_path: Path, certificates: Certificates) -> None:
    with serving(tmp_path / "state", certificates) as served, ThreadPoolExecutor() as pool:
        kept = served.connect()
        kept.request("GET", "/health")
        read_reply(kept.getresponse())
        served.recognizing.hold = threading.Event()
        working = pool.submit(served.request, "POST", "/v1.0/detect", BODY)
        served.recognizing.holding.get(timeout=20)
        served.server.stop()
        time.sleep(0.3)
        with pytest.raises(OSError):
            served.connect(2).connect()
        kept.request("POST", "/v1.0/detect", BODY, {"Authorization": f"Bearer {served.token}"})
        reply = read_reply(kept.getresponse())
        assert (reply.status, reply.code) == (503, "not_ready")
        assert int(reply.headers["retry-after"]) >= 1
        assert reply.headers["connection"] == "close"
        served.recognizing.hold.set()
        result: Reply = working.result(20)
        assert (result.status, result.headers["connection"]) == (200, "close")
        served.thread.join(20)
        assert not served.thread.is_alive()


def test_a_body_that_never_comes_does_not_keep_it_from_stopping(
    tmp_path: Path, certificates: Certificates
) -> None:
    with serving(tmp_path / "state", certificates, request_seconds=1.0) as served, served.open_tls() as sock:
        sock.sendall(head(served, "POST", "/v1.0/detect", "Content-Length: 1000"))
        time.sleep(0.2)
        served.server.stop()
        served.thread.join(20)
        assert not served.thread.is_alive()


def test_an_unused_connection_is_no_reason_to_wait(tmp_path: Path, certificates: Certificates) -> None:
    with serving(tmp_path / "state", certificates) as served, served.open_tls():
        began = time.monotonic()
        served.server.stop()
        served.thread.join(20)
        assert time.monotonic() - began < served.settings.header_seconds


def test_the_port_is_taken(alone: Served, certificates: Certificates) -> None:
    taken = replace(alone.services, settings=replace(alone.settings, port=alone.port))
    with pytest.raises(SettingsError, match="cannot listen"):
        Server(taken, certificates).run(lambda _: None)
