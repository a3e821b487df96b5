"""Where the virtual camera's frames lie: an allocator in place of picamera2's, which needs /dev/dma_heap."""

from __future__ import annotations

import errno
import mmap
import os
from pathlib import Path
from typing import Any

PADDING = 64
"""Bytes by which each row is longer than the picture is wide."""

MEMORY_KIB = Path("/srv/memory-kib")
"""When this file exists: how much memory all buffers together may take (KiB) before there is ENOMEM."""


class Memory:
    """Buffers of memory files. picamera2 reads a buffer through `mapped_buffers`, which holds what the
    virtual camera wrote, as YUV420 with padded rows. The names are those of picamera2's allocators."""

    count = 0
    """Buffers of each stream."""

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
            left -= Memory.count * stream.frame_size
            if left < 0:
                raise OSError(errno.ENOMEM, os.strerror(errno.ENOMEM))
            buffers = [self._buffer(libcamera, stream) for _ in range(Memory.count)]
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
    import numpy as np  # which cannot be found yet when an interpreter reads its .pth files

    nv12 = np.frombuffer(source, np.uint8)
    yuv420 = np.frombuffer(target, np.uint8)
    stride, pixels = stride_of(width), width * height
    y_bytes = stride * height
    yuv420[:y_bytes].reshape(height, stride)[:, :width] = nv12[:pixels].reshape(height, width)
    chroma = nv12[pixels:].reshape(height // 2, width)
    for index, start in enumerate((y_bytes, y_bytes + y_bytes // 4)):
        plane = yuv420[start : start + y_bytes // 4].reshape(height // 2, stride // 2)
        plane[:, : width // 2] = chroma[:, index::2]
