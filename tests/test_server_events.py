"""Server-sent events, through real TLS: what is sent, who is let in, what it costs, how it ends."""

from __future__ import annotations

import contextlib
import json
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest

from edge.announce import event_fields
from edge.errors import StoreError
from edge.event import Event, EventKind
from edge.server import hub, streams
from edge.server.openapi import document
from edge.server.tls import Certificates
from edge.settings import Settings
from edge.store import open_store
from tests.serving import BODY, Served, serving

PATH = "/v1.0/events"
ORIGIN = "https://panel.example"


class Listening:
    """A client of the stream, as a browser's EventSource would be."""

    def __init__(
        self,
        served: Served,
        last: str | None = None,
        query: str = "",
        token: str = "",
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self.connection = served.connect()
        sent = {"Authorization": f"Bearer {token or served.token}", **(headers or {})}
        if last is not None:
            sent["Last-Event-ID"] = last
        self.connection.request("GET", PATH + query, headers=sent)
        self.response = self.connection.getresponse()
        self.comments: list[str] = []
        self.retry: str | None = None
        assert self.response.status == 200, self.response.read()

    def block(self) -> dict[str, str]:
        """The fields up to the next empty line; {} at the end of the stream."""
        fields: dict[str, str] = {}
        while line := self.response.readline().decode():
            if line == "\n":
                return fields
            name, _, value = line.rstrip("\n").partition(":")
            if name:
                fields[name] = value.removeprefix(" ")
            else:
                self.comments.append(value.strip())
        return {}

    def event(self) -> dict[str, Any]:
        """The next event; {} at the end of the stream."""
        while not self.response.isclosed():
            fields = self.block()
            self.retry = fields.get("retry", self.retry)
            if "data" in fields:
                data: dict[str, Any] = json.loads(fields["data"])
                assert (fields["id"], fields["event"]) == (data["id"], data["event"])
                return data
        return {}

    def begun(self) -> Listening:
        """Once the first block has come."""
        self.retry = self.block()["retry"]
        return self

    def rest(self) -> list[dict[str, Any]]:
        """All events until the stream ends."""
        return list(iter(self.event, {}))

    def close(self) -> None:
        self.response.close()
        self.connection.close()

    def __enter__(self) -> Listening:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def happen(served: Served, reason: str = "no frame", publish: bool = True) -> Event:
    """A new event."""
    event = served.store.add_event(
        EventKind.CAMERA_STALLED, served.clock.now(), "door", None, None, {"reason": reason}
    )
    if publish:
        served.bus.publish(event)
    return event


def soon(condition: Callable[[], bool], seconds: float = 10) -> bool:
    """Whether it comes true within that time."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def figure(served: Served, name: str) -> float:
    """One figure of /metrics."""
    lines = served.request("GET", "/metrics").body.decode().splitlines()
    return float(dict(line.rsplit(" ", 1) for line in lines if line[0] != "#")[f"api_face_{name}"])


def nobody_listens(served: Served) -> bool:
    """Whether all places are free."""
    return soon(lambda: figure(served, "event_streams") == 0)


# -- what is sent ---------------------------------------------------------------------------------


def test_the_head(tmp_path: Path, certificates: Certificates) -> None:
    with (
        serving(tmp_path / "state", certificates, cors_origins=(ORIGIN,)) as served,
        Listening(served, headers={"Origin": ORIGIN}).begun() as client,
    ):
        headers = {name.lower(): value for name, value in client.response.getheaders()}
        assert headers["content-type"] == "text/event-stream"
        assert headers["cache-control"] == "no-store"
        assert headers["access-control-allow-origin"] == ORIGIN
        assert headers["vary"] == "Origin"
        assert len(headers["x-request-id"]) == 16
        assert "content-length" not in headers
        assert client.retry == "2000"
        preflight = {"Origin": ORIGIN, "Access-Control-Request-Method": "GET"}
        allowed = served.request("OPTIONS", PATH, token=None, headers=preflight).headers
        assert "last-event-id" in allowed["access-control-allow-headers"].lower()


def test_an_event_comes_at_once_with_the_present_name(alone: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub, "LOOK_S", 60.0)  # so that only the bus says when
    with alone.store.writing():
        person = alone.store.create_person("Ann")
    with Listening(alone).begun() as client:
        happen(alone)
        assert client.event()["event"] == "camera.stalled"
        with alone.store.writing():
            alone.store.rename(person, "Anna")
        sighting = alone.store.begin_sighting("door", alone.clock.now())
        told = alone.store.add_event(
            EventKind.PERSON_IDENTIFIED,
            alone.clock.now(),
            "door",
            sighting.id,
            person.row,
            {"similarity": 93.4},
        )
        alone.bus.publish(told)
        event = client.event()
    assert event == event_fields(told, alone.store)
    assert (event["personId"], event["metadata"], event["similarity"]) == (person.id, {"name": "Anna"}, 93.4)


@pytest.mark.parametrize("kind", EventKind)
def test_every_kind_is_as_the_document_describes_it(alone: Served, kind: EventKind) -> None:
    sighting = None if kind.startswith("camera.") else alone.store.begin_sighting("door", 1.0).id
    validator = jsonschema_rs.Draft202012Validator(
        {**document(Settings()), "$ref": "#/components/schemas/Event"}
    )
    with Listening(alone).begun() as client:
        alone.bus.publish(alone.store.add_event(kind, 1.0, "door", sighting, None, {}))
        event = client.event()
    validator.validate(event)
    assert ("personId" in event) == ("metadata" in event) == (sighting is not None)


def test_events_of_another_process(alone: Served, tmp_path: Path) -> None:
    state = alone.services.state
    assert state is not None
    with Listening(alone).begun() as client, open_store(state, alone.clock) as other:
        made = other.add_event(EventKind.CAMERA_RECOVERED, 1.5, "door", None, None, {"seconds": 2.0})
        event = client.event()
    assert event == {
        "id": made.id,
        "event": "camera.recovered",
        "time": "1970-01-01T00:00:01.500Z",
        "camera": "door",
        "seconds": 2.0,
    }


def test_everybody_is_told_everything_in_order(alone: Served) -> None:
    with contextlib.ExitStack() as opened:
        clients = [opened.enter_context(Listening(alone).begun()) for _ in range(3)]
        made = [happen(alone, f"n{number}").id for number in range(250)]  # more than a batch
        for client in clients:
            assert [client.event()["id"] for _ in made] == made
    assert nobody_listens(alone)


def test_a_sign_of_life(alone: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "BEAT_S", 0.2)
    with Listening(alone).begun() as client:
        for _ in range(3):
            assert client.block() == {}
        assert client.comments == ["", "", ""]
        happen(alone)
        assert client.event()


# -- going on -------------------------------------------------------------------------------------


def test_nothing_is_lost_or_doubled_over_reconnections(alone: Served) -> None:
    made: list[str] = []

    def write() -> None:
        for number in range(400):
            made.append(happen(alone, f"n{number}", publish=number % 3 > 0).id)
            if number % 40 == 0:
                time.sleep(0.05)

    first = happen(alone).id
    received: list[str] = []
    with ThreadPoolExecutor(1) as pool:
        writing = pool.submit(write)
        last = first
        for count in (1, 30, 7, 100, 262):
            with Listening(alone, last) as client:
                received += [client.event()["id"] for _ in range(count)]
                assert not client.comments
            last = received[-1]
        writing.result(30)
    assert received == made


def test_the_query_does_for_who_cannot_send_the_header_and_the_header_wins(alone: Served) -> None:
    events = [happen(alone) for _ in range(3)]
    with Listening(alone, query=f"?after={events[0].id}") as client:
        assert [client.event()["id"] for _ in range(2)] == [events[1].id, events[2].id]
    with Listening(alone, events[1].id, f"?after={events[0].id}") as client:
        assert client.event()["id"] == events[2].id
    with Listening(alone, "", f"?after={events[1].id}") as client:
        assert client.event()["id"] == events[2].id


@pytest.mark.parametrize("last", ["00000000-0000-0000-0000-000000000000", "x", "x" * 3000, "\xe9"])
def test_an_unknown_id_begins_now_and_says_so(alone: Served, last: str) -> None:
    happen(alone)
    with Listening(alone, last) as client:
        assert client.block() == {}
        client.begun()
        assert "begins now" in client.comments[0]
        event = happen(alone)
        assert client.event()["id"] == event.id


# -- who is let in --------------------------------------------------------------------------------


def test_who_is_refused(alone: Served) -> None:
    for token, refusal in (
        (None, (401, "missing_token")),
        ("afe_x", (401, "invalid_token")),
        (alone.add_token("events-recognise", ("recognise", "train")), (403, "insufficient_scope")),
    ):
        reply = alone.request("GET", PATH, token=token)
        assert (reply.status, reply.code) == refusal
    body = alone.request("GET", PATH, b"{}")
    assert (body.status, body.code) == (400, "invalid_json")
    assert nobody_listens(alone)


@pytest.mark.parametrize("method", ["HEAD", "POST", "PUT", "DELETE"])
def test_it_is_read_with_get_alone(alone: Served, method: str) -> None:
    reply = alone.request(method, PATH, token=None)
    assert reply.status == 405
    assert "GET" in reply.headers["allow"]
    assert reply.headers["content-type"] == "application/json"


def test_a_token_with_a_quota_is_told_it_and_not_charged(alone: Served) -> None:
    token = alone.add_token("events-quota", ("admin",), quota=3)
    for _ in range(2):
        with Listening(alone, token=token) as client:
            assert client.response.headers["RateLimit-Remaining"] == "3"
    assert nobody_listens(alone)


def test_one_stream_too_many(tmp_path: Path, certificates: Certificates) -> None:
    with serving(tmp_path / "state", certificates, max_event_streams=2) as served:
        first, _second = Listening(served).begun(), Listening(served).begun()
        reply = served.request("GET", PATH)
        assert (reply.status, reply.code) == (503, "overloaded")
        assert "2 event streams" in reply.json["error"]["message"]
        assert int(reply.headers["retry-after"]) >= 1
        first.close()  # its place is free again
        assert soon(lambda: figure(served, "event_streams") == 1)
        with Listening(served).begun():
            assert figure(served, "event_streams") == 2


def test_no_streams_at_all(tmp_path: Path, certificates: Certificates) -> None:
    with serving(tmp_path / "state", certificates, max_event_streams=0) as served:
        reply = served.request("GET", PATH)
        assert (reply.status, reply.code) == (503, "overloaded")
        assert "no event streams" in reply.json["error"]["message"]
        assert served.request("GET", PATH, token=None).status == 401


@pytest.mark.parametrize("how", ["revoked", "expired"])
def test_a_token_that_ends_ends_the_stream(alone: Served, monkeypatch: pytest.MonkeyPatch, how: str) -> None:
    assert streams.CHECK_S <= 50
    monkeypatch.setattr(streams, "CHECK_S", 0.1)
    expires = alone.clock.now() + 1.5 if how == "expired" else None
    token = alone.add_token(f"events-{how}", ("admin",), expires=expires)
    with Listening(alone, token=token).begun() as client, Listening(alone).begun() as other:
        happen(alone)
        assert client.event()
        if how == "revoked":
            alone.store.revoke_token("events-revoked")
        assert client.rest() == []
        assert how in client.comments[-1]
        happen(alone)
        assert other.event()
        assert other.event()


# -- what it costs --------------------------------------------------------------------------------


def test_eight_streams_leave_every_worker_free(tmp_path: Path, certificates: Certificates) -> None:
    with (
        serving(tmp_path / "state", certificates, max_requests=2) as served,
        contextlib.ExitStack() as opened,
        ThreadPoolExecutor(2) as pool,
    ):
        clients = [opened.enter_context(Listening(served).begun()) for _ in range(8)]
        assert figure(served, "event_streams") == 8
        assert figure(served, "requests_in_hand") == 1  # the question itself
        served.recognizing.hold = threading.Event()
        working = [pool.submit(served.request, "POST", "/v1.0/detect", BODY) for _ in range(2)]
        for _ in working:
            served.recognizing.holding.get(timeout=20)
        assert served.request("GET", "/v1.0/usage").code == "overloaded"  # both slots were to be had
        happen(served)
        for client in clients:
            assert client.event()
        served.recognizing.hold.set()
        assert [request.result(20).status for request in working] == [200, 200]


def test_neither_the_head_deadline_nor_the_limit_of_connections_ends_a_stream(
    tmp_path: Path, certificates: Certificates
) -> None:
    with (
        serving(tmp_path / "state", certificates, header_seconds=0.5, max_connections=8) as served,
        contextlib.ExitStack() as opened,
    ):
        clients = [opened.enter_context(Listening(served).begun()) for _ in range(4)]
        reply = served.request("GET", PATH)  # half of the connections stay for requests
        assert (reply.status, reply.code) == (503, "overloaded")
        for _ in range(12):
            opened.enter_context(served.open_tls())
        time.sleep(1)
        assert served.request("GET", "/health", token=None).status == 200
        happen(served)
        for client in clients:
            assert client.event()


def test_a_client_that_takes_nothing_is_closed_and_holds_up_nobody(
    tmp_path: Path, certificates: Certificates
) -> None:
    with (
        serving(tmp_path / "state", certificates, request_seconds=1.0) as served,
        socket.socket() as plain,
    ):
        plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        plain.connect(("127.0.0.1", served.port))
        with served.trust.wrap_socket(plain, server_hostname="localhost") as slow:
            slow.sendall(
                f"GET {PATH} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {served.token}\r\n\r\n".encode()
            )
            assert slow.recv(100).startswith(b"HTTP/1.1 200 ")
            with Listening(served).begun() as client:
                made = [happen(served, "x" * 2000).id for _ in range(600)]
                assert [client.event()["id"] for _ in made] == made
                assert soon(lambda: figure(served, "event_streams") == 1)
                happen(served)
                assert client.event()


def test_a_store_that_fails_for_a_while_costs_no_event(
    alone: Served, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    failed = threading.Event()

    def fail(*_: object) -> list[Event]:
        failed.set()
        raise StoreError("the disk reports an I/O error")

    with Listening(alone).begun() as client:
        with monkeypatch.context() as broken:
            broken.setattr(alone.store, "events", fail)
            event = happen(alone)
            assert failed.wait(10)
        assert client.event()["id"] == event.id
    assert sum("events cannot be read" in record.getMessage() for record in caplog.records) == 1


# -- how it ends ----------------------------------------------------------------------------------


def test_stopping_does_not_wait_for_streams(tmp_path: Path, certificates: Certificates) -> None:
    with serving(tmp_path / "state", certificates) as served:
        clients = [Listening(served).begun() for _ in range(8)]
        began = time.monotonic()
        served.server.stop()
        for client in clients:
            assert client.rest() == []  # the end of the chunks: no IncompleteRead
            assert "stopping" in client.comments[-1]
        served.thread.join(20)
        assert not served.thread.is_alive()
        assert time.monotonic() - began < 3


def test_stopping_with_a_client_that_takes_nothing(tmp_path: Path, certificates: Certificates) -> None:
    with serving(tmp_path / "state", certificates) as served, Listening(served).begun():
        for _ in range(600):
            happen(served, "x" * 2000)
        began = time.monotonic()
        served.server.stop()
        served.thread.join(20)
        assert time.monotonic() - began < 3


def test_clients_that_come_and_go_leave_nothing_behind(alone: Served) -> None:
    def come_and_go(number: int) -> None:
        for _ in range(8):
            with contextlib.suppress(AssertionError):  # all places are taken
                client = Listening(alone)
                if number % 2:
                    client.begun()
                client.close()

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(come_and_go, range(6)))
    assert nobody_listens(alone)
    assert soon(lambda: figure(alone, "requests_in_hand") == 1)


# -- with curl ------------------------------------------------------------------------------------


@contextlib.contextmanager
def curl(served: Served, certificates: Certificates, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """curl, listening."""
    assert certificates.ca_path is not None
    process = subprocess.Popen(
        [
            *("curl", "-N", "-sS", "-i", "--cacert", str(certificates.ca_path)),
            *("-H", f"Authorization: Bearer {served.token}", *arguments),
            f"https://localhost:{served.port}{PATH}",
        ],
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def test_curl(tmp_path: Path, certificates: Certificates) -> None:
    with serving(tmp_path / "state", certificates) as served:
        before = happen(served)
        with curl(served, certificates) as process:
            assert process.stdout is not None
            lines = iter(process.stdout.readline, "")
            assert next(lines).startswith("HTTP/1.1 200")
            assert any(line == "retry: 2000\n" for line in lines)
            event = happen(served)
            assert next(lines) == "\n"
            assert [next(lines) for _ in range(4)] == [
                f"id: {event.id}\n",
                "event: camera.stalled\n",
                f"data: {json.dumps(event_fields(event, served.store))}\n",
                "\n",
            ]
        with curl(served, certificates, "-H", f"Last-Event-ID: {before.id}") as process:
            assert process.stdout is not None
            lines = iter(process.stdout.readline, "")
            assert any(line == f"id: {event.id}\n" for line in lines)
            served.server.stop()
            assert any(line == ": the device is stopping\n" for line in lines)
            assert process.wait(20) == 0


def test_http_1_0_reads_until_the_end(tmp_path: Path, certificates: Certificates) -> None:
    with serving(tmp_path / "state", certificates) as served, served.open_tls() as sock:
        sock.sendall(f"GET {PATH} HTTP/1.0\r\nAuthorization: Bearer {served.token}\r\n\r\n".encode())
        received = b""
        while b"retry" not in received:
            received += sock.recv(1000)
        assert b"chunked" not in received
        served.server.stop()
        with contextlib.suppress(OSError):
            while part := sock.recv(1000):
                received += part
        assert received.endswith(b": the device is stopping\n\n")
