"""One embedder -> another: kept crops are embedded anew while the old one answers.

The store holds all there is to know of it, so that a crash at any moment, a second process and a command
beside the running service do no harm: whoever looks next goes on where the others are.
"""

from __future__ import annotations

import contextlib
import logging
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np

from edge.calibration import calibration_of
from edge.embed import Embedder
from edge.engine import load_embedder
from edge.errors import EdgeError, PictureError, UnknownReference
from edge.face import Landmarks, Vector
from edge.picture import decode
from edge.recognize import Recognizer
from edge.store import Coverage, KeptLook, Store

BATCH = 8
"""Crops that are embedded before the store is written once: each writing waits for the disk."""

_LEAST_SPREAD = 4.0
"""Landmarks of a kept crop nearer to each other than this, in pixels, are none."""

LOOK_EVERY_S = 60.0
"""How often the service looks whether there is something to do, seconds."""

_PATIENCE_S = 1.0
"""How long one crop waits at most for requests to be done, seconds: under constant load it goes on slowly."""

_LOWEST_PRIORITY = 19

_log = logging.getLogger(__name__)


def load_whole(model: str) -> Embedder:
    """The embedder with all that it needs to answer. Raises ModelError: its files or thresholds are amiss."""
    calibration_of(model)
    return load_embedder(model, 1)


def embed_pending(
    store: Store, embedder: Embedder, breathe: Callable[[], bool] = lambda: True
) -> Iterator[int]:
    """Give every kept crop that this embedder has not seen its vector; yields how many, batch by batch.

    breathe: called before each crop; False ends the work there. A crop that cannot be read is marked so,
    is logged, and is not tried again. Raises StoreError, Overloaded; what was yielded is on disk.
    """
    after = 0
    while page := store.pending(embedder.id, after, BATCH):
        made = []
        for look in page:
            if not breathe():
                return
            made.append((look.reference_row, _vector_or_mark(store, embedder, look)))
        with store.writing():
            for row, vector in made:
                store.add_embedding(row, embedder.id, vector)
        after = page[-1].reference_row
        yield len(made)


def tidy(store: Store, model: str) -> int:
    """Erase the vectors that nobody needs when this embedder answers; how many."""
    dropped = 0
    while batch := store.drop_unused(model):
        dropped += batch
    if dropped:
        store.clean()
    return dropped


def outlook(coverage: Coverage) -> str:
    """How far an embedder has come, in words."""
    parts = [f"{coverage.embedded} references embedded"]
    if coverage.pending:
        parts.append(f"{coverage.pending} wait")
    if coverage.unreadable:
        parts.append(f"the crop of {coverage.unreadable} cannot be read")
    if coverage.cropless:
        parts.append(f"{coverage.cropless} have no crop")
    return ", ".join(parts)


def _vector_or_mark(store: Store, embedder: Embedder, look: KeptLook) -> Vector | None:
    """The look's vector; None, and a line in the log, when its crop cannot be read."""
    try:
        return _vector(embedder, look)
    except PictureError as error:
        if isinstance(error.__cause__, MemoryError):  # not the crop's fault
            raise
        with contextlib.suppress(UnknownReference):  # erased meanwhile
            person, row = store.person_of(look.reference_row), look.reference_row
            _log.warning("the crop of reference %d of %s cannot be read: %s", row, person.id, error.message)
        return None


def _vector(embedder: Embedder, look: KeptLook) -> Vector:
    landmarks = Landmarks(_checked(look), 1.0)
    vector = embedder.embed(decode(look.crop), landmarks).vector
    if not np.isfinite(vector).all():
        raise PictureError("its embedding is no number")
    return vector


def _checked(look: KeptLook) -> Vector:
    points = look.landmarks
    if points is None or points.shape != (4, 2) or not np.isfinite(points).all():
        raise PictureError("there are no landmarks with it")
    if float(np.ptp(points, axis=0).max()) < _LEAST_SPREAD:
        raise PictureError("its landmarks lie on one spot")
    return points


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
        """Look now and then until `stop` is set, at the lowest priority. A failure is logged once."""
        with contextlib.suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _LOWEST_PRIORITY)
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
        embedder = load_whole(self._wanted)
        _log.info("embedding kept crops for %s: %s", self._wanted, self._outlook())
        for _ in embed_pending(self._store, embedder, lambda: self._breathe(stop)):
            pass
        return not stop.is_set()

    def _taken_over(self) -> bool:
        if self._store.model() == self._wanted:
            return True
        load_whole(self._wanted)  # or nobody would be known any more
        if self._store.use_model(self._wanted):
            _log.warning("people are told apart by %s now: %s", self._wanted, self._outlook())
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


@contextmanager
def beside(switch: Switch) -> Iterator[None]:
    """The switch in a thread of its own for the time of the block."""
    stop = threading.Event()
    thread = threading.Thread(target=switch.run, args=(stop,), name="switch")
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
