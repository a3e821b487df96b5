"""A camera in a process of its own: whatever happens to that, frames come again and the parent goes on."""

from __future__ import annotations

import dataclasses
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from edge.camera.escalation import CameraKind, Limits
from edge.camera.frame import Frame
from edge.camera.spec import Spec
from edge.camera.supervised import SupervisedCamera
from edge.clock import SystemClock
from edge.errors import CameraEnded
from edge.face import Box
from tests.test_camera_replay import painted

SPEC = Spec("v4l2", "/dev/none", 128, 96, 0, 30.0)
QUICK = Limits(
    quiet_s=0.4, frozen_s=0.5, step_s=0.2, silent_s=0.8, dark_s=0.3, back_off_s=0.05, most_back_off_s=0.1
)
PATIENCE_S = 20.0


class Bench:
    """A camera, and the folder that tells it how to fail."""

    def __init__(self, folder: Path, memory_mib: float = 500.0, limits: Limits = QUICK) -> None:
        self._folder = folder
        command = (sys.executable, "-m", "tests.faulty_camera", str(folder))
        self.camera = SupervisedCamera(SPEC, SystemClock(), memory_mib, command, limits)

    def fails(self, fault: str) -> None:
        """From now on; "": no longer."""
        path = self._folder / "fault"
        if fault:
            path.with_suffix(".new").write_text(fault)
            path.with_suffix(".new").replace(path)
        else:
            path.unlink(missing_ok=True)

    def calls(self) -> list[str]:
        """What was asked of the device."""
        return (self._folder / "calls").read_text().split()

    def frame(self) -> Frame:
        """The next good one."""
        return self.until(lambda frame: frame is not None)

    def until(self, done: Callable[[Frame | None], bool]) -> Frame:
        """Ask for frames until that is so."""
        end = time.monotonic() + PATIENCE_S
        while time.monotonic() < end:
            frame = self.camera.next()
            if done(frame):
                return frame  # type: ignore[return-value]
        raise AssertionError(f"still {self.camera.state}")

    def becomes(self, kind: CameraKind) -> str:
        """Ask for frames until the camera is in that state; why it is."""
        self.until(lambda frame: self.camera.state.kind is kind)
        return self.camera.state.reason


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    made = Bench(tmp_path)
    yield made
    made.camera.close()


def pid_of(bench: Bench) -> int:
    assert bench.camera.pid is not None
    return bench.camera.pid


def open_file_count() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def exists(pid: int) -> bool:
    """Also as a zombie."""
    return Path(f"/proc/{pid}").exists()


