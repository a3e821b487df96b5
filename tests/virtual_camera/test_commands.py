"""The command line before the real picamera2."""

from __future__ import annotations

import json
import signal
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.photographs import biden, nobody, obama
from tests.service import command, spawn
from tests.virtual_camera import frames, shutter

PATIENCE_S = 60.0


@pytest.fixture(autouse=True, scope="module")
def _people() -> Iterator[None]:
    frames.show(frames.moving([obama(), biden()], nobody(), count=4))
    yield
    frames.show(frames.patches())
    shutter.STALLED.unlink(missing_ok=True)


def test_camera_test_tells_what_an_installer_wants_to_know(tmp_path: Path) -> None:
    """The mode, the pace and both faces."""
    picture = tmp_path / "seen.jpg"
    done = command("camera", "test", "--camera", "pi", "--picture", str(picture), state=tmp_path / "state")
    assert done.returncode == 0, done.stderr
    assert "1280x720 px; small stream 640x360 px; 1" in done.stdout  # 1x.x frames/s
    assert "face 2" in done.stdout
    assert "face 3" not in done.stdout
    assert picture.read_bytes().startswith(b"\xff\xd8")


def test_a_camera_that_is_not_there_is_told_in_words(tmp_path: Path) -> None:
    done = command("camera", "test", "--camera", "pi:3", state=tmp_path / "state")
    assert done.returncode != 0
    assert "there is no camera number 3; found: 0: virtual" in done.stderr


def test_watch_tells_of_people_and_of_the_camera(tmp_path: Path) -> None:
    """Two strangers come, the camera stalls, and comes back; then it is interrupted."""
    process = spawn("watch", "--camera", "pi", "--json", state=tmp_path / "state")
    assert process.stdout is not None
    late = threading.Timer(PATIENCE_S, process.kill)
    late.start()
    told: list[str] = []
    for line in process.stdout:
        told.append(json.loads(line)["event"])
        if told.count("person.unknown") == 2 and "camera.stalled" not in told:
            shutter.STALLED.write_text("open")
        if told[-1] == "camera.recovered":
            break
    process.send_signal(signal.SIGINT)
    rest, errors = process.communicate(timeout=PATIENCE_S)
    late.cancel()
    assert process.returncode == 0, errors
    assert told[:4].count("face.appeared") == 2
    assert told.index("camera.stalled") < told.index("camera.recovered")
    told += [json.loads(line)["event"] for line in rest.splitlines()]
    assert told.count("person.left") == told.count("face.appeared")
