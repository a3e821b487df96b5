"""This repository's decoding, detection and alignment under another embedder, so that only that differs."""

from __future__ import annotations

from collections.abc import Callable

from edge.budget import MemoryBudget
from edge.clock import SystemClock
from edge.engine import Engine
from edge.picture import Source
from edge.portrait import portrait_of
from edge.settings import Settings
from edge.vision import DETECT_SIDE
from peers.answering import Look, Seen


def looking(embedder) -> Look:
    """As identify goes, up to the embedding; embedder: has a template and embed(picture, landmarks)."""
    settings = Settings()
    engine = Engine.load(1)
    engine.embedder = embedder
    memory = MemoryBudget(settings.total_memory_mib << 20, settings.request_memory_mib << 20, SystemClock())

    def look(data: bytes, detected: Callable[[], None]) -> Seen:
        with Source(data, memory, settings.queue_seconds) as source:
            faces = engine.detector.detect(source.picture(DETECT_SIDE), settings.min_confidence)
            detected()
            vectors = [
                None
                if face.landmarks is None
                else portrait_of(engine, source, face, face.landmarks).embedding.vector
                for face in faces
            ]
        boxes = [(face.box.left, face.box.top, face.box.width, face.box.height) for face in faces]
        return Seen(source.width, source.height, boxes, vectors)

    return look
