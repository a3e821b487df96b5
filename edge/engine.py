"""The interpreters that a worker needs, together, and the pool that hands them out."""

from __future__ import annotations

import contextlib
import logging
import queue
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from edge.detect import Detector, LandmarkNet
from edge.embed import Embedder
from edge.errors import ModelError, Overloaded
from edge.interpreter import MODELS, Model
from edge.settings import EMBEDDERS, Settings

PROPOSER = "faceboxes-1024-int8"
LANDMARK_NET = "full-range-192-int8"
EMBEDDER = EMBEDDERS[Settings().embedder]
"""The default."""

_log = logging.getLogger(__name__)


class NoEngine(Overloaded):
    """All engines were out for as long as the caller would wait."""


class Engine:
    """One set of networks; used by one thread at a time."""

    def __init__(self, proposer: Model, landmark_model: Model, embedder: Embedder) -> None:
        self._detecting = (proposer, landmark_model)
        self.landmark_net = LandmarkNet(landmark_model)
        self.detector = Detector(proposer, self.landmark_net)
        self.embedder = embedder

    @classmethod
    def load(cls, threads: int, embedder: str = EMBEDDER, folder: Path = MODELS) -> Engine:
        """From the model files; `threads` per interpreter. Raises ModelError."""
        proposer, landmark_model = (Model(name, threads, folder) for name in (PROPOSER, LANDMARK_NET))
        return cls(proposer, landmark_model, load_embedder(embedder, threads, folder))

    def another(self) -> Engine:
        """One more, for another thread. The bytes of the model files are there once."""
        proposer, landmark_model = (model.another() for model in self._detecting)
        return Engine(proposer, landmark_model, self.embedder.another())

    @property
    def seconds(self) -> float:
        """Time spent in the networks so far."""
        return sum(network.seconds for network in (*self._detecting, self.embedder))

    def delegated(self) -> bool:
        """Whether each network runs in a delegate (XNNPACK), not in the runtime's own kernels."""
        networks = (*self._detecting, self.embedder)
        return all("DELEGATE" in network.operators() for network in networks)


def load_embedder(name: str, threads: int, folder: Path = MODELS) -> Embedder:
    """The embedder of that model file. Raises ModelError."""
    return Embedder(Model(name, threads, folder))


class EnginePool:
    """Up to `workers` engines. The first is made at once, the others when they are first wanted;
    the one used last goes out first, because its memory is warm.
    """

    def __init__(self, workers: int, threads: int, embedder: str = EMBEDDER, folder: Path = MODELS) -> None:
        self._idle: queue.LifoQueue[Engine] = queue.LifoQueue()
        self._workers = workers
        self._left = workers - 1
        self._guard = threading.Lock()
        self._waiting = 0
        self._switching = threading.Lock()
        self._threads = threads
        self._folder = folder
        self._first = Engine.load(threads, embedder, folder)
        self.embedder = self._first.embedder
        self._spare: Embedder | None = None  # loaded, and in no engine yet
        self._idle.put(self._first)

    @property
    def busy(self) -> bool:
        """Whether an engine is out."""
        return self._workers - self._left > self._idle.qsize()

    def use(self, embedder: str) -> None:
        """Engines that go out from now on embed with this one. Raises ModelError: they go on as they are."""
        with self._switching:
            if self.embedder.id == embedder:
                return
            self._spare = self.embedder = load_embedder(embedder, self._threads, self._folder)
            # Those that lie idle change now, so that the old interpreters are freed.
            idle = []
            with contextlib.suppress(queue.Empty):
                while True:
                    idle.append(self._idle.get_nowait())
            for engine in reversed(idle):
                self._put_back(engine)

    @contextmanager
    def engine(self, wait_s: float) -> Iterator[Engine]:
        """An engine for the time of the block. Raises NoEngine when none comes free in wait_s seconds."""
        engine = self._take(wait_s)
        try:
            self._fit(engine)
            yield engine
        finally:
            self._put_back(engine)

    @contextmanager
    def spare(self) -> Iterator[Engine | None]:
        """An engine that nobody needs just now, of those that are loaded; None when there is none."""
        engine = None
        with contextlib.suppress(queue.Empty):
            if not self._waiting:
                engine = self._idle.get_nowait()
        try:
            if engine is not None:
                self._fit(engine)
            yield engine
        finally:
            if engine is not None:
                self._put_back(engine)

    def _put_back(self, engine: Engine) -> None:
        try:
            self._fit(engine)
        except (ModelError, MemoryError) as error:
            # Whoever takes this engine next fits it again, and is told when that fails.
            _log.warning("an embedder could not be loaded, and is tried again when it is needed: %s", error)
        finally:
            self._idle.put(engine)

    def _fit(self, engine: Engine) -> None:
        """Give it the embedder that is in use now."""
        wanted = self.embedder
        if engine.embedder.id == wanted.id:
            return
        with self._guard:
            spare, self._spare = self._spare, None
        engine.embedder = spare if spare is not None and spare.id == wanted.id else wanted.another()

    def _take(self, wait_s: float) -> Engine:
        try:
            return self._idle.get_nowait()
        except queue.Empty:
            pass
        if self._may_make():
            return self._made()
        with self._guard:
            self._waiting += 1
        try:
            return self._idle.get(timeout=wait_s)
        except queue.Empty:
            raise NoEngine(f"no worker came free within {wait_s:g} s") from None
        finally:
            with self._guard:
                self._waiting -= 1

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
