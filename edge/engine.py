"""The interpreters that a worker needs, together, and the pool that hands them out."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from edge.detect import Detector, LandmarkNet
from edge.embed import Embedder
from edge.errors import Overloaded
from edge.interpreter import MODELS, Model

PROPOSER = "faceboxes-1024-int8"
LANDMARK_NET = "full-range-192-int8"
EMBEDDER = "dlib-resnet-150-int8"


class Engine:
    """One set of networks; used by one thread at a time."""

    def __init__(self, threads: int, folder: Path = MODELS) -> None:
        self.landmark_net = LandmarkNet(Model(LANDMARK_NET, threads, folder))
        self.detector = Detector(Model(PROPOSER, threads, folder), self.landmark_net)
        self.embedder = Embedder(Model(EMBEDDER, threads, folder))


class EnginePool:
    """Up to `workers` engines. The first is made at once, the others when they are first wanted;
    the one used last goes out first, because its memory is warm.
    """

    def __init__(self, workers: int, threads: int, folder: Path = MODELS) -> None:
        self._threads = threads
        self._folder = folder
        self._idle: queue.LifoQueue[Engine] = queue.LifoQueue()
        self._left = workers - 1
        self._guard = threading.Lock()
        first = Engine(threads, folder)
        self.embedder_id = first.embedder.id
        self.dimensions = first.embedder.dimensions
        self._idle.put(first)

    @contextmanager
    def engine(self, wait_s: float) -> Iterator[Engine]:
        """An engine for the time of the block. Raises Overloaded when none comes free in wait_s seconds."""
        engine = self._take(wait_s)
        try:
            yield engine
        finally:
            self._idle.put(engine)

    def _take(self, wait_s: float) -> Engine:
        try:
            return self._idle.get_nowait()
        except queue.Empty:
            pass
        if self._may_make():
            return Engine(self._threads, self._folder)
        try:
            return self._idle.get(timeout=wait_s)
        except queue.Empty:
            raise Overloaded(f"no worker came free within {wait_s:g} s") from None

    def _may_make(self) -> bool:
        with self._guard:
            if self._left == 0:
                return False
            self._left -= 1
            return True
