"""Kept crops -> the vectors of another embedder."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable, Iterator
from typing import Protocol

import numpy as np

from edge.calibration import calibration_of
from edge.embed import CROP_SIZE, Embedder
from edge.engine import load_embedder
from edge.errors import PictureError, UnknownReference
from edge.face import Embedding, Landmarks, Vector
from edge.picture import Picture, decode
from edge.store import Coverage, KeptLook, Store

BATCH = 8
"""Crops that are embedded before the store is written once: each writing waits for the disk."""

_LEAST_SPREAD = 4.0
"""Landmarks of a kept crop lie at least so far apart, pixels, and at most CROP_SIZE."""

_log = logging.getLogger(__name__)


def load_whole(model: str) -> Embedder:
    """The embedder with all that it needs to answer. Raises ModelError: its files or thresholds are amiss."""
    calibration_of(model)
    return load_embedder(model, 1)


class Embeds(Protocol):
    """What is asked of an embedder here."""

    id: str

    def embed(self, picture: Picture, landmarks: Landmarks) -> Embedding: ...


def embed_pending(
    store: Store, embedder: Embeds, breathe: Callable[[], bool] = lambda: True
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
            made.append((look.reference_row, _seen_or_mark(store, embedder, look)))
        with store.writing():
            for row, seen in made:
                vector, mirror = (None, None) if seen is None else (seen.vector, seen.mirror)
                store.add_embedding(row, embedder.id, vector, mirror)
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


def _seen_or_mark(store: Store, embedder: Embeds, look: KeptLook) -> Embedding | None:
    """The look's embedding; None, and a line in the log, when its crop cannot be read."""
    try:
        return _seen(embedder, look)
    except PictureError as error:
        if isinstance(error.__cause__, MemoryError):  # not the crop's fault
            raise
        with contextlib.suppress(UnknownReference):  # erased meanwhile
            person, row = store.person_of(look.reference_row), look.reference_row
            _log.warning("the crop of reference %d of %s cannot be read: %s", row, person.id, error.message)
        return None


def _seen(embedder: Embeds, look: KeptLook) -> Embedding:
    landmarks = Landmarks(_checked(look), 1.0)
    seen = embedder.embed(decode(look.crop), landmarks)
    if not np.isfinite(seen.vector).all():
        raise PictureError("its embedding is no number")
    return seen


def _checked(look: KeptLook) -> Vector:
    points = look.landmarks
    if points is None or points.shape != (4, 2) or not np.isfinite(points).all():
        raise PictureError("there are no landmarks with it")
    if not _LEAST_SPREAD <= float(np.ptp(points, axis=0).max()) <= CROP_SIZE:
        raise PictureError("its landmarks are those of no face")
    return points