def runs(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


def test_frames_and_regions(bench: Bench) -> None:
    """The small stream as views, the full one as copies of what is asked for."""
    assert bench.camera.state.kind is CameraKind.STARTING
    first = bench.frame()
    assert (first.width, first.height, first.small.width, first.small.height) == (128, 96, 64, 48)
    level = int(first.small.y[0, -1])
    assert (first.small.y[:, 32:] == level).all()
    assert (first.small.u == 128).all()
    assert not first.small.y.flags.writeable
    got = bench.camera.region(Box(60.5, 10.2, 11, 7.1))
    assert got is not None
    planes, left, top = got
    assert (left, top, planes.width, planes.height) == (60, 10, 12, 8)
    assert planes.y.tolist() == [[level - 1] * 4 + [level] * 8] * 8
    assert planes.u.shape == (4, 6)
    second = bench.frame()
    assert second.number > first.number
    assert second.time > first.time
    assert planes.y[0, -1] == level  # a copy
    assert bench.camera.state == dataclasses.replace(bench.camera.state, kind=CameraKind.OK, reason="")


def test_a_region_is_clipped_and_even(bench: Bench) -> None:
    bench.frame()
    for box, found in (
        (Box(-10, -10, 1000, 1000), (0, 0, 128, 96)),
        (Box(127, 95, 10, 10), (126, 94, 2, 2)),
        (Box(128, 0, 10, 10), None),
        (Box(5, 5, 0, 0), (4, 4, 2, 2)),
        (Box(-50, 5, 20, 20), None),
    ):
        got = bench.camera.region(box)
        assert (got and (got[1], got[2], got[0].width, got[0].height)) == found


def test_killed_ten_times(bench: Bench) -> None:
    """Frames come again each time; nothing is left behind of those that were killed."""
    bench.frame()
    open_files = open_file_count()
    killed = []
    for count in range(1, 11):
        killed.append(pid_of(bench))
        os.kill(killed[-1], signal.SIGKILL)
        assert "SIGKILL" in bench.becomes(CameraKind.STALLED)
        assert bench.camera.region(Box(0, 0, 9, 9)) is None
        bench.frame()
        assert bench.camera.state.kind is CameraKind.OK
        assert bench.camera.state.restarts == count
    assert open_file_count() == open_files
    assert not any(exists(pid) for pid in killed)


def test_a_stopped_process_is_noticed_within_five_seconds(tmp_path: Path) -> None:
    """With the patience that holds in the field."""
    bench = Bench(tmp_path, limits=dataclasses.replace(Limits(), back_off_s=0.05))
    try:
        bench.frame()
        hung = pid_of(bench)
        os.kill(hung, signal.SIGSTOP)
        began = time.monotonic()
        bench.becomes(CameraKind.STALLED)
        assert time.monotonic() - began < 5
        bench.becomes(CameraKind.OK)
        assert pid_of(bench) != hung
        assert not exists(hung)
    finally:
        bench.camera.close()


def test_a_hang_in_a_region_is_bounded(bench: Bench) -> None:
    bench.frame()
    bench.fails("hung in region")
    assert bench.camera.region(Box(0, 0, 9, 9)) is None
    bench.fails("")
    bench.frame()
    assert bench.camera.state.restarts == 1


def test_a_stall_is_flushed(bench: Bench) -> None:
    bench.frame()
    bench.fails("stalled until flushed")
    assert "no frame" in bench.becomes(CameraKind.STALLED)
    bench.becomes(CameraKind.OK)
    assert bench.calls() == ["open", "flush"]
    assert bench.camera.state.restarts == 0


def test_a_stall_that_flushing_does_not_help_is_reopened(bench: Bench) -> None:
    bench.frame()
    bench.fails("stalled until reopened")
    bench.becomes(CameraKind.STALLED)
    bench.becomes(CameraKind.OK)
    assert bench.calls() == ["open", "flush", "close", "open"]
    assert bench.camera.state.restarts == 0


@pytest.mark.parametrize("fault", ["stalled", "frozen"])
def test_what_nothing_helps_gets_a_new_process(bench: Bench, fault: str) -> None:
    """Frozen frames are no frames."""
    bench.frame()
    bench.fails(fault)
    words = {"stalled": "no frame", "frozen": "not changed"}
    assert words[fault] in bench.becomes(CameraKind.STALLED)
    bench.until(lambda frame: bench.camera.state.restarts >= 1)
    assert bench.calls()[:4] == ["open", "flush", "close", "open"]
    bench.fails("")
    bench.becomes(CameraKind.OK)


def test_black_frames_are_a_state_and_no_fault(bench: Bench) -> None:
    """They never differ, and the camera is not restarted for it."""
    bench.frame()
    bench.fails("black")
    assert "black" in bench.becomes(CameraKind.DARK)
    end = time.monotonic() + 1.5
    while time.monotonic() < end:
        assert bench.camera.next() is not None
    assert bench.camera.state.kind is CameraKind.DARK
    bench.fails("")
    bench.becomes(CameraKind.OK)
    assert bench.calls() == ["open"]


@pytest.mark.parametrize(("fault", "words"), [("absent", "on the cable"), ("enomem", "ENOMEM")])
def test_absent_at_first_and_there_later(bench: Bench, fault: str, words: str) -> None:
    bench.fails(fault)
    assert words in bench.becomes(CameraKind.ABSENT)
    bench.until(lambda frame: bench.camera.state.restarts >= 2)
    assert bench.camera.state.kind is CameraKind.ABSENT
    bench.fails("")
    bench.becomes(CameraKind.OK)


@pytest.mark.parametrize(("fault", "words"), [("broken", "something odd"), ("crashed", "exit code 7")])
def test_a_process_that_fails_says_why(bench: Bench, fault: str, words: str) -> None:
    bench.frame()
    bench.fails(fault)
    assert words in bench.becomes(CameraKind.STALLED)
    bench.fails("")
    bench.becomes(CameraKind.OK)


def test_a_process_that_leaks_is_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edge.camera.supervised._MEMORY_EVERY_S", 0.1)
    bench = Bench(tmp_path, memory_mib=150)
    try:
        bench.frame()
        bench.fails("leaking")
        assert "memory" in bench.becomes(CameraKind.STALLED)
        bench.fails("")
        bench.becomes(CameraKind.OK)
    finally:
        bench.camera.close()


def test_signals_for_the_parent_are_not_its_own(bench: Bench) -> None:
    bench.frame()
    for number in (signal.SIGINT, signal.SIGTERM):
        os.kill(pid_of(bench), number)
    for _ in range(10):
        bench.frame()
    assert bench.camera.state.restarts == 0


def test_close_ends_it(bench: Bench) -> None:
    bench.frame()
    pid = pid_of(bench)
    bench.camera.close()
    assert not exists(pid)
    assert bench.calls() == ["open", "close"]
    assert bench.camera.next() is None
    assert bench.camera.region(Box(0, 0, 9, 9)) is None


def test_it_dies_with_its_parent(tmp_path: Path) -> None:
    """Also when that is killed."""
    program = (
        "import sys; from pathlib import Path; from tests.test_camera_process import Bench;"
        "bench = Bench(Path(sys.argv[1])); bench.frame(); print(bench.camera.pid, flush=True); input()"
    )
    root = Path(__file__).resolve().parent.parent
    parent = subprocess.Popen(
        [sys.executable, "-c", program, str(tmp_path)],
        cwd=root,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert parent.stdout is not None
    child = int(parent.stdout.readline())
    parent.kill()
    parent.communicate()
    end = time.monotonic() + PATIENCE_S
    while runs(child):
        assert time.monotonic() < end
        time.sleep(0.01)


@pytest.mark.parametrize(
    ("command", "words"),
    [
        (("/nowhere/to/be/found",), "cannot be started"),
        ((sys.executable, "-c", "raise SystemExit(3)"), "exit code 3"),
        (
            (sys.executable, "-c", "import socket, sys; socket.socket(fileno=int(sys.argv[2])).send(b'?')"),
            "JSON",
        ),
    ],
)
def test_other_programs_do_no_harm(command: tuple[str, ...], words: str) -> None:
    camera = SupervisedCamera(SPEC, SystemClock(), 100, command, QUICK)
    try:
        end = time.monotonic() + PATIENCE_S
        while words not in camera.state.reason and time.monotonic() < end:
            assert camera.next() is None
        assert words in camera.state.reason
    finally:
        camera.close()


# -- with the real child --------------------------------------------------------------------------


def replayed(path: Path, options: str = "?speed=full") -> SupervisedCamera:
    spec = Spec.parse(f"file:{path}{options}", 1280, 720)
    assert spec is not None
    return SupervisedCamera(spec, SystemClock(), 500, limits=QUICK)


def test_a_replay_from_anywhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each picture once, the region that of the frame last given, then the end, also when asked again. It
    does not matter in which folder it is started, nor what lies there."""
    painted(tmp_path, [40, 80, 120])
    (tmp_path / "edge").mkdir()
    (tmp_path / "edge" / "__init__.py").write_text("raise SystemExit('not this one')")
    monkeypatch.chdir(tmp_path)
    camera = replayed(tmp_path)
    try:
        seen = []
        with pytest.raises(CameraEnded):
            while True:
                frame = camera.next()
                if frame is not None:
                    part = camera.region(Box(0, 0, 20, 20))
                    assert part is not None
                    seen.append((int(np.median(frame.small.y)), int(np.median(part[0].y))))
        assert seen == [(40, 40), (80, 80), (120, 120)]
        assert camera.state.kind is CameraKind.ENDED
        assert camera.pid is None
        with pytest.raises(CameraEnded):
            camera.next()
    finally:
        camera.close()


def test_a_file_that_comes_later(tmp_path: Path) -> None:
    """Absent, in words, until it is there."""
    camera = replayed(tmp_path / "folder")
    try:
        while camera.state.kind is CameraKind.STARTING:
            assert camera.next() is None
        assert camera.state.kind is CameraKind.ABSENT
        assert str(tmp_path) in camera.state.reason
        (tmp_path / "making").mkdir()
        painted(tmp_path / "making", [90])
        (tmp_path / "making").rename(tmp_path / "folder")
        end = time.monotonic() + PATIENCE_S
        while (frame := camera.next()) is None and time.monotonic() < end:
            pass
        assert frame is not None
    finally:
        camera.close()


def test_the_child_knows_little() -> None:
    """What it imports is memory that the Pi has twice."""
    program = "import sys, edge.camera.child; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=Path(__file__).resolve().parent.parent,
        capture_output=True,
        text=True,
        check=True,
    )
    loaded = done.stdout.split()
    rooms = {name.split(".")[1] for name in loaded if name.startswith("edge.")}
    assert rooms <= {"camera", "picture", "budget", "clock", "errors", "face"}
    assert not {"av", "picamera2", "sqlite3", "ssl"} & set(loaded)
