"""The loop as a program: `api-face watch` on a replay, `api-face serve` beside it, and cameras that fail."""

from __future__ import annotations

import json
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from edge.beside import beside
from edge.camera.escalation import CameraKind, CameraState
from edge.camera.frame import Frame
from edge.clock import SystemClock
from edge.closeup import Region
from edge.errors import CameraEnded, StoreError
from edge.event import EventKind
from edge.settings import Settings
from edge.store import open_store
from edge.turn import Turn
from edge.watch import Watch
from edge.wiring import opened_device
from tests.photographs import obama
from tests.scenes import Scene, folder_of, present, standing
from tests.service import command, served

SECONDS = 6


@pytest.fixture(scope="module")
def replay(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Somebody known comes after a second and goes after four."""
    scene = Scene([("obama", 300, present(standing(), (1, 4)))])
    return folder_of(scene, tmp_path_factory.mktemp("replay") / "frames", SECONDS)


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """A device that knows him."""
    with opened_device(tmp_path, Settings(workers=1)) as device:
        device.enroller.train(obama().read_bytes(), "Barack", None)
    return tmp_path


def test_watch_tells_who_comes_and_goes(state: Path, replay: Path) -> None:
    """JSON lines as everybody else is told, figures at the end, and the sighting in the store."""
    figures = state / "figures.json"
    done = command(
        "watch", "--camera", f"file:{replay}?speed=full", "--json", "--figures", str(figures), state=state
    )
    assert done.returncode == 0, done.stderr
    events = [json.loads(line) for line in done.stdout.splitlines()]
    assert [event["event"] for event in events] == ["face.appeared", "person.identified", "person.left"]
    assert [event["metadata"]["name"] for event in events] == ["unknown", "Barack", "Barack"]
    assert 2.0 <= events[2]["seconds"] <= 3.5
    found = json.loads(figures.read_text())
    assert found["frames"] == SECONDS * 10
    assert 0 < found["embedded"] <= found["detected"] < found["frames"]
    assert (
        0 < found["model_seconds"] <= found["steps"]["detect"]["seconds"] + found["steps"]["embed"]["seconds"]
    )
    with open_store(state) as store:
        (sighting,) = store.sightings()
        assert not sighting.open
        assert sighting.crop_bytes


def test_watch_keeps_names_to_itself(state: Path, replay: Path) -> None:
    """A line per event, with ids; a name only where a setting or the command line allows it."""
    source = f"file:{replay}?speed=full"
    for arguments, named in (((), False), (("--names",), True)):
        done = command("watch", "--camera", source, *arguments, state=state)
        assert done.returncode == 0, done.stderr
        assert len(done.stdout.splitlines()) == 3
        assert "person.identified" in done.stdout
        assert "personId=" in done.stdout
        assert ("Barack" in done.stdout + done.stderr) == named


@pytest.mark.parametrize(
    ("arguments", "words"),
    [((), "there is no camera"), (("--camera", "telescope"), "telescope"), (("--camera", "file:"), "file:")],
)
def test_watch_without_a_camera(tmp_path: Path, arguments: tuple[str, ...], words: str) -> None:
    done = command("watch", *arguments, state=tmp_path)
    assert done.returncode == 2
    assert words in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_serve_watches(state: Path, replay: Path) -> None:
    """One service: the API answers, the camera is seen in health, its events and sightings are there."""
    with served(state, camera=f"file:{replay}?loop") as service:
        client = service.with_scopes("all", "recognise", "train", "admin")
        found: list[dict[str, Any]] = []
        for _ in range(200):
            found = client.get("/v1.0/sightings").ok()["sightings"]
            if any(one["metadata"]["name"] == "Barack" for one in found):
                break
            threading.Event().wait(0.1)
        assert found[0]["metadata"]["name"] == "Barack"
        assert client.get(found[0]["crop"]).headers["Content-Type"] == "image/jpeg"
        assert client.get("/health").ok()["camera"] == "ok"
        assert client.identify(obama().read_bytes()).ok()["faces"][0]["metadata"]["name"] == "Barack"
        assert b"api_face_camera_frames " in client.get("/metrics").body
        assert service.stop() == 0
    with open_store(state) as store:
        assert not store.open_sightings()
    assert "Barack" not in service.log
    assert "person.identified" in service.log


class Cameras:
    """A camera that does what the test says, frame by frame."""

    def __init__(self, *story: CameraState | Frame | Exception) -> None:
        self._story = list(story)
        self.state = CameraState(CameraKind.STARTING, "", 0.0, 0)
        self.closed = False

    @property
    def region(self) -> Region:
        return lambda box: None

    def next(self) -> Frame | None:
        if not self._story:
            raise CameraEnded("the end")
        now = self._story.pop(0)
        if isinstance(now, Exception):
            raise now
        if isinstance(now, CameraState):
            self.state = now
            return None
        return now

    def close(self) -> None:
        self.closed = True


class Looking:
    """Stands for edge.attention and edge.sightings."""

    def __init__(self, failure: Exception | None = None) -> None:
        self.failure = failure
        self.told: list[tuple[EventKind, dict[str, Any]]] = []
        self.looked = 0
        self.closed_former = False
        self.ended = False
        self.visits: list[object] = []

    def look(self, frame: Frame, region: Region) -> None:
        self.looked += 1
        if self.failure is not None:
            raise self.failure

    def expire(self, time: float) -> None: ...

    def end(self) -> None:
        self.ended = True

    def catch_up(self) -> None: ...

    def close_former(self) -> None:
        self.closed_former = True

    def camera(self, kind: EventKind, details: dict[str, Any]) -> None:
        self.told.append((kind, details))


def watch_over(camera: Cameras, looking: Looking, turn: Turn | None = None) -> Watch:
    looking.steps = None  # type: ignore[attr-defined]
    turn = turn or Turn(Path(tempfile.mkdtemp()) / "turn")
    return Watch(camera, looking, looking, pace=None, clock=SystemClock(), turn=turn)  # type: ignore[arg-type]


def frames(count: int) -> Iterator[Frame]:
    (scene,) = [Scene()]
    return (frame for frame, _ in scene.frames(count / 10))


def state_of(kind: CameraKind, reason: str = "") -> CameraState:
    return CameraState(kind, reason, 0.0, 0)


def test_a_stall_is_told_once() -> None:
    """Stalled, tried again and again, absent, and back: two events."""
    story: list[CameraState | Frame | Exception] = [
        state_of(CameraKind.OK),
        *frames(1),
        state_of(CameraKind.STALLED, "no frame came within 4 s"),
        state_of(CameraKind.STALLED, "no frame came within 4 s"),
        state_of(CameraKind.ABSENT, "it cannot be opened"),
        state_of(CameraKind.STARTING),
        state_of(CameraKind.OK),
        *frames(1),
    ]
    camera, looking = Cameras(*story), Looking()
    watch_over(camera, looking).run(threading.Event())
    assert [kind for kind, _ in looking.told] == [EventKind.CAMERA_STALLED, EventKind.CAMERA_RECOVERED]
    assert looking.told[0][1] == {"reason": "no frame came within 4 s"}
    assert looking.told[1][1]["seconds"] >= 0
    assert looking.looked == 2
    assert camera.closed
    assert looking.ended


@pytest.mark.parametrize("failure", [StoreError("the disk is full"), ZeroDivisionError()])
def test_a_frame_that_fails_is_not_the_end(failure: Exception, caplog: pytest.LogCaptureFixture) -> None:
    """It is logged once, not with each frame."""
    camera, looking = Cameras(*frames(3)), Looking(failure)
    watch_over(camera, looking).run(threading.Event())
    assert looking.looked == 3
    assert len(caplog.records) == 1
    assert looking.ended


def test_one_process_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second waits, which health tells, and ends what the first had left open before it looks."""
    monkeypatch.setattr("edge.watch._TURN_EVERY_S", 0.01)
    first = Turn(tmp_path / "turn")
    assert first.taken()
    camera, looking = Cameras(*frames(2)), Looking()
    watch = watch_over(camera, looking, Turn(tmp_path / "turn"))
    with beside(watch.run, "camera"):
        while watch.state() != "absent":
            threading.Event().wait(0.01)
        assert looking.looked == 0
        first.give_back()
        while not looking.ended:
            threading.Event().wait(0.01)
    assert (looking.looked, looking.closed_former) == (2, True)


def test_a_camera_that_raises_is_not_the_end(caplog: pytest.LogCaptureFixture) -> None:
    """Something that nobody foresaw: it is logged, and the next frame is asked for."""
    camera, looking = Cameras(ZeroDivisionError(), *frames(1)), Looking()
    watch_over(camera, looking).run(threading.Event())
    assert looking.looked == 1
    assert len(caplog.records) == 1


def test_stopping() -> None:
    """A stop ends it with the frame under way."""
    stop = threading.Event()
    stop.set()
    camera, looking = Cameras(*frames(3)), Looking()
    watch_over(camera, looking).run(stop)
    assert looking.looked == 0
    assert camera.closed
