"""The device's identity outside: an id that never changes, and the name that people call it by."""

from __future__ import annotations

import os
import secrets
import socket
import uuid
from dataclasses import dataclass
from pathlib import Path

from edge.errors import StoreError

FILE = "device-id"
"""In the state folder: a uuid in one line."""


@dataclass(frozen=True, slots=True)
class DeviceName:
    """id: a uuid. name: the host's name at start, which may change."""

    id: str
    name: str

    @property
    def short(self) -> str:
        """The first 12 hexadecimal digits: what topics and Home Assistant's ids hold."""
        return self.id.replace("-", "")[:12]


def device_name(state: Path) -> DeviceName:
    """That of the state folder, which must exist; made the first time. Raises StoreError."""
    path = state / FILE
    try:
        if not path.exists():
            _make(path)
        text = path.read_text(encoding="ascii").strip()
        return DeviceName(str(uuid.UUID(text)), socket.gethostname())
    except ValueError as error:
        raise StoreError(f"{path} does not hold a uuid: restore it, or remove it for a new one") from error
    except OSError as error:
        raise StoreError(f"{path}: {error.strerror}") from error


def _make(path: Path) -> None:
    """Whole, or not at all; of two processes at once the first wins."""
    fresh = path.with_name(f"{FILE}.{secrets.token_hex(4)}.new")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(f"{uuid.uuid4()}\n")
            file.flush()
            os.fsync(descriptor)
        try:
            os.link(fresh, path)
        except FileExistsError:
            return
    finally:
        fresh.unlink()
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
