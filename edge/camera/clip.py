"""A clip as a reel, through PyAV; and what every picture of PyAV goes through to become planes."""

from __future__ import annotations

import errno
import logging
import os
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from edge.camera.replay import Still
from edge.camera.sizes import full_size
from edge.camera.spec import Spec
from edge.errors import CameraAbsent
from edge.picture import Plane, Planes

if TYPE_CHECKING:
    from av import VideoFrame
    from av.container import InputContainer
    from av.video.stream import VideoStream

_FORMAT, _BT601, _JPEG_RANGE = "yuvj420p", "ITU601", "JPEG"
"""PyAV's names of what Planes holds. The format alone makes swscale convert the range; told the range
beside it, PyAV 12 takes limited range for full (tried with 12.3 and 18.1)."""

_LAID_OUT_SO = ("yuvj420p", "yuv420p")

_FULL, _BT709 = 2, 1
"""AVCOL_RANGE_JPEG and AVCOL_SPC_BT709 of libavutil/pixfmt.h."""

_log = logging.getLogger(__name__)


class Clip:
    """Raises CameraAbsent: there is no such file, or no film in it, or no PyAV."""

    def __init__(self, spec: Spec) -> None:
        self._spec = spec
        self._scaler = Scaler()
        self._container: InputContainer | None = opened(spec.target)

    def stills(self) -> Iterator[tuple[float, Still]]:
        """See Reel. What is damaged is left out."""
        container = self._container or opened(self._spec.target)
        self._container = container
        try:
            yield from self._timed(container)
        finally:
            self.close()

    def close(self) -> None:
        """See Reel."""
        container, self._container = self._container, None
        if container is not None:
            container.close()

    def _timed(self, container: InputContainer) -> Iterator[tuple[float, Still]]:
        stream = container.streams.video[0]
        step = 1 / float(stream.average_rate or self._spec.fps)
        first: float | None = None
        last = -step
        for frame in decoded(container, stream):
            at = last + step if frame.time is None else float(frame.time)
            first = at if first is None else first
            last = max(last, at - first)
            yield last, Shot(frame, self._spec, self._scaler)


class Scaler:
    """Changes size and range of PyAV's pictures; remembers how for each size. Used by one thread."""

    def __init__(self) -> None:
        self._by_size: dict[tuple[int, int], Any] = {}
        self._threads: dict[str, int] = {"threads": 1}

    def planes(self, frame: VideoFrame, width: int, height: int) -> Planes:
        """In that size (pixels, even), full range. Of a picture that is so already, the same memory."""
        reformatter = self._by_size.get((width, height))
        if reformatter is None:
            reformatter = library().video.reformatter.VideoReformatter()
            self._by_size[width, height] = reformatter
        same = (frame.width, frame.height) == (width, height) and frame.format.name in _LAID_OUT_SO
        if same and _is_full(frame) and not _is_bt709(frame):
            done = frame
        else:
            done = self._reformatted(reformatter, frame, width, height)
        return Planes(*(_view(done.planes[place]) for place in range(3)))

    def _reformatted(self, reformatter: Any, frame: VideoFrame, width: int, height: int) -> VideoFrame:
        how = _conversion(frame)
        try:
            done = reformatter.reformat(frame, width, height, **how, **self._threads)
        except TypeError:  # an older PyAV, which always scales in one thread
            self._threads = {}
            done = reformatter.reformat(frame, width, height, **how)
        return cast("VideoFrame", done)


class Shot:
    """One picture of PyAV, upright. width, height: of its full size as the spec wants it, pixels."""

    def __init__(self, frame: VideoFrame, spec: Spec, scaler: Scaler) -> None:
        self._frame = frame
        self._scaler = scaler
        # A phone says how it was held; older versions of PyAV do not pass it on.
        self._quarters = round(getattr(frame, "rotation", 0) / 90) % 4
        self.width, self.height = full_size(*self._across(frame.width, frame.height), spec.width, spec.height)

    def planes(self, width: int, height: int) -> Planes:
        """See Still."""
        planes = self._scaler.planes(self._frame, *self._across(width, height))
        if self._quarters == 0:
            return planes
        return Planes(*(np.rot90(plane, self._quarters) for plane in (planes.y, planes.u, planes.v)))

    def _across(self, width: int, height: int) -> tuple[int, int]:
        """Sides of the stored picture from those of the upright one, and the other way round."""
        return (height, width) if self._quarters % 2 else (width, height)


@cache
def library() -> ModuleType:
    """PyAV. Raises CameraAbsent."""
    try:
        import av
        import av.error
        import av.logging
        import av.video.reformatter
    except ImportError as error:
        raise CameraAbsent(
            "clips and USB cameras need PyAV: pip install 'av', or apt install python3-av"
        ) from error
    av.logging.set_level(av.logging.FATAL)
    return av


def opened(path: str, **how: Any) -> InputContainer:
    """With one decoding thread. Raises CameraAbsent."""
    if not Path(path).exists():  # said first: with a library it would not be there either
        raise CameraAbsent(f"{path}: {os.strerror(errno.ENOENT)}")
    av = library()
    try:
        container: InputContainer = av.open(path, **how)
    except (OSError, ValueError) as error:  # PyAV's own errors are both kinds
        raise CameraAbsent(f"{path}: {getattr(error, 'strerror', None) or error}") from error
    if not container.streams.video:
        container.close()
        raise CameraAbsent(f"{path}: there is no film in it")
    stream = container.streams.video[0]
    stream.thread_type = "NONE"
    stream.codec_context.thread_count = 1
    return container


def decoded(container: InputContainer, stream: VideoStream) -> Iterator[VideoFrame]:
    """Every picture that can be decoded."""
    av = library()
    packets = container.demux(stream)
    bad = 0
    while True:
        try:
            packet = next(packets, None)
        except av.error.FFmpegError as error:
            _log.warning("the clip cannot be read any further: %s", error)
            break
        if packet is None:
            break
        try:
            yield from packet.decode()
        except av.error.FFmpegError:
            bad += 1
    if bad:
        _log.warning("%d damaged packets of the clip are left out", bad)


def _is_full(frame: VideoFrame) -> bool:
    return _full_by_name(frame) or getattr(frame, "color_range", None) == _FULL


def _is_bt709(frame: VideoFrame) -> bool:
    """Older PyAV does not tell: then it is not."""
    return getattr(frame, "colorspace", None) == _BT709


def _full_by_name(frame: VideoFrame) -> bool:
    return frame.format.name.startswith("yuvj")


def _conversion(frame: VideoFrame) -> dict[str, Any]:
    """What the scaler is told: BT.709 (films in HD) becomes BT.601; full range stays so."""
    matrix = {"dst_colorspace": _BT601} if _is_bt709(frame) else {}
    if _is_full(frame):
        kept = {"src_color_range": _JPEG_RANGE, "dst_color_range": _JPEG_RANGE}
        if not _full_by_name(frame):
            return {"format": "yuv420p", **kept, **matrix}
        return {"format": _FORMAT, **(kept if matrix else {}), **matrix}
    return {"format": _FORMAT, **({"dst_color_range": _JPEG_RANGE} if matrix else {}), **matrix}


def _view(plane: Any) -> Plane:
    """The rows of a plane of PyAV, without their padding; the same memory."""
    rows = np.frombuffer(plane, np.uint8).reshape(plane.height, plane.line_size)
    view: Plane = rows[:, : plane.width]
    return view
