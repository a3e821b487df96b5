"""The one service with the real picamera2: who is there, what a fault does to the API, and the memory."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.photographs import biden, nobody, obama, photographs
from tests.service import Client, Service, served
from tests.virtual_camera import frames, shutter
from tests.virtual_camera.processes import children, memory_mib

PATIENCE_S = 60.0
MEMORY_MB = 220.0
"""Of the service and the camera's process together, as PSS, which counts once what they share."""


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """It knows both people, one of them from another photograph than the camera will show."""
    state = tmp_path_factory.mktemp("service") / "state"
    frames.show(frames.moving([obama(), biden()], nobody()))
    with served(state) as before:
        client = before.with_scopes("before", "train")
        client.train(photographs()["obama2.jpg"].read_bytes(), "Barack Obama").ok()
        client.train(biden().read_bytes(), "Joe Biden").ok()
    with served(state, camera="pi", camera_name="door") as running:
        yield running


@pytest.fixture(scope="module")
def client(service: Service) -> Client:
    return service.with_scopes("everything", "recognise", "train", "admin")


@pytest.fixture(autouse=True)
def _no_stall() -> Iterator[None]:
    yield
    shutter.STALLED.unlink(missing_ok=True)


def until(true: Callable[[], bool], what: str, most_s: float = PATIENCE_S) -> float:
    """How long it took, seconds."""
    began = time.monotonic()
    while not true():
        assert time.monotonic() - began < most_s, what
        time.sleep(0.2)
    return time.monotonic() - began


def sightings(client: Client) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = client.get("/v1.0/sightings").ok()["sightings"]
    return found


def names(client: Client) -> set[str]:
    return {sighting["metadata"]["name"] for sighting in sightings(client)} - {"unknown"}


def camera_of(client: Client) -> str:
    return str(client.get("/health").ok()["camera"])


def megabytes(service: Service, when: str = "") -> list[float]:
    """PSS of the service and of the camera's process, MB; printed with RSS."""
    (camera,) = children(service.process.pid)
    taken = {"service": memory_mib(service.process.pid), "camera": memory_mib(camera)}
    if when:
        told = (f"{name}: RSS {rss:.1f}, PSS {pss:.1f} MiB" for name, (rss, pss) in taken.items())
        print("", when, *told, sep="\n")
    return [pss * 2**20 / 1e6 for _, pss in taken.values()]


def test_the_people_before_the_camera_are_identified(service: Service, client: Client) -> None:
    """Both, nobody else, and nobody a second time; each with a picture."""
    until(lambda: camera_of(client) == "ok", "no frame came")
    until(lambda: len(names(client)) == 2, f"not both were identified: {service.log}")
    time.sleep(5)
    assert names(client) == {"Barack Obama", "Joe Biden"}
    found = sightings(client)
    assert len(found) == 2, found
    assert {sighting["camera"] for sighting in found} == {"door"}
    for sighting in found:
        crop = client.get(sighting["crop"])
        assert crop.status == 200
        assert crop.body.startswith(b"\xff\xd8")
    assert len(client.people()) == 2
    assert sum(megabytes(service, "people in view")) < MEMORY_MB


def test_a_stall_is_seen_and_ends_while_the_api_answers(client: Client) -> None:
    """The stall that neither starting nor opening the camera again helps: the process is replaced."""
    until(lambda: camera_of(client) == "ok", "no frame came")
    answers: list[tuple[int, float]] = []
    over = threading.Event()

    def ask() -> None:
        picture = obama().read_bytes()
        while not over.is_set():
            began = time.monotonic()
            answers.append((client.detect(picture).status, time.monotonic() - began))

    asking = threading.Thread(target=ask)
    asking.start()
    try:
        shutter.STALLED.write_text("process")
        noticed = until(lambda: camera_of(client) == "stalled", "the stall was not noticed", 5)
        recovered = until(lambda: camera_of(client) == "ok", "the camera did not come back")
    finally:
        over.set()
        asking.join()
    statuses, waits = zip(*answers, strict=True)
    print(f"\nstall noticed after {noticed:.1f} s, over {recovered:.1f} s later;")
    print(f"{len(waits)} answers meanwhile, the slowest after {max(waits):.2f} s")
    assert set(statuses) == {200}
    assert max(waits) < 5


def test_memory(service: Service, client: Client) -> None:
    """Service and child together at rest, with people in view, after the API was used."""
    (camera,) = children(service.process.pid)
    frames.show(frames.moving([obama(), biden()], nobody(), count=2))  # few, for they count too
    os.kill(camera, signal.SIGKILL)
    until(lambda: children(service.process.pid) not in ([], [camera]), "there is no new process")
    until(lambda: camera_of(client) == "ok", "no frame came")
    for _ in range(10):
        client.identify(obama().read_bytes()).ok()
    time.sleep(20)  # what a request took is given back by then
    assert sum(megabytes(service, "after 10 requests")) < MEMORY_MB


def test_it_ends_in_time_and_leaves_no_process(tmp_path: Path) -> None:
    """With a camera that gives no frame."""
    with served(tmp_path / "state", camera="pi") as running:
        until(lambda: camera_of(running.client) == "ok", "no frame came")
        (camera,) = children(running.process.pid)
        shutter.STALLED.write_text("")
        until(lambda: camera_of(running.client) == "stalled", "the stall was not noticed")
        began = time.monotonic()
        assert running.stop() == 0
        assert time.monotonic() - began < 10
        assert not Path(f"/proc/{camera}").exists()
