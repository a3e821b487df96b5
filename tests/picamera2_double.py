"""picamera2 and libcamera for a desk, written by hand: what edge.camera.pi uses of them, and the faults."""

from __future__ import annotations

import time
import types
from collections.abc import Callable
from concurrent.futures import CancelledError
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np

PADDING = 64


@dataclass
class World:
    """What the cameras of one test do, and what was done to them."""

    cameras: list[dict[str, Any]] = field(default_factory=lambda: [{"Model": "imx708", "Id": "/base/i2c@1a"}])
    controls: tuple[str, ...] = ("FrameDurationLimits",)
    most_buffers: int = 100
    """With more than these, configuring ends in ENOMEM."""
    failure: Callable[[], Exception] | None = None
    """Of opening."""
    sizes: dict[str, tuple[int, int]] = field(default_factory=dict)
    """Those that libcamera makes of what was asked for, where it makes any."""
    frame_format: str = "YUV420"
    stalled: bool = False
    stops: bool = True
    """Whether the event loop carries out what it is told."""
    frames: list[int] = field(default_factory=list)
    """Sensor times of the next frames, nanoseconds; then they are of now."""
    opened: list[Camera] = field(default_factory=list)
    configurations: list[dict[str, Any]] = field(default_factory=list)
    requests: list[Request] = field(default_factory=list)

    def modules(self) -> dict[str, types.ModuleType]:
        """For sys.modules."""
        picamera2: Any = types.ModuleType("picamera2")
        picamera2.Picamera2 = type("Picamera2", (Camera,), {"world": self})
        picamera2.MappedArray = MappedArray
        libcamera: Any = types.ModuleType("libcamera")
        libcamera.Transform = lambda hflip=0, vflip=0: ("transform", hflip, vflip)
        libcamera.ColorSpace = types.SimpleNamespace(Sycc=lambda: "sYCC")
        return {"picamera2": picamera2, "libcamera": libcamera}


class Job:
    """A capture that was asked for; it is done when there is a frame."""

    def __init__(self) -> None:
        self.cancelled = False
        self.request: Request | None = None


class Request:
    """One frame, held until it is released."""

    def __init__(self, camera: Camera, sensor_ns: int) -> None:
        self.camera, self.sensor_ns, self.released = camera, sensor_ns, 0
        self.number = len(camera.world.requests)
        self.mapped = 0
        camera.world.requests.append(self)

    def get_metadata(self) -> dict[str, Any]:
        return {"SensorTimestamp": self.sensor_ns}

    def release(self) -> None:
        assert self.mapped == 0, "released while it is mapped"
        assert not self.camera.closed, "released after the camera was closed"
        self.released += 1
        assert self.released == 1


class MappedArray:
    """A stream of a request while it is mapped: (height * 3/2) rows of stride bytes."""

    def __init__(self, request: Request, stream: str, write: bool = True) -> None:
        assert not write
        self.request, self.stream = request, stream

    def __enter__(self) -> MappedArray:
        found = self.request.camera.camera_configuration()[self.stream]
        (width, height), stride = found["size"], found["stride"]
        self.request.mapped += 1
        pixels = stride * height
        memory = np.full(pixels * 3 // 2, 255, np.uint8)  # 255: the padding
        memory[:pixels].reshape(height, stride)[:, :width] = np.arange(height)[:, None] % 200
        u, v = memory[pixels:].reshape(2, height // 2, stride // 2)
        u[:, : width // 2] = np.arange(width // 2) % 200
        v[:, : width // 2] = self.request.number
        self.array = memory.reshape(height * 3 // 2, stride)
        return self

    def __exit__(self, *_: object) -> None:
        self.request.mapped -= 1


class Camera:
    """A Picamera2."""

    world: ClassVar[World]

    def __init__(self, number: int) -> None:
        if self.world.failure is not None:
            raise RuntimeError("Camera __init__ sequence did not complete.") from self.world.failure()
        self.number, self.closed, self.starts, self.set = number, False, 0, []  # type: ignore[var-annotated]
        self.camera_controls = dict.fromkeys(self.world.controls)
        self._jobs: list[Job] = []
        self.world.opened.append(self)

    @classmethod
    def global_camera_info(cls) -> list[dict[str, Any]]:
        return cls.world.cameras

    def create_video_configuration(self, **wanted: Any) -> dict[str, Any]:
        return wanted

    def configure(self, wanted: dict[str, Any]) -> None:
        self.world.configurations.append(wanted)
        if wanted["buffer_count"] > self.world.most_buffers:
            raise OSError(12, "Cannot allocate memory")
        self._got = dict(wanted)
        for name in ("main", "lores"):
            size = self.world.sizes.get(name, wanted[name]["size"])
            self._got[name] = {"size": size, "stride": size[0] + PADDING, "format": self.world.frame_format}

    def camera_configuration(self) -> dict[str, Any]:
        return self._got

    def set_controls(self, controls: dict[str, Any]) -> None:
        self.set.append(controls)

    def start(self) -> None:
        self.starts += 1

    def stop_(self) -> None:
        """For the event loop alone."""

    def dispatch_functions(self, functions: list[Any], wait: float, immediate: bool = False) -> None:
        assert functions == [self.stop_]
        assert immediate
        assert not self._jobs, "it would wait behind them"
        if not self.world.stops:
            raise TimeoutError

    def capture_request(self, wait: bool) -> Job:
        assert not wait
        self._jobs.append(Job())
        return self._jobs[-1]

    def serve(self) -> None:
        """What the event loop does when a frame has come."""
        for job in self._jobs:
            frames = self.world.frames
            job.request = Request(self, frames.pop(0) if frames else time.monotonic_ns())
        self._jobs.clear()

    def wait(self, job: Job, timeout: float) -> Request:
        assert timeout >= 0
        if not self.world.stalled:
            self.serve()
        if job.cancelled:
            raise CancelledError
        if job.request is None:
            raise TimeoutError
        return job.request

    def cancel_all_and_flush(self) -> None:
        for job in self._jobs:
            job.cancelled = True
        self._jobs.clear()

    def close(self) -> None:
        self.closed = True
