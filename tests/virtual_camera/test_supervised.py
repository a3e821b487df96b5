"""SupervisedCamera over the real picamera2: its process, its faults, its memory."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator

import pytest

from edge.camera.escalation import CameraKind
from edge.camera.spec import Spec
from edge.camera.supervised import SupervisedCamera
from edge.clock import SystemClock
from edge.face import Box
from edge.settings import Settings
from tests.virtual_camera import frames, shutter
from tests.virtual_camera.processes import memory_mib

NOTICED_S = 5.0
RECOVERED_S = 20.0


@pytest.fixture
def camera() -> Iterator[SupervisedCamera]:
    """One that gives frames."""
    frames.show(frames.patches())
    shutter.STALLED.unlink(missing_ok=True)
    settings = Settings(camera="pi")
    spec = Spec.of(settings)
    assert spec is not None
    made = SupervisedCamera(spec, SystemClock(), settings.camera_memory_mib)
    until(made, CameraKind.OK, RECOVERED_S)
    yield made
    made.close()
    shutter.STALLED.unlink(missing_ok=True)


def until(camera: SupervisedCamera, kind: CameraKind, most_s: float) -> float:
    """Ask for frames until the camera is in that state; how long it took, seconds."""
    began = time.monotonic()
    while camera.state.kind is not kind:
        assert time.monotonic() - began < most_s, camera.state
        camera.next()
    return time.monotonic() - began


def test_frames_and_regions_cross_the_processes(camera: SupervisedCamera) -> None:
    """The same picture as in the camera's own process."""
    frame = camera.next()
    assert frame is not None
    assert (frame.width, frame.height, frame.small.width, frame.small.height) == (*frames.SIZE, 640, 360)
    cut = camera.region(Box(300, 100, 200, 100))
    assert cut is not None
    planes, left, top = cut
    assert (left, top, planes.width, planes.height) == (300, 100, 200, 100)
    # The border of the red and the green patch is at x = 320.
    assert planes.v[:, 2].mean() > 200
    assert planes.v[:, -2].mean() < 100


@pytest.mark.parametrize("ended_by", ["start", "open", "process"])
def test_a_stall_is_noticed_and_recovered_from(camera: SupervisedCamera, ended_by: str) -> None:
    """Whichever step it is that helps: starting again, opening again, a new process."""
    first = camera.pid
    shutter.STALLED.write_text(ended_by)
    assert until(camera, CameraKind.STALLED, NOTICED_S) < NOTICED_S
    until(camera, CameraKind.OK, RECOVERED_S)
    assert not shutter.STALLED.exists()
    assert (camera.pid != first) == (ended_by == "process")


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP])
def test_a_process_that_dies_or_hangs_is_replaced(camera: SupervisedCamera, number: signal.Signals) -> None:
    """A new one opens the camera, which the kernel took from the old one."""
    first = camera.pid
    assert first is not None
    os.kill(first, number)
    assert until(camera, CameraKind.STALLED, NOTICED_S) < NOTICED_S
    until(camera, CameraKind.OK, RECOVERED_S)
    assert camera.pid != first
    assert camera.state.restarts == 1


def test_a_picture_that_never_changes_is_a_stall(camera: SupervisedCamera) -> None:
    """A sensor is noisy: it never gives the same picture twice."""
    frames.show(frames.patches(1))  # for the next process
    first = camera.pid
    assert first is not None
    os.kill(first, signal.SIGKILL)
    until(camera, CameraKind.STALLED, NOTICED_S)
    until(camera, CameraKind.OK, RECOVERED_S)
    assert until(camera, CameraKind.STALLED, NOTICED_S) < NOTICED_S


def test_its_memory_is_what_the_settings_allow_and_flat(camera: SupervisedCamera) -> None:
    """Of the whole process, with picamera2, its buffers, and the shim's and the virtual camera's own."""
    pid = camera.pid
    assert pid is not None
    for _ in range(50):
        camera.next()
    before, _ = memory_mib(pid)
    for _ in range(300):
        camera.next()
        camera.region(Box(300, 100, 200, 200))
    after, share = memory_mib(pid)
    print(f"\ncamera: RSS {before:.1f}, then {after:.1f} MiB, PSS {share:.1f} MiB")
    assert camera.pid == pid
    assert after < Settings().camera_memory_mib
    assert after < before + 4
