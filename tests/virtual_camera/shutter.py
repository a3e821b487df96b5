"""The pace of the virtual camera, and its stalls."""

from __future__ import annotations

import threading
import time
from collections import deque
from pathlib import Path
from typing import Any

FPS = 15.0
"""Frames per second."""

STALLED = Path("/srv/stalled")
"""While this file exists no frame comes. Its text says what ends the stall: "start" (the camera being started
again), "open" (being opened again), "process" (a new process); else it ends when the file is removed."""


class Shutter:
    """Hands requests to the virtual camera, which completes them at once, at a camera's pace; or does not."""

    def __init__(self, camera: Any) -> None:
        self._queue, self._stop = camera.queue_request, camera.stop
        self._waiting: deque[tuple[Any, Any]] = deque()
        self._lock = threading.Lock()
        threading.Thread(target=self._run, name="shutter", daemon=True).start()

    def queue(self, camera: Any, request: Any) -> None:
        with self._lock:
            self._waiting.append((camera, request))

    def stop(self, camera: Any) -> None:
        """All that wait are completed first. A request that is destroyed before it was completed marks its
        buffers as cancelled, and the virtual camera never marks them otherwise."""
        with self._lock:
            under_way = [request for _, request in self._waiting]
            while self._waiting:
                self._queue(*self._waiting.popleft())
            end = time.monotonic() + 1
            while any(request.status == type(request.status).Pending for request in under_way):
                assert time.monotonic() < end, "the virtual camera did not complete what it was given"
                time.sleep(0.001)
        self._stop(camera)

    def _run(self) -> None:
        while True:
            time.sleep(1 / FPS)
            with self._lock:
                if self._waiting and not STALLED.exists():
                    self._queue(*self._waiting.popleft())


def heals(what: str, method: Any) -> Any:
    """A stall that this ends."""

    def healing(camera: Any, *arguments: Any, **named: Any) -> Any:
        if stalled_until(what):
            STALLED.unlink()
        return method(camera, *arguments, **named)

    return healing


def stalled_until(what: str) -> bool:
    return STALLED.exists() and STALLED.read_text() == what
