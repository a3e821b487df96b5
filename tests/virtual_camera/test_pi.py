"""PiCamera on the real picamera2."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import closing

import numpy as np
import pytest

from edge.camera.frame import Frame
from edge.camera.pi import PiCamera
from edge.camera.spec import Spec
from edge.errors import CameraAbsent, CameraStalled
from edge.picture import Planes
from tests.virtual_camera import frames, memory, shutter

PI = Spec("pi", "0", *frames.SIZE, 0, 10.0)


@pytest.fixture(autouse=True, scope="module")
def _pictures() -> None:
    frames.show(frames.patches())


@pytest.fixture(autouse=True)
def _no_faults() -> Iterator[None]:
    yield
    for fault in (shutter.STALLED, memory.MEMORY_KIB):
        fault.unlink(missing_ok=True)


def yuv(red: int, green: int, blue: int) -> tuple[float, float, float]:
    """Full-range YUV of ITU-R BT.601, as in JPEG (JFIF 1.02)."""
    y = 0.299 * red + 0.587 * green + 0.114 * blue
    return y, 128 + (blue - y) / 1.772, 128 + (red - y) / 1.402


def found(planes: Planes, x: int, y: int) -> tuple[float, float, float]:
    """The mean around a point."""
    near, half = np.s_[y - 8 : y + 8, x - 8 : x + 8], np.s_[y // 2 - 4 : y // 2 + 4, x // 2 - 4 : x // 2 + 4]
    return float(planes.y[near].mean()), float(planes.u[half].mean()), float(planes.v[half].mean())


def copy_of(frame: Frame) -> Planes:
    return Planes(frame.small.y.copy(), frame.small.u.copy(), frame.small.v.copy())


def test_both_streams_have_their_sizes_and_colours() -> None:
    """Full-range colours, from rows that are longer than the picture."""
    with closing(PiCamera(PI)) as camera:
        frame = camera.next(5)
        assert (frame.width, frame.height) == frames.SIZE
        assert (frame.small.width, frame.small.height) == (640, 360)
        assert frame.small.y.strides[0] == 640 + memory.PADDING
        whole = camera.region(0, 0, *frames.SIZE)
        for (x, y), colour in frames.PATCHES.items():
            assert found(frame.small, x // 2, y // 2) == pytest.approx(yuv(*colour), abs=3)
            assert found(whole, x, y) == pytest.approx(yuv(*colour), abs=3)
        del frame


def test_a_region_is_a_part_of_the_same_moment() -> None:
    """Cut out of the large stream of the request in hand, and a copy."""
    with closing(PiCamera(PI)) as camera:
        camera.next(5)
        whole = camera.region(0, 0, *frames.SIZE)
        part = camera.region(302, 100, 500, 420)
        assert np.array_equal(part.y, whole.y[100:520, 302:802])
        assert np.array_equal(part.u, whole.u[50:260, 151:401])
        assert np.array_equal(part.v, whole.v[50:260, 151:401])
        camera.next(5)
        assert part.y.flags.owndata
        assert np.array_equal(part.y, whole.y[100:520, 302:802])


def test_frames_are_new_and_come_at_the_pace_of_the_camera() -> None:
    """Their times are of this machine's steady clock."""
    with closing(PiCamera(PI)) as camera:
        started = time.monotonic()
        times = []
        for number in range(1, 21):
            frame = camera.next(5)
            assert frame.number == number
            assert time.monotonic() - 1 < frame.time <= time.monotonic()
            times.append(frame.time)
            del frame
        assert times == sorted(set(times))
        assert time.monotonic() - started > 10 / shutter.FPS


def test_it_opens_again() -> None:
    """Nothing of the camera's memory is kept."""
    before = memory.Memory.still_viewed
    for _ in range(4):
        with closing(PiCamera(PI)) as camera:
            camera.next(5)
            camera.next(5)
            camera.region(0, 0, 640, 360)
    assert memory.Memory.still_viewed == before


def test_a_stall_is_told_in_time_and_ends_with_a_flush() -> None:
    """Stopping and starting is enough for this one."""
    with closing(PiCamera(PI)) as camera:
        camera.next(5)
        shutter.STALLED.write_text("start")
        with pytest.raises(CameraStalled, match=r"no frame came within 0\.5 s"):
            [camera.next(0.5) and None for _ in range(3)]  # one may still have been under way
        began = time.monotonic()
        with pytest.raises(CameraStalled):
            camera.next(0.5)
        assert time.monotonic() - began < 1
        camera.flush()
        flushed = time.monotonic()
        assert camera.next(5).time > flushed - 0.5


def test_a_stall_that_ends_by_itself_costs_no_buffer() -> None:
    """Waits that were given up leave no request behind that nobody gives back."""
    with closing(PiCamera(PI)) as camera:
        for _ in range(6):
            camera.next(5)
            shutter.STALLED.write_text("")
            with pytest.raises(CameraStalled):
                [camera.next(0.3) and None for _ in range(3)]
            shutter.STALLED.unlink()
        times = [camera.next(5).time for _ in range(8)]
    assert times == sorted(set(times))


def test_a_frame_from_before_a_stall_is_not_given() -> None:
    """The last one stays in picamera2's queue."""
    with closing(PiCamera(PI)) as camera:
        camera.next(5)
        shutter.STALLED.write_text("")
        time.sleep(2)
        shutter.STALLED.unlink()
        asked = time.monotonic()
        assert camera.next(5).time > asked - 1


def test_fewer_buffers_where_memory_is_short() -> None:
    """ENOMEM with four, and three do."""
    memory.MEMORY_KIB.write_text("5200")
    with closing(PiCamera(PI)) as camera:
        assert camera._open().device.camera_configuration()["buffer_count"] == 3
        times = [camera.next(5).time for _ in range(8)]
    assert times == sorted(set(times))


def test_too_little_memory_is_told_in_words() -> None:
    """And the camera can be opened when there is more."""
    memory.MEMORY_KIB.write_text("500")
    with pytest.raises(CameraAbsent, match=r"Cannot allocate memory.*make camera_width and .* smaller"):
        PiCamera(PI)
    memory.MEMORY_KIB.unlink()
    with closing(PiCamera(PI)) as camera:
        camera.next(5)


def test_a_camera_that_is_in_use_is_told_in_words() -> None:
    """libcamera lends it to one."""
    with closing(PiCamera(PI)) as camera:
        with pytest.raises(CameraAbsent, match="another program uses it"):
            PiCamera(PI)
        camera.next(5)


def test_a_camera_that_is_not_there_is_told_in_words() -> None:
    """With those that are."""
    with pytest.raises(CameraAbsent, match="there is no camera number 7; found: 0: virtual"):
        PiCamera(Spec("pi", "7", *frames.SIZE, 0, 10.0))
