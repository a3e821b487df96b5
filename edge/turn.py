"""One process at a time: hands a state folder's events to an outlet, or writes down what a camera sees."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from edge.errors import StoreError


class Turn:
    """A lock on a file, which the kernel drops when the holder dies.

    Without it `watch` beside a running service would send every event twice, and the two, having one client
    id at the broker, would drive each other out for ever; each would end the other's sightings.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor: int | None = None

    def taken(self) -> bool:
        """Whether this process has the turn; tries to get it. Raises StoreError."""
        if self._descriptor is not None:
            return True
        try:
            descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise StoreError(f"{self._path.name} cannot be opened: {error.strerror}") from error
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(descriptor)
            return False
        self._descriptor = descriptor
        return True

    def give_back(self) -> None:
        """Let another process have it."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None
