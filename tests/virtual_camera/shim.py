"""What libcamera 0.4's virtual camera lacks for picamera2, mended as soon as a program imports picamera2.

`scripts/test-camera` puts this file into the site-packages of its own virtual environment, with a .pth file
that loads it: the program under test knows nothing of it. All of this is of picamera2 0.3.38, libcamera 0.4.

| gap | mended by |
|---|---|
| picamera2 imports pykms (a preview on a screen), which Debian does not have | an empty module |
| a frame's status is uninitialised memory, and picamera2 drops what is not "Success" | `_Metadata` |
| there is no raw stream, of which picamera2 asks the modes while opening | `_raw_modes` |
| buffers come from /dev/dma_heap | `Memory`, an allocator of memfds |
| it gives NV12 alone, without padding | `Memory` makes it YUV420 with padded rows, as a Pi 5 does |
| it gives frames as fast as they are taken | `_paced`, which also plays a camera that stalls |

Faults are played when the environment or a file of the test asks for them (see the constants).
"""

from __future__ import annotations

import errno
import importlib.abc
import importlib.util
import mmap
import os
import sys
import time
import types
from importlib.machinery import ModuleSpec
from pathlib import Path
from typing import Any

import numpy as np

FPS = 15.0
"""Frames per second."""

PADDING = 64
"""Bytes by which each row is longer than the picture is wide."""

STALLED = Path("/srv/stalled")
"""While this file exists no frame comes. Its text says what ends the stall: "start" (the camera being started
again), "open" (being opened again), "process" (a new process); else it ends when the file is removed."""

MEMORY_KIB = Path("/srv/memory-kib")
"""When this file exists: how much memory all buffers together may take (KiB) before there is ENOMEM."""


class Mender(importlib.abc.MetaPathFinder):
    """Waits for the import of picamera2: an interpreter that needs no camera pays nothing."""

    def find_spec(self, name: str, path: Any, target: Any = None) -> ModuleSpec | None:
        if name != "picamera2":
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(name)
        if spec is not None and spec.loader is not None:
            load = spec.loader.exec_module

            def load_and_mend(module: types.ModuleType) -> None:
                pykms: Any = types.ModuleType("pykms")
                pykms.PixelFormat = _AnyName()
                sys.modules.setdefault("pykms", pykms)
                load(module)
                mend()

            spec.loader.exec_module = load_and_mend  # type: ignore[method-assign]
        return spec


class _AnyName:
    """Has every pixel format that the preview's table wants to name."""

    def __getattr__(self, name: str) -> str:
        return name


class _Metadata:
    """Of every frame that was completed. `acquire` of the allocator is called for no other."""

    sequence = 0
    timestamp = 0
    planes = ()

    def __init__(self, success: Any) -> None:
        self.status = success


class Memory:
    """Buffers of memory files. picamera2 reads a buffer through `mapped_buffers`, which holds what the
    virtual camera wrote, as YUV420 with padded rows. The names are those of picamera2's allocators."""

    still_viewed = 0
    """Buffers that could not be given back, since somebody held an array of them (count)."""

    def __init__(self) -> None:
        self.sync = _Sync
        self.mapped_buffers: dict[Any, mmap.mmap] = {}
        self._written: dict[Any, tuple[mmap.mmap, int, int]] = {}
        self._of_stream: dict[Any, list[Any]] = {}
        self._files: list[int] = []

    def allocate(self, configuration: Any, _use_case: Any) -> None:
        import libcamera

        self.close()
        left = int(MEMORY_KIB.read_text()) * 1024 if MEMORY_KIB.exists() else 1 << 40
        for stream in configuration:
            left -= stream.buffer_count * stream.frame_size
            if left < 0:
                raise OSError(errno.ENOMEM, os.strerror(errno.ENOMEM))
            buffers = [self._buffer(libcamera, stream) for _ in range(stream.buffer_count)]
            self._of_stream[stream.stream] = buffers

    def _buffer(self, libcamera: Any, stream: Any) -> Any:
        width, height, size = stream.size.width, stream.size.height, stream.frame_size
        file = os.memfd_create("frame")
        self._files.append(file)
        os.ftruncate(file, size)
        luma, chroma = libcamera.FrameBuffer.Plane(), libcamera.FrameBuffer.Plane()
        luma.fd = chroma.fd = file
        luma.offset, luma.length = 0, width * height
        chroma.offset, chroma.length = luma.length, size - luma.length
        buffer = libcamera.FrameBuffer([luma, chroma])
        self._written[buffer] = mmap.mmap(file, size), width, height
        self.mapped_buffers[buffer] = mmap.mmap(-1, frame_bytes(width, height))
        return buffer

    def buffers(self, stream: Any) -> list[Any]:
        return self._of_stream[stream]

    def acquire(self, buffers: dict[Any, Any]) -> None:
        for buffer in buffers.values():
            written, width, height = self._written[buffer]
            nv12_to_yuv420(written, self.mapped_buffers[buffer], width, height)

    def release(self, buffers: dict[Any, Any]) -> None:
        """They stay as they are."""

    def close(self) -> None:
        for mapped in self.mapped_buffers.values():
            try:
                mapped.close()
            except BufferError:
                Memory.still_viewed += 1
        for file in self._files:
            os.close(file)
        self.mapped_buffers, self._written, self._of_stream, self._files = {}, {}, {}, []

    def __del__(self) -> None:
        self.close()


