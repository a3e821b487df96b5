"""PiCamera without a Pi: what it asks of picamera2, and that it gives every request back."""

from __future__ import annotations

import sys
import time
from contextlib import closing

import numpy as np
import pytest

from edge.camera.pi import PiCamera, steady
from edge.camera.spec import Spec
from edge.errors import CameraAbsent, CameraStalled
from tests.picamera2_double import PADDING, World

SECOND_NS = 10**9


def spec(target: str = "0", width: int = 1280, height: int = 720, rotation: int = 0, fps: float = 10) -> Spec:
    return Spec("pi", target, width, height, rotation, fps)


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    """One camera that works."""
    made = World()
    for name, module in made.modules().items():
        monkeypatch.setitem(sys.modules, name, module)
    return made


def held(world: World) -> list[int]:
    """Numbers of the requests that were not given back."""
    return [request.number for request in world.requests if not request.released]


def test_what_is_asked_of_picamera2(world: World) -> None:
    """Two streams in full-range BT.601, no raw stream, four buffers, short exposures."""
    PiCamera(spec()).close()
    assert world.configurations == [
        {
            "main": {"size": (1280, 720), "format": "YUV420"},
            "lores": {"size": (640, 360), "format": "YUV420"},
            "raw": None,
            "transform": ("transform", 0, 0),
            "colour_space": "sYCC",
            "buffer_count": 4,
            "controls": {"FrameDurationLimits": (66667, 66667)},
            "display": None,
            "encode": None,
        }
    ]


def test_a_camera_that_hangs_upside_down(world: World) -> None:
    """libcamera turns the picture."""
    PiCamera(spec(rotation=180)).close()
    assert world.configurations[0]["transform"] == ("transform", 1, 1)


@pytest.mark.parametrize(
    ("fps", "limits"), [(0.5, (66667, 66667)), (25, (40000, 66667)), (60, (33333, 66667))]
)
def test_frame_durations(world: World, fps: float, limits: tuple[int, int]) -> None:
    """The camera runs at 15 to 30 frames per second, however few are looked at."""
    PiCamera(spec(fps=fps)).close()
    assert world.configurations[0]["controls"] == {"FrameDurationLimits": limits}


def test_a_control_that_the_camera_lacks_is_not_set(world: World) -> None:
    """picamera2 would refuse it."""
    world.controls = ()
    PiCamera(spec()).close()
    assert world.configurations[0]["controls"] == {}


def test_a_lens_that_can_be_moved_is_kept_in_focus(world: World) -> None:
    """It would stay where it is."""
    world.controls = ("AfMode",)
    PiCamera(spec()).close()
    assert world.configurations[0]["controls"] == {"AfMode": 2}


def test_rows_are_cut_from_their_padding(world: World) -> None:
    """The width is the picture's, the stride the configuration's."""
    with closing(PiCamera(spec())) as camera:
        small = camera.next(1).small
        assert (small.width, small.height) == (640, 360)
        assert small.y.strides == (640 + PADDING, 1)
        assert np.array_equal(small.y[:, 639], np.arange(360) % 200)
        assert np.array_equal(small.u[179], np.arange(320) % 200)
        assert small.u.shape == small.v.shape == (180, 320)
        assert (small.v == 0).all()


def test_the_sizes_are_those_that_the_camera_gives(world: World) -> None:
    """libcamera may change them."""
    world.sizes = {"main": (1536, 864)}
    with closing(PiCamera(spec())) as camera:
        frame = camera.next(1)
        assert (frame.width, frame.height) == (1536, 864)


def test_a_region_is_a_copy_out_of_the_request_in_hand(world: World) -> None:
    """Mapped for no longer than that takes."""
    with closing(PiCamera(spec())) as camera:
        camera.next(1)
        camera.next(1)
        part = camera.region(100, 60, 40, 20)
        assert np.array_equal(part.y, np.repeat(np.arange(60, 80)[:, None], 40, axis=1))
        assert np.array_equal(part.u, np.repeat(np.arange(50, 70)[None, :], 10, axis=0))
        assert (part.v == 1).all()
        assert all(plane.flags.owndata for plane in (part.y, part.u, part.v))
        assert world.requests[1].mapped == 1  # the small stream


def test_there_is_no_region_before_the_first_frame(world: World) -> None:
    with closing(PiCamera(spec())) as camera, pytest.raises(CameraStalled):
        camera.region(0, 0, 2, 2)


def test_a_request_is_held_until_the_next_is_asked_for(world: World) -> None:
    """And given back once."""
    camera = PiCamera(spec())
    assert [camera.next(1).number for _ in range(3)] == [1, 2, 3]
    assert held(world) == [2]
    world.stalled = True
    with pytest.raises(CameraStalled, match="no frame came within 1 s"):
        camera.next(1)
    assert held(world) == []
    camera.close()
    camera.close()
    assert held(world) == []
    assert world.opened[0].closed


def test_a_wait_that_was_given_up_is_taken_up_again(world: World) -> None:
    """The frame that came meanwhile is the next one; no second job waits beside it."""
    with closing(PiCamera(spec())) as camera:
        world.stalled = True
        for _ in range(3):
            with pytest.raises(CameraStalled):
                camera.next(0.01)
        world.opened[0].serve()
        assert camera.next(0.01).number == 1
        assert held(world) == [0]


