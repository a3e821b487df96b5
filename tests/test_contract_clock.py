"""A clock that jumps: quotas, tokens and forgetting, on the real server with a clock that a test sets."""

from __future__ import annotations

import ssl
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from edge import access
from edge.server import health
from edge.server.serve import Server
from edge.server.services import Services
from edge.server.tls import Certificates
from edge.settings import load_settings
from edge.timesync import is_set
from edge.wiring import Device, opened_device
from tests.photographs import astronaut, biden, nobody, obama
from tests.pictures import cut_out, jpeg
from tests.service import Client

DAY_S = 86_400.0


class FakeClock:
    """Says what it is told; the steady time goes on."""

    def __init__(self, now: float) -> None:
        self.time = now

    def now(self) -> float:
        return self.time

    def steady(self) -> float:
        return time.monotonic()


@dataclass(frozen=True)
class Timed:
    """A real device with its server, and the clock that both go by."""

    clock: FakeClock
    device: Device
    door: Client

    def client(
        self, name: str, *scopes: str, quota: int | None = None, expires: float | None = None
    ) -> Client:
        token = access.new_token()
        self.device.store.add_token(name, access.token_hash(token), scopes, quota, expires)
        return self.door.with_token(token)


NOON = 20_500 * DAY_S + DAY_S / 2


@pytest.fixture
def timed(tmp_path: Path) -> Iterator[Timed]:
    clock = FakeClock(NOON)
    settings = load_settings(None, host="127.0.0.1", port=0, forget_unnamed_days=30)
    state = tmp_path / "state"
    with opened_device(state, settings, clock) as device:
        certificates = Certificates(state / "tls", settings, clock)
        server = Server(
            Services(
                settings,
                device.store,
                device.recognizer,
                device.enroller,
                device.memory,
                clock,
                certificates.ca_path,
            ),
            certificates,
        )
        urls: list[str] = []
        ready = threading.Event()

        def started(url: str) -> None:
            urls.append(url)
            ready.set()

        thread = threading.Thread(target=server.run, args=(started,))
        thread.start()
        assert ready.wait(30)
        parts = urlsplit(urls[0])
        context = ssl.create_default_context(cafile=state / "tls" / "ca.crt")
        yield Timed(clock, device, Client(parts.hostname or "", parts.port or 0, context))
        server.stop()
        thread.join(30)


def spend(client: Client, times: int) -> list[int]:
    return [client.detect(jpeg(nobody(), 64)).status for _ in range(times)]


def test_a_day_back_a_year_forward_and_back_hand_nothing_out_twice(timed: Timed) -> None:
    client = timed.client("three", "recognise", quota=3)
    assert spend(client, 4) == [200, 200, 200, 429]
    for jump, left in ((-DAY_S, 3), (365 * DAY_S, 3), (0, 0), (-DAY_S, 0), (365 * DAY_S, 0), (0, 0)):
        timed.clock.time = NOON + jump
        assert spend(client, left + 1) == [200] * left + [429]
    timed.clock.time = NOON + DAY_S
    assert spend(client, 1) == [200]


def test_the_quota_is_new_at_midnight_gmt(timed: Timed) -> None:
    client = timed.client("one", "recognise", quota=1)
    midnight = NOON + DAY_S / 2
    timed.clock.time = midnight - 1
    assert spend(client, 1) == [200]
    refused = client.detect(jpeg(nobody(), 64))
    assert (refused.status, refused.headers["Retry-After"], refused.headers["RateLimit-Reset"]) == (
        429,
        "1",
        "1",
    )
    timed.clock.time = midnight
    answer = client.detect(jpeg(nobody(), 64))
    assert (answer.status, answer.headers["RateLimit-Reset"]) == (200, str(int(DAY_S)))


def test_health_takes_the_clock_for_set_when_quotas_do(
    timed: Timed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where timesyncd sets it, not before that has: a plausible time alone says nothing."""
    monkeypatch.setattr(health, "is_set", partial(is_set, run=tmp_path))
    assert timed.door.get("/health").ok()["clock"] == "unset"
    (tmp_path / "synchronized").touch()
    assert timed.door.get("/health").ok()["clock"] == "ok"


def test_a_token_expires_by_the_clock(timed: Timed) -> None:
    client = timed.client("hour", "recognise", expires=NOON + 3600)
    assert client.get("/v1.0/usage").status == 200
    timed.clock.time = NOON + 3600
    assert client.get("/v1.0/usage").refusal == (401, "invalid_token")


def test_a_clock_that_was_never_set_is_told(timed: Timed) -> None:
    assert timed.door.get("/health").ok()["clock"] == "ok"
    timed.clock.time = 0.0
    answer = timed.door.get("/health").ok()
    assert (answer["status"], answer["clock"]) == ("ok", "unset")


def crop(client: Client, path: Path) -> bytes:
    return cut_out(path, client.detect(path.read_bytes()).ok()["faces"][0], square=True)


def test_who_was_indexed_and_never_named_is_forgotten_when_nobody_sees_them(timed: Timed) -> None:
    client = timed.client("all", "recognise", "train", "admin")
    gone = client.index(crop(client, obama())).ok()["personId"]
    seen = client.index(crop(client, biden())).ok()["personId"]
    trained = client.train(jpeg(astronaut(), 400)).ok()["personId"]
    timed.clock.time = NOON + 20 * DAY_S
    assert client.index(crop(client, biden())).ok()["personId"] == seen
    for day, left in (
        (30, {gone, seen, trained}),
        (31, {seen, trained}),
        (50, {seen, trained}),
        (51, {trained}),
    ):
        timed.clock.time = NOON + day * DAY_S
        timed.device.enroller.forget_unseen()
        assert {person["personId"] for person in client.people()} == left, day
    assert client.get(f"/v1.0/people/{gone}").refusal == (404, "unknown_person_id")
    assert client.identify(jpeg(obama(), 400)).ok()["faces"][0]["verdict"] == "unknown"


def test_a_name_keeps_somebody_for_good(timed: Timed) -> None:
    client = timed.client("all", "recognise", "train", "admin")
    person = client.index(crop(client, obama())).ok()["personId"]
    path = f"/v1.0/people/{person}"
    client.request("PATCH", path, b'{"metadata": {"name": "Barack"}}').ok()
    for day in (1000, 1001, 1002):
        timed.clock.time = NOON + day * DAY_S
        timed.device.enroller.forget_unseen()
    assert client.get(path).status == 200


def test_a_clock_a_year_ahead_for_a_moment_forgets_nobody(timed: Timed) -> None:
    client = timed.client("all", "recognise", "train", "admin")
    person = client.index(crop(client, obama())).ok()["personId"]
    timed.clock.time = NOON + 365 * DAY_S
    timed.device.enroller.forget_unseen()
    timed.clock.time = NOON
    timed.device.enroller.forget_unseen()
    assert client.get(f"/v1.0/people/{person}").status == 200