class _Sync:
    """A buffer while it is mapped."""

    def __init__(self, memory: Memory, buffer: Any, _write: bool) -> None:
        self._memory, self._buffer = memory, buffer

    def __enter__(self) -> mmap.mmap:
        return self._memory.mapped_buffers[self._buffer]

    def __exit__(self, *_: object) -> None:
        """Nothing was locked."""


def stride_of(width: int) -> int:
    """Bytes from one row of y to the next."""
    return width + PADDING


def frame_bytes(width: int, height: int) -> int:
    """Of a YUV420 frame with padded rows."""
    return stride_of(width) * height * 3 // 2


def nv12_to_yuv420(source: mmap.mmap, target: mmap.mmap, width: int, height: int) -> None:
    """Chroma that lies as UVUV... becomes two planes."""
    nv12 = np.frombuffer(source, np.uint8)
    yuv420 = np.frombuffer(target, np.uint8)
    stride, pixels = stride_of(width), width * height
    y_bytes = stride * height
    yuv420[:y_bytes].reshape(height, stride)[:, :width] = nv12[:pixels].reshape(height, width)
    chroma = nv12[pixels:].reshape(height // 2, width)
    for index, start in enumerate((y_bytes, y_bytes + y_bytes // 4)):
        plane = yuv420[start : start + y_bytes // 4].reshape(height // 2, stride // 2)
        plane[:, : width // 2] = chroma[:, index::2]


def mend() -> None:
    """picamera2 and libcamera, just imported."""
    import libcamera
    from picamera2 import picamera2 as module

    camera, manager = module.Picamera2, module.CameraManager
    metadata = _Metadata(libcamera.FrameMetadata.Status.Success)
    libcamera.FrameBuffer.metadata = property(lambda _: metadata)
    module.DmaAllocator = Memory
    camera._get_raw_modes = _raw_modes
    camera._update_camera_config = _as_yuv420(camera._update_camera_config)
    camera.start_ = _heals("start", camera.start_)
    camera.__init__ = _heals("open", camera.__init__)
    manager.handle_request = _paced(manager.handle_request)
    if _stalled_until("process"):
        STALLED.unlink()


def _raw_modes(camera: Any) -> list[dict[str, Any]]:
    import libcamera

    area = camera.camera.properties[libcamera.properties.PixelArrayActiveAreas][0]
    return [{"format": "SRGGB10_CSI2P", "size": (area.width, area.height)}]


def _as_yuv420(update: Any) -> Any:
    """libcamera changes YUV420 to NV12; picamera2 gets to see what the allocator makes of that."""

    def updated(camera: Any, configuration: dict[str, Any], made: Any) -> None:
        update(camera, configuration, made)
        for stream in (configuration["main"], configuration["lores"]):
            if stream is not None:
                stream["format"] = "YUV420"
                stream["stride"] = stride_of(stream["size"][0])
                stream["framesize"] = frame_bytes(*stream["size"])

    return updated


def _heals(what: str, method: Any) -> Any:
    """A stall that this ends."""

    def healing(camera: Any, *arguments: Any, **named: Any) -> Any:
        if _stalled_until(what):
            STALLED.unlink()
        return method(camera, *arguments, **named)

    return healing


def _stalled_until(what: str) -> bool:
    return STALLED.exists() and STALLED.read_text() == what


def _paced(handle: Any) -> Any:
    """A camera at a steady pace, or none. Stopping flushes what is under way, which must not wait."""
    due = time.monotonic()

    def paced(manager: Any, flushid: Any = None) -> None:
        nonlocal due
        if flushid is None:
            if STALLED.exists():
                time.sleep(0.05)
                return
            due = max(due + 1 / FPS, time.monotonic())
            time.sleep(due - time.monotonic())
        handle(manager, flushid)

    return paced


sys.meta_path.insert(0, Mender())
