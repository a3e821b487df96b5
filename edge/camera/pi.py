"""Raspberry Pi's camera: frames out of picamera2."""

from __future__ import annotations

import time
from concurrent.futures import CancelledError
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import numpy as np

from edge.camera.frame import Frame
from edge.camera.pi_open import Opened, Stream, opened
from edge.errors import CameraStalled
from edge.picture import Plane, Planes

if TYPE_CHECKING:
    from edge.camera.spec import Spec

OLD_S = 1.0
"""A frame that was taken longer than this before it was asked for is passed over, seconds. picamera2 keeps
the last frame for whoever asks next, which saves a wait; after a stall it is as old as the stall."""

STOP_S = 2.0
"""How long libcamera may take to stop, seconds; on a Pi it takes a few frames."""


class PiCamera:
    """Two streams of one request: the small one is given, the large one stays mapped for `region`.

    The request is held until the next frame is asked for. One configuration for life. What `next` gives is a
    view of the camera's memory: it must be gone before `close`, which otherwise cannot give that memory back.
    Waits are bounded but for `close`, which ends when the kernel lets it.
    """

    def __init__(self, spec: Spec) -> None:
        """Raises CameraAbsent."""
        self._camera: Opened | None = opened(spec)
        self._given = 0
        self._job: Any = None
        self._request: Any = None
        self._mapped = ExitStack()

    def next(self, wait_s: float) -> Frame:
        """The newest frame that was not given before. Raises CameraStalled: none came in wait_s seconds."""
        camera = self._open()
        self._release()
        taken = self._take(wait_s)
        self._given += 1
        small = self._planes(camera.small, self._mapped)
        return Frame(self._given, taken, small, camera.main.width, camera.main.height)

    def region(self, left: int, top: int, width: int, height: int) -> Planes:
        """A copy of a part of the last frame in full size (pixels, all even, inside the frame)."""
        camera = self._open()
        if self._request is None:
            raise CameraStalled("there is no frame to take a part of")
        with ExitStack() as mapped:
            whole = self._planes(camera.main, mapped)
            rows, columns = slice(top, top + height), slice(left, left + width)
            half_rows = slice(top // 2, (top + height) // 2)
            half_columns = slice(left // 2, (left + width) // 2)
            return Planes(
                whole.y[rows, columns].copy(),
                whole.u[half_rows, half_columns].copy(),
                whole.v[half_rows, half_columns].copy(),
            )

    def flush(self) -> None:
        """Stop and start again, keeping the configuration and its memory. Raises CameraStalled."""
        camera = self._open()
        self._release()
        self._drop_job()
        device = camera.device
        try:
            device.dispatch_functions([device.stop_], STOP_S, immediate=True)
            device.set_controls(camera.controls)  # those of the configuration go with its first start
            device.start()
        except TimeoutError:
            raise CameraStalled(f"the camera did not stop within {STOP_S:g} s") from None
        except (OSError, RuntimeError) as error:
            raise CameraStalled(f"the camera did not start again: {error}") from error

    def close(self) -> None:
        """Give the device back."""
        if self._camera is None:
            return
        device = self._camera.device
        try:
            self._release()
            self._drop_job()
        finally:
            self._camera = None
            device.close()

    def _open(self) -> Opened:
        if self._camera is None:
            raise CameraStalled("the camera was closed")
        return self._camera

    def _take(self, wait_s: float) -> float:
        """Hold the next request that is not too old; when it was taken (steady seconds)."""
        asked = time.monotonic()
        while True:
            self._request = self._wait(max(0.0, asked + wait_s - time.monotonic()), wait_s)
            try:
                taken = steady(self._request.get_metadata().get("SensorTimestamp"))
                if taken >= asked - OLD_S:
                    return taken
            except BaseException:
                self._release()
                raise
            self._release()

    def _wait(self, left_s: float, wait_s: float) -> Any:
        """The next request. When none came in time the job stays, and the next call waits for it: forgotten,
        it would take a later request, and with it one of the few buffers for ever."""
        device = self._open().device
        if self._job is None:
            self._job = device.capture_request(wait=False)
        try:
            request = device.wait(self._job, timeout=left_s)
        except TimeoutError:
            raise CameraStalled(f"no frame came within {wait_s:g} s") from None
        except (CancelledError, OSError, RuntimeError) as error:
            self._job = None
            raise CameraStalled(f"the camera gave no frame: {error!r}") from error
        self._job = None
        return request

    def _planes(self, stream: Stream, mapped: ExitStack) -> Planes:
        """Views of one stream of the request in hand, valid until `mapped` is closed."""
        array = mapped.enter_context(self._open().mapped(self._request, stream.name))
        return planes(array.array, stream)

    def _release(self) -> None:
        request, self._request = self._request, None
        try:
            self._mapped.close()
        finally:
            if request is not None:
                request.release()

    def _drop_job(self) -> None:
        """Forget the job that is waited for, and release what it got meanwhile."""
        job, self._job = self._job, None
        device = self._open().device
        device.cancel_all_and_flush()
        if job is not None:
            try:
                device.wait(job, timeout=STOP_S).release()
            except (CancelledError, TimeoutError, OSError, RuntimeError):
                return  # it had got nothing, which is the rule


def planes(array: Plane, stream: Stream) -> Planes:
    """Views of a stream's memory, (height * 3/2) x stride bytes: y has rows of stride bytes, of which the
    first `width` count; u and v follow one after the other, and have rows of half of that."""
    pixels, quarter = stream.stride * stream.height, stream.stride * stream.height // 4
    flat = array.reshape(-1)
    y = flat[:pixels].reshape(stream.height, stream.stride)[:, : stream.width]
    u, v = (
        flat[start : start + quarter].reshape(stream.height // 2, stream.stride // 2)[:, : stream.width // 2]
        for start in (pixels, pixels + quarter)
    )
    return Planes(np.asarray(y), np.asarray(u), np.asarray(v))


def steady(sensor_ns: int | None) -> float:
    """A frame's SensorTimestamp (nanoseconds) on time.monotonic's scale, seconds; None: now.

    libcamera documents the control as CLOCK_BOOTTIME, but what it hands on is the kernel's stamp of the
    buffer, which is CLOCK_MONOTONIC (libcamera bug 254). The two differ by the time that the machine slept,
    which a Pi never does. A stamp that would lie in the future of the one must be the other's.
    """
    now_ns = time.monotonic_ns()
    if sensor_ns is None:
        return now_ns / 1e9
    age_ns = now_ns - sensor_ns
    if age_ns < 0:
        age_ns = max(0, time.clock_gettime_ns(time.CLOCK_BOOTTIME) - sensor_ns)
    return (now_ns - age_ns) / 1e9
