"""The memory that a camera's process and its parent share, and the messages beside it.

One anonymous file (memfd) of two halves: the small stream of the frame that was given last, and the region of
it that was asked for last. The child writes into it only between a request and its answer, so nothing in it
changes while the parent looks. The messages are JSON, one in each packet of a socket pair; the parent asks,
the child answers each once.
"""

from __future__ import annotations

import fcntl
import json
import mmap
import os
import socket
from enum import IntEnum
from typing import Any

import numpy as np

from edge.camera.spec import Spec
from edge.errors import CameraError
from edge.picture import Plane, Planes

_MOST_BYTES = 1 << 16
"""Of a message."""

_ROUNDED_UP = 64
"""Pixels by which a device may round a side up."""

Message = dict[str, Any]


class Half(IntEnum):
    """Which part of the memory."""

    SMALL = 0
    REGION = 1


class SharedPlanes:
    """The two halves. What read gives are views: valid until the child is asked again."""

    def __init__(self, fd: int, spec: Spec, *, writable: bool) -> None:
        self.fd = fd
        self._half = _half_bytes(spec)
        access = mmap.ACCESS_WRITE if writable else mmap.ACCESS_READ
        self._bytes = np.frombuffer(mmap.mmap(fd, 2 * self._half, access=access), np.uint8)

    @classmethod
    def made(cls, spec: Spec) -> SharedPlanes:
        """New memory, of a size that nobody can change: cutting it off would kill whoever looks at it."""
        fd = os.memfd_create("api-face-camera", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
        os.ftruncate(fd, 2 * _half_bytes(spec))
        fcntl.fcntl(fd, fcntl.F_ADD_SEALS, fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SEAL)
        return cls(fd, spec, writable=False)

    def close(self) -> None:
        """Give the file back; the memory goes with the last view of it. May be called again."""
        fd, self.fd = self.fd, -1
        if fd >= 0:
            os.close(fd)

    def write(self, half: Half, planes: Planes) -> None:
        """The only copy of the pixels that the child makes."""
        target = self.read(half, planes.width, planes.height)
        target.y[:], target.u[:], target.v[:] = planes.y, planes.u, planes.v

    def read(self, half: Half, width: int, height: int) -> Planes:
        """The planes there, if they have that size (pixels, even). Raises CameraError: they cannot."""
        size = width * height
        if width < 2 or height < 2 or width % 2 or height % 2 or size * 3 // 2 > self._half:
            raise CameraError(f"a picture of {width}x{height} px from the camera's process")
        start = half * self._half
        middle, later, end = (start + size * share // 4 for share in (4, 5, 6))
        return Planes(
            self._bytes[start:middle].reshape(height, width),
            self._bytes[middle:later].reshape(height // 2, width // 2),
            self._bytes[later:end].reshape(height // 2, width // 2),
        )


def copied(planes: Planes) -> Planes:
    """In memory of its own."""

    def copy(plane: Plane) -> Plane:
        return plane.copy()

    return Planes(copy(planes.y), copy(planes.u), copy(planes.v))


def send(connection: socket.socket, message: Message) -> None:
    """One packet. Raises OSError: nobody is there."""
    connection.send(json.dumps(message).encode())


def receive(connection: socket.socket) -> Message | None:
    """One packet; None: the other end is lost. Raises CameraError: it cannot be understood."""
    try:
        data = connection.recv(_MOST_BYTES)
    except OSError:
        return None
    if not data:
        return None
    try:
        message = json.loads(data)
    except ValueError as error:
        raise CameraError("a message of the camera's process that is not JSON") from error
    if not isinstance(message, dict):
        raise CameraError("a message of the camera's process that is no object")
    return message


def _half_bytes(spec: Spec) -> int:
    """What nobody writes takes no memory, so there is room for a device that rounds its sides up."""
    most = (spec.width + _ROUNDED_UP) * (spec.height + _ROUNDED_UP) * 3 // 2
    return -(-most // mmap.PAGESIZE) * mmap.PAGESIZE
