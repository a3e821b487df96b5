"""A USB webcam, through PyAV's V4L2 input.

A thread takes what the device gives and keeps the newest picture, still packed: only those that somebody asks
for are decoded. It may hang in the driver; next() does not.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from edge.camera.clip import Scaler, Shot, library, opened
from edge.camera.frame import Frame
from edge.camera.replay import Given
from edge.camera.spec import Spec
from edge.clock import Clock, SystemClock
from edge.errors import CameraAbsent, CameraStalled
from edge.picture import Planes

if TYPE_CHECKING:
    from av import Packet, VideoFrame
    from av.container import InputContainer
    from av.video.stream import VideoStream

FORMATS = ("mjpeg", "yuyv422")
"""Asked for in this order: packed pictures let USB carry a larger size at the same rate. Each picture of both
stands for itself."""

_EARLY = 0.9
"""Pictures nearer to the last one than this share of 1/fps are left out: many devices ignore the rate."""

_JOIN_S = 1.0

Open = Callable[..., "InputContainer"]


class Webcam:
    """Raises CameraAbsent: no such device, or one that gives none of FORMATS."""

    def __init__(self, spec: Spec, clock: Clock | None = None, open_input: Open = opened) -> None:
        self._spec = spec
        self._clock = clock or SystemClock()
        self._scaler = Scaler()
        self._container = _opened(spec, open_input)
        self._news = threading.Condition()
        self._newest: tuple[int, float, Packet[VideoStream]] | None = None
        self._over: str | None = None
        self._closing = False
        self._given = Given(spec.rotation)
        self._reader = threading.Thread(target=self._read, name="v4l2", daemon=True)
        self._reader.start()

    def next(self, wait_s: float) -> Frame:
        """See Capture. Raises CameraAbsent: it was unplugged."""
        end = self._clock.steady() + wait_s
        while True:
            number, at, packet = self._packet(end)
            picture = _decoded(packet)
            if picture is None:
                continue  # damaged on its way, as happens with USB
            shot = Shot(picture, self._spec, self._scaler)
            self._given.give(shot)
            return Frame(number, at, self._given.small(shot), shot.width, shot.height)

    def region(self, left: int, top: int, width: int, height: int) -> Planes:
        """See Capture."""
        return self._given.region(left, top, width, height)

    def flush(self) -> None:
        """Forget the picture that waits."""
        with self._news:
            self._newest = None

    def close(self) -> None:
        """See Capture. A device whose driver hangs stays open: only the end of the process takes it away."""
        self._closing = True
        self._reader.join(_JOIN_S)
        if not self._reader.is_alive():
            self._container.close()

    def _packet(self, end: float) -> tuple[int, float, Packet[VideoStream]]:
        with self._news:
            while self._newest is None:
                if self._over is not None:
                    raise CameraAbsent(self._over)
                left = end - self._clock.steady()
                if left <= 0:
                    raise CameraStalled(f"{self._spec.target} gives no picture")
                self._news.wait(left)
            newest, self._newest = self._newest, None
            return newest

    def _read(self) -> None:
        """The thread: until the device has no more to give."""
        over = f"{self._spec.target} gives nothing any more"
        number, kept = 0, float("-inf")
        try:
            for packet in self._container.demux(self._container.streams.video[0]):
                if self._closing or packet.size == 0:
                    break
                now = self._clock.steady()
                if now - kept < _EARLY / self._spec.fps:
                    continue
                number, kept = number + 1, now
                with self._news:
                    self._newest = number, now, packet
                    self._news.notify()
        except (OSError, ValueError) as error:
            over = f"{self._spec.target}: {getattr(error, 'strerror', None) or error}"
        with self._news:
            self._over = over
            self._news.notify()


def _opened(spec: Spec, open_input: Open) -> InputContainer:
    """In the first of FORMATS that it has."""
    options = {"video_size": f"{spec.width}x{spec.height}", "framerate": f"{spec.fps:g}"}
    reasons: dict[str, str] = {}
    for name in FORMATS:
        how: dict[str, Any] = {"format": "v4l2", "options": {**options, "input_format": name}}
        try:
            return open_input(spec.target, **how)
        except CameraAbsent as error:
            reasons.setdefault(error.message, name)
    if len(reasons) == 1:
        raise CameraAbsent(next(iter(reasons)))
    raise CameraAbsent("; ".join(f"{name}: {reason}" for reason, name in reasons.items()))


def _decoded(packet: Packet[VideoStream]) -> VideoFrame | None:
    """The picture in it; None: it is damaged."""
    with contextlib.suppress(library().error.FFmpegError):
        for picture in packet.decode():
            return picture
    return None
