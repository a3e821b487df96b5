"""Finding, configuring and starting Raspberry Pi's camera through picamera2."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from edge.camera.sizes import small_size
from edge.errors import CameraAbsent

if TYPE_CHECKING:
    from edge.camera.spec import Spec

_log = logging.getLogger(__name__)

BUFFERS = (4, 3, 2)
"""Buffers of each stream, tried in this order when memory is short (count). picamera2's own 6, with a raw
stream, are what ends in ENOMEM on small machines (picamera2 issue 972). Of 4, one is being looked at, one
waits for whoever asks next, and two are with the camera."""

SLOWEST_FPS = 15.0
"""Frames per second in the dark: no exposure is longer than such a frame, or faces that move would blur."""

FASTEST_FPS = 30.0
"""Frames per second at most, whatever is asked for."""

CONTINUOUS_FOCUS = 2
"""libcamera's AfModeContinuous, which rpicam-apps take by default. picamera2 leaves a lens that can be moved
(Camera Module 3) at the one distance that its tuning file names."""

ASPECT_TOLERANCE = 0.01
"""Most by which the shapes of the two streams may differ, as a part of one."""


@dataclass(frozen=True, slots=True)
class Stream:
    """What libcamera made of a stream. name: "main" or "lores"; width, height: pixels; stride: bytes from one
    row of y to the next, at least width."""

    name: str
    width: int
    height: int
    stride: int


@dataclass(frozen=True, slots=True)
class Opened:
    """A camera that runs. device: picamera2's; mapper: its class that maps a stream of a request; controls:
    those of libcamera that it was started with."""

    device: Any
    mapper: Any
    controls: dict[str, Any]
    main: Stream
    small: Stream

    def mapped(self, request: Any, stream: str) -> Any:
        """A context whose `array` is a view of a request's stream."""
        return self.mapper(request, stream, write=False)


def opened(spec: Spec) -> Opened:
    """The camera that spec names, started. Raises CameraAbsent, in words for whoever installs it."""
    picamera2, libcamera = _libraries()
    number = _number(spec, picamera2.Picamera2.global_camera_info())
    for buffers in BUFFERS:
        try:
            return _started(spec, picamera2, libcamera, number, buffers)
        except (OSError, RuntimeError) as error:
            reason = words(error)
            _log.warning("camera %d could not be started with %d buffers: %s", number, buffers, reason)
    raise CameraAbsent(
        f"the camera could not be started at {spec.width}x{spec.height}, even with {BUFFERS[-1]} buffers "
        f"({reason}); if memory is short, make camera_width and camera_height smaller, or the kernel's "
        "contiguous memory larger (cma= in the boot configuration)"
    )


def words(error: BaseException) -> str:
    """An error with those that it came from: picamera2 says what failed, the first of them why."""
    chain: list[str] = []
    cause: BaseException | None = error
    while cause is not None:
        chain.append(str(cause) or type(cause).__name__)
        cause = cause.__cause__ or cause.__context__
    return ": ".join(chain)


def _libraries() -> tuple[Any, Any]:
    """picamera2 and libcamera. Anything may go wrong in importing them: above all a NumPy in the virtual
    environment that does not fit the system's modules, which is a ValueError (picamera2 issue 1088)."""
    try:
        import libcamera
        import picamera2
    except ImportError as error:
        raise CameraAbsent(
            f"picamera2 is missing ({error}): sudo apt install python3-picamera2 --no-install-recommends, "
            "and make the virtual environment with --system-site-packages"
        ) from error
    except Exception as error:
        raise CameraAbsent(
            f"picamera2 cannot be loaded ({error}): has the virtual environment another NumPy than apt's?"
        ) from error
    if not hasattr(picamera2.Picamera2, "cancel_all_and_flush"):
        raise CameraAbsent(
            "picamera2 is older than 0.3.20, which cannot be waited for with a bound: sudo apt full-upgrade"
        )
    return picamera2, libcamera


def _number(spec: Spec, cameras: list[dict[str, Any]]) -> int:
    number = int(spec.target or 0)
    if not cameras:
        raise CameraAbsent(
            "no camera was found; with the power off, check that its ribbon cable sits straight and the "
            "right way round at both ends; then `rpicam-hello --list-cameras` should list it"
        )
    if number >= len(cameras):
        models = ", ".join(f"{index}: {camera.get('Model', '?')}" for index, camera in enumerate(cameras))
        raise CameraAbsent(f"there is no camera number {number}; found: {models}")
    if "/usb" in cameras[number].get("Id", ""):
        raise CameraAbsent(f'camera number {number} is a USB webcam: camera = "v4l2:/dev/video0" takes those')
    return number


def _started(spec: Spec, picamera2: Any, libcamera: Any, number: int, buffers: int) -> Opened:
    """Raises CameraAbsent: trying again is of no use; OSError, RuntimeError: it may be."""
    try:
        device = picamera2.Picamera2(number)
    except (OSError, RuntimeError) as error:
        reason = words(error)
        if "busy" in reason.lower():
            reason = f"another program uses it; `sudo fuser -v /dev/media*` names it ({reason})"
        raise CameraAbsent(f"camera {number} could not be opened: {reason}") from error
    try:
        device.configure(_configuration(spec, device, libcamera, buffers))
        got = device.camera_configuration()
        main, small = (_stream(got, name) for name in ("main", "lores"))
        _check(spec, main, small)
        if str(got["colour_space"]) != str(libcamera.ColorSpace.Sycc()):
            _log.warning("the camera's colours are %s, not full-range sYCC", got["colour_space"])
        device.start()
    except BaseException:
        device.close()
        raise
    return Opened(device, picamera2.MappedArray, dict(got["controls"]), main, small)


def _configuration(spec: Spec, device: Any, libcamera: Any, buffers: int) -> dict[str, Any]:
    fps = min(max(spec.fps, SLOWEST_FPS), FASTEST_FPS)
    controls: dict[str, Any] = {}
    if "FrameDurationLimits" in device.camera_controls:  # a USB camera may have none
        controls["FrameDurationLimits"] = (round(1e6 / fps), round(1e6 / SLOWEST_FPS))  # microseconds
    if "AfMode" in device.camera_controls:
        controls["AfMode"] = CONTINUOUS_FOCUS
    turned = 1 if spec.rotation == 180 else 0
    configuration: dict[str, Any] = device.create_video_configuration(
        main={"size": (spec.width, spec.height), "format": "YUV420"},
        lores={"size": small_size(spec.width, spec.height), "format": "YUV420"},
        raw=None,
        transform=libcamera.Transform(hflip=turned, vflip=turned),
        colour_space=libcamera.ColorSpace.Sycc(),
        buffer_count=buffers,
        controls=controls,
        display=None,
        encode=None,
    )
    return configuration


def _stream(configuration: dict[str, Any], name: str) -> Stream:
    found = configuration[name]
    if found["format"] != "YUV420":
        raise CameraAbsent(f"the camera gives {found['format']} where YUV420 was asked for")
    width, height = found["size"]
    return Stream(name, width, height, found["stride"])


def _check(spec: Spec, main: Stream, small: Stream) -> None:
    """libcamera may change sizes to those that the camera has. A box in the small stream must be the same
    place in the large one."""
    if abs(main.width * small.height / (main.height * small.width) - 1) > ASPECT_TOLERANCE:
        raise CameraAbsent(
            f"for {spec.width}x{spec.height} the camera gives {main.width}x{main.height} and, as its small "
            f"picture, {small.width}x{small.height}, which has another shape; set other camera_width and "
            "camera_height"
        )
