"""The first half of the one way: bytes -> decode -> detect -> align -> embed. It remembers nothing.

What a header alone can refuse is refused before an engine is asked for. Then an engine is taken first
and memory for pixels second: nobody who holds that memory waits for an engine.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from edge.budget import MemoryBudget
from edge.clock import Clock, SystemClock
from edge.detect import Detector
from edge.embed import KEPT, Embedder, KeptCrop, kept_crop
from edge.engine import Engine, EnginePool
from edge.errors import WrongSize
from edge.face import Face
from edge.picture import Source
from edge.portrait import Portrait, cut_out_portrait, enough, portrait_of
from edge.settings import Settings

INDEX_SIZE = 64
"""Side of the picture that index takes, pixels."""

DETECT_SIDE = 960
"""Long side, in pixels, that a big JPEG keeps when it is decoded for detection: the 1024 of the wide
net, less what may be missing before it shows (4032 / 4 = 1008 saves three quarters of the decoding)."""


@dataclass(frozen=True, slots=True)
class Detection:
    """A picture's upright size in pixels, and its faces, surest first."""

    width: int
    height: int
    faces: tuple[Face, ...]


class Vision:
    """The networks and the memory of one process. Thread-safe."""

    def __init__(
        self, pool: EnginePool, memory: MemoryBudget, settings: Settings, clock: Clock | None = None
    ) -> None:
        self._pool = pool
        self._memory = memory
        self._settings = settings
        self._clock = clock or SystemClock()
        self._guard = threading.Lock()
        self._begun: dict[object, float] = {}  # work under way, and since when, steady seconds
        self._finished = 0

    @property
    def embedder(self) -> Embedder:
        """The one in use now. Only its id, template and dimensions are for others."""
        return self._pool.embedder

    @property
    def busy(self) -> bool:
        """Whether somebody is recognised right now."""
        return self._pool.busy

    @property
    def finished(self) -> int:
        """How many times an engine did its work for a request (count)."""
        return self._finished

    @property
    def longest_s(self) -> float:
        """For how long the engine that has been out longest is out (seconds); 0 when none is."""
        with self._guard:
            return self._clock.steady() - min(self._begun.values()) if self._begun else 0.0

    def delegated(self) -> bool:
        """Whether each network runs in a delegate. Raises Overloaded."""
        with self._pool.engine(self._settings.queue_seconds) as engine:
            return engine.delegated()

    def use(self, model: str) -> None:
        """Embed with this model from the next request on. Raises ModelError."""
        self._pool.use(model)

    def detect(self, data: bytes, min_confidence: float | None = None) -> Detection:
        """The faces of a JPEG or PNG. Raises PictureError, Overloaded."""
        with self._opened(data) as source, self._engine() as engine:
            return self._detect(engine.detector, source, min_confidence)

    def portraits(
        self,
        data: bytes,
        check: Callable[[tuple[Face, ...]], object] | None = None,
        *,
        min_confidence: float | None = None,
    ) -> tuple[Detection, list[Portrait]]:
        """The faces of a JPEG or PNG, and the portraits of those whose landmarks were found.

        check: may raise when the faces will not do, before any is embedded. min_confidence: else the setting.
        """
        with self._opened(data) as source, self._engine() as engine:
            detection = self._detect(engine.detector, source, min_confidence)
            if check is not None:
                check(detection.faces)
            return detection, [
                portrait_of(engine, source, face, face.landmarks)
                for face in detection.faces
                if face.landmarks is not None
            ]

    def crop_portrait(self, data: bytes, side: int | None = None) -> tuple[Detection, Portrait]:
        """The portrait of a picture that is one cut-out face.

        side: the picture must be exactly that wide and high, pixels. Raises WrongSize, NoFace.
        """
        with self._opened(data) as source:
            size = (source.width, source.height)
            if side is not None and size != (side, side):
                raise WrongSize(
                    f"the picture is {size[0]}x{size[1]} px; index takes a face cut out and "
                    f"scaled to exactly {side}x{side}; send whole pictures to train"
                )
            with self._engine() as engine:
                portrait = cut_out_portrait(engine, source.picture(DETECT_SIDE))
        return Detection(*size, (portrait.face,)), portrait

    @contextmanager
    def for_camera(self, patient: bool) -> Iterator[Engine | None]:
        """An engine for a frame of the camera, which comes after all requests; None: they need them all.

        patient: stand in line like a request. Raises Overloaded.
        """
        wait_s = self._settings.queue_seconds
        with self._pool.engine(wait_s) if patient else self._pool.spare() as engine:
            if engine is None:
                yield None
            else:
                with self._noted():
                    yield engine

    def kept_crop(self, data: bytes, portrait: Portrait) -> KeptCrop:
        """What is kept of a portrait's picture so that another embedder can start from it."""
        with self._opened(data) as source:
            scale = KEPT.scale(portrait.landmarks, portrait.squeeze)
            picture = enough(source.picture(round(scale * max(source.width, source.height))))
            return kept_crop(picture, portrait.landmarks, portrait.squeeze)

    def _opened(self, data: bytes) -> Source:
        return Source(data, self._memory, self._settings.queue_seconds)

    @contextmanager
    def _engine(self) -> Iterator[Engine]:
        with self._pool.engine(self._settings.queue_seconds) as engine, self._noted():
            yield engine
            with self._guard:
                self._finished += 1

    @contextmanager
    def _noted(self) -> Iterator[None]:
        """An engine is out for the time of the block."""
        work = object()
        with self._guard:
            self._begun[work] = self._clock.steady()
        try:
            yield
        finally:
            with self._guard:
                del self._begun[work]

    def _detect(self, detector: Detector, source: Source, min_confidence: float | None) -> Detection:
        least = self._settings.min_confidence if min_confidence is None else min_confidence
        faces = detector.detect(source.picture(DETECT_SIDE), least)
        return Detection(source.width, source.height, faces)
