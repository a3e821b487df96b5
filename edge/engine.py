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
from edge.settings import EMBEDDERS, Settings

PROPOSER = "faceboxes-1024-int8"
LANDMARK_NET = "full-range-192-int8"
EMBEDDER = EMBEDDERS[Settings().embedder]
"""The default."""


class Engine:
    """One set of networks; used by one thread at a time."""

    def __init__(self, proposer: Model, landmark_model: Model, embedder: Model) -> None:
        self._models = (proposer, landmark_model, embedder)
        self.landmark_net = LandmarkNet(landmark_model)
        self.detector = Detector(proposer, self.landmark_net)
        self.embedder = Embedder(embedder)

    @classmethod
    def load(cls, threads: int, embedder: str = EMBEDDER, folder: Path = MODELS) -> Engine:
        """From the model files; `threads` per interpreter. Raises ModelError."""
        return cls(*(Model(name, threads, folder) for name in (PROPOSER, LANDMARK_NET, embedder)))

    def another(self) -> Engine:
        """One more, for another thread. The bytes of the model files are there once."""
        return Engine(*(model.another() for model in self._models))

    def delegated(self) -> bool:
        """Whether each network runs in a delegate (XNNPACK), not in the runtime's own kernels."""
        return all("DELEGATE" in model.operators() for model in self._models)


class EnginePool:
    """Up to `workers` engines. The first is made at once, the others when they are first wanted;
    the one used last goes out first, because its memory is warm.
    """

    def __init__(self, workers: int, threads: int, embedder: str = EMBEDDER, folder: Path = MODELS) -> None:
        self._idle: queue.LifoQueue[Engine] = queue.LifoQueue()
        self._left = workers - 1
        self._guard = threading.Lock()
        self._first = Engine.load(threads, embedder, folder)
        self.embedder_id = self._first.embedder.id
        self.dimensions = self._first.embedder.dimensions
        self.template = self._first.embedder.template
        self._idle.put(self._first)

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
            return self._made()
        try:
            return self._idle.get(timeout=wait_s)
        except queue.Empty:
            raise Overloaded(f"no worker came free within {wait_s:g} s") from None

    def _made(self) -> Engine:
        try:
            return self._first.another()
        except BaseException:
            with self._guard:
                self._left += 1  # short of memory now, perhaps not the next time
            raise

    def _may_make(self) -> bool:
        with self._guard:
            if self._left == 0:
                return False
            self._left -= 1
            return True