def test_an_old_frame_is_given_back_and_passed_over(world: World) -> None:
    """picamera2 kept it while the camera stalled."""
    now = time.monotonic_ns()
    world.frames = [now - 5 * SECOND_NS, now]
    with closing(PiCamera(spec())) as camera:
        assert camera.next(1).time == pytest.approx(now / SECOND_NS, abs=1e-6)
        assert held(world) == [1]


def test_flush_stops_and_starts_without_configuring_again(world: World) -> None:
    """The controls are set again: picamera2 gives them to the first start alone."""
    with closing(PiCamera(spec())) as camera:
        camera.next(1)
        world.stalled = True
        with pytest.raises(CameraStalled):
            camera.next(0.01)
        camera.flush()
        world.stalled = False
        assert world.opened[0].starts == 2
        assert world.opened[0].set == [{"FrameDurationLimits": (66667, 66667)}]
        assert len(world.configurations) == 1
        camera.next(1)
        assert held(world) == [1]


def test_what_came_in_the_moment_of_a_flush_is_given_back(world: World) -> None:
    """The job was done, and nobody had asked for what it got."""
    with closing(PiCamera(spec())) as camera:
        world.stalled = True
        with pytest.raises(CameraStalled):
            camera.next(0.01)
        world.opened[0].serve()
        camera.flush()
        assert held(world) == []


def test_a_camera_that_does_not_stop_is_a_stalled_one(world: World) -> None:
    """Its process is the next thing to end."""
    with closing(PiCamera(spec())) as camera:
        world.stops = False
        with pytest.raises(CameraStalled, match="did not stop within 2 s"):
            camera.flush()


def test_after_closing(world: World) -> None:
    camera = PiCamera(spec())
    camera.close()
    with pytest.raises(CameraStalled, match="was closed"):
        camera.next(1)


@pytest.mark.parametrize(("most", "buffers"), [(3, [4, 3]), (2, [4, 3, 2])])
def test_fewer_buffers_where_memory_is_short(world: World, most: int, buffers: list[int]) -> None:
    """Each time on a camera opened anew: picamera2's allocator cannot be used after it failed."""
    world.most_buffers = most
    PiCamera(spec()).close()
    assert [wanted["buffer_count"] for wanted in world.configurations] == buffers
    assert all(camera.closed for camera in world.opened)


def test_too_little_memory(world: World) -> None:
    world.most_buffers = 1
    with pytest.raises(CameraAbsent, match=r"even with 2 buffers .*Cannot allocate memory.*cma="):
        PiCamera(spec())
    assert all(camera.closed for camera in world.opened)


def test_no_camera(world: World) -> None:
    world.cameras = []
    with pytest.raises(CameraAbsent, match=r"no camera was found.*ribbon cable"):
        PiCamera(spec())


def test_no_such_camera(world: World) -> None:
    with pytest.raises(CameraAbsent, match="there is no camera number 1; found: 0: imx708"):
        PiCamera(spec("1"))


def test_no_number_is_the_first(world: World) -> None:
    PiCamera(spec("")).close()
    assert world.opened[0].number == 0


def test_a_usb_webcam_has_another_name(world: World) -> None:
    world.cameras = [{"Model": "C270", "Id": "/base/usb@7e980000/1-1.2:1.0"}]
    with pytest.raises(CameraAbsent, match="v4l2:/dev/video0"):
        PiCamera(spec())


def test_a_busy_camera(world: World) -> None:
    """The reason is two errors below the one that picamera2 raises."""
    world.failure = lambda: OSError(16, "Device or resource busy")
    with pytest.raises(CameraAbsent, match=r"another program uses it.*fuser.*did not complete.*busy"):
        PiCamera(spec())
    assert not world.configurations


def test_streams_of_two_shapes(world: World) -> None:
    """A box in the one would be elsewhere in the other."""
    world.sizes = {"lores": (640, 480)}
    with pytest.raises(CameraAbsent, match="gives 1280x720 and, as its small picture, 640x480"):
        PiCamera(spec())
    assert len(world.configurations) == 1
    assert world.opened[0].closed


def test_another_format(world: World) -> None:
    world.frame_format = "MJPEG"
    with pytest.raises(CameraAbsent, match="gives MJPEG where YUV420"):
        PiCamera(spec())
    assert world.opened[0].closed


def test_picamera2_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "libcamera", None)
    with pytest.raises(CameraAbsent, match="apt install python3-picamera2"):
        PiCamera(spec())


def test_picamera2_is_too_old(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.modules["picamera2"], "Picamera2", object)
    with pytest.raises(CameraAbsent, match=r"older than 0\.3\.20"):
        PiCamera(spec())


def test_times_are_of_the_steady_clock() -> None:
    """A stamp that lies in its future must be of the other clock, which counts sleep too."""
    now = time.monotonic()
    assert steady(None) == pytest.approx(now, abs=0.1)
    assert steady(int((now - 0.25) * SECOND_NS)) == pytest.approx(now - 0.25, abs=1e-6)
    boot_ns = time.clock_gettime_ns(time.CLOCK_BOOTTIME)
    assert steady(boot_ns) == pytest.approx(time.monotonic(), abs=0.1)
    assert steady(boot_ns + 3600 * SECOND_NS) <= time.monotonic()
