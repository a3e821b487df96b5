"""One embedder -> another, in the background of a service, while the old one answers.

The store holds all there is to know of it, so that a crash at any moment, a second process and a command
beside the running service do no harm: whoever looks next goes on where the others are.
"""

from __future__ import annotations

import contextlib
import logging
import os
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Self

from edge.embed import Embedder
from edge.errors import EdgeError
from edge.face import Embedding, Landmarks
from edge.picture import Picture
from edge.recognize import Recognizer
from edge.reembed import embed_pending, load_whole, outlook, tidy
from edge.store import Store

LOOK_EVERY_S = 60.0
"""How often the service looks whether there is something to do, seconds."""

_PATIENCE_S = 1.0
"""How long one crop waits at most for requests to be done, seconds: under constant load it goes on slowly."""

_LOWEST_PRIORITY = 19

_log = logging.getLogger(__name__)


class _Humble:
    """An embedder that works in a thread of the lowest priority.

    That thread alone: one that holds the store's write lock must not wait behind everybody's recognitions.
    """

    def __init__(self, embedder: Embedder) -> None:
        self.id = embedder.id
        self._embedder = embedder
        self._thread = ThreadPoolExecutor(1, "embed", _step_back)

    def embed(self, picture: Picture, landmarks: Landmarks) -> Embedding:
        return self._thread.submit(self._embedder.embed, picture, landmarks).result()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._thread.shutdown()


def _step_back() -> None:
    with contextlib.suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _LOWEST_PRIORITY)


class Switch:
    """What a service does in the background to come to the embedder of its settings.

    It pushes towards it until the store answers with it once; when another process switches elsewhere
    meanwhile, that one has newer settings, and this one leaves off.
    """

    def __init__(self, recognizer: Recognizer, store: Store, wanted: str) -> None:
        """wanted: the model file."""
        self._recognizer = recognizer
        self._store = store
        self._wanted = wanted
        self._began_with = store.model()
        self._done = False
        self._lost = 0

    @property
    def under_way(self) -> bool:
        """Whether it still pushes: neither has the embedder taken over, nor has this process left off."""
        return not self._done

    def look(self, stop: threading.Event) -> None:
        """Do what is to be done, until all is or `stop` is set. Raises EdgeError: try again later."""
        self._recognizer.refresh()  # another process may have switched
        if self._done:
            return
        answering = self._store.model()
        if answering not in (self._began_with, self._wanted):
            _log.warning("another process has switched to %s, so %s is left", answering, self._wanted)
            self._done = True
            return
        while self._embedded(stop) and self._store.pending(self._wanted, limit=1):
            pass  # somebody was trained meanwhile
        if not stop.is_set() and self._taken_over():
            self._done = True
            self._recognizer.refresh()  # so that no request waits for the new gallery
            tidy(self._store, self._wanted)

    def run(self, stop: threading.Event) -> None:
        """Look now and then until `stop` is set. A failure is logged once."""
        said = ""
        while not stop.is_set():
            try:
                self.look(stop)
                said = ""
            except EdgeError as error:
                if error.message != said:
                    _log.error("the switch to %s waits: %s", self._wanted, error.message)
                said = error.message
            except Exception:
                _log.exception("the switch to %s failed", self._wanted)
            stop.wait(LOOK_EVERY_S)

    def _embedded(self, stop: threading.Event) -> bool:
        """Whether every kept crop has its vector now. The interpreter is loaded for this time alone."""
        if not self._store.pending(self._wanted, limit=1):
            return True
        with _Humble(load_whole(self._wanted)) as embedder:
            _log.info("embedding kept crops for %s: %s", self._wanted, self._outlook())
            for _ in embed_pending(self._store, embedder, lambda: self._breathe(stop)):
                pass
        return not stop.is_set()

    def _taken_over(self) -> bool:
        if self._store.model() == self._wanted:
            return True
        load_whole(self._wanted)  # or nobody would be known any more
        if self._store.use_model(self._wanted):
            _log.info("people are told apart by %s now: %s", self._wanted, self._outlook())
            return True
        lost = self._store.coverage(self._wanted).lost
        if lost != self._lost:
            text = "the switch to %s waits: %d people would be strangers then; `api-face embedder` says who"
            _log.warning(text, self._wanted, lost)
        self._lost = lost
        return False

    def _outlook(self) -> str:
        return outlook(self._store.coverage(self._wanted))

    def _breathe(self, stop: threading.Event) -> bool:
        """Let requests go first."""
        waited = 0.0
        while self._recognizer.vision.busy and waited < _PATIENCE_S and not stop.wait(0.02):
            waited += 0.02
        return not stop.is_set()
