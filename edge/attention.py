"""frames -> views: when to look, whom to look at closely, and when that is enough.

An empty room is watched by the motion gate alone. Whoever comes is detected with every frame and embedded a
few times, until it is decided who it is; then a glance now and then is enough.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence

import numpy as np

from edge import evidence
from edge.camera.frame import Frame
from edge.closeup import LEAST_SIDE, CloseUp, Region, close_up, cut_out, faces_in
from edge.engine import Engine
from edge.errors import Overloaded
from edge.evidence import Evidence
from edge.face import Face
from edge.motion import MotionGate
from edge.picture import encode_jpeg
from edge.presence import Keeper, Presence
from edge.quality import usefulness, yaw
from edge.recognize import Recognizer
from edge.schedule import Schedule, may_embed
from edge.settings import Settings
from edge.steps import Steps
from edge.store import Reference
from edge.visit import Shot, Visit

_STARVED_S = 2.0
"""Seconds after which a frame stands in line like a request: under load the camera slows down, but goes
on."""

_CLOSE_UPS = 2
"""Faces embedded in one frame at most; the others have their turn with the next."""

_EDGE = 0.15
"""Eyes, nose and mouth are so many sides of the face away from the frame's edge, or part of it is outside."""

_CROP_QUALITY = 92


class Attention:
    """Looks at the frames of one camera. Used by one thread; steps and visits may be read by others."""

    def __init__(self, recognizer: Recognizer, settings: Settings, keeper: Keeper) -> None:
        self._vision = recognizer.vision
        self._settings = settings
        self._presence = Presence(recognizer, settings, keeper)
        self._gate = MotionGate()
        self._schedule = Schedule()
        self._size = (0, 0)
        self.steps = Steps()

    @property
    def visits(self) -> Sequence[Visit]:
        """Those in view."""
        return self._presence.visits

    def look(self, frame: Frame, region: Region) -> None:
        """Take notice of a frame. region: cuts out of it. Raises ModelError, StoreError."""
        self._size = (frame.width, frame.height)
        with self.steps.of("gate"):
            moved = self._gate.moved(frame.small.y, frame.time)
        self.steps.counts["frames"] += 1
        if self._schedule.due(frame.time, moved, self.visits):
            try:
                self._examine(frame, region)
            except Overloaded:
                self.steps.counts["yielded"] += 1
        self._presence.expire(frame.time, blind=False)

    def expire(self, time: float) -> None:
        """No frame has come: end the visits of those who are gone by then, steady seconds."""
        self._presence.expire(time, blind=True)

    def end(self) -> None:
        """No more frames come: all visits are over."""
        self._presence.end()

    # -- one frame ----------------------------------------------------------------------------------

    def _examine(self, frame: Frame, region: Region) -> None:
        """An engine is held while networks run, not while the camera or the disk is waited for."""
        starved = self._schedule.waited(frame.time) > _STARVED_S
        with self._vision.for_camera(starved) as engine:
            if engine is None:
                raise Overloaded("requests need every engine")
            with self.steps.of("detect"), self._timed(engine):
                faces = faces_in(engine, frame, self._settings.min_confidence)
        with self.steps.of("track"):
            self._presence.follow(faces, frame.time)
        self._schedule.detected(frame.time, bool(faces))
        for visit in self._to_embed(frame.time):
            with self.steps.of("embed"):
                self._embed(visit, frame.time, region)
        with self.steps.of("store"):
            self._presence.settle(frame.time)

    def _embed(self, visit: Visit, time: float, region: Region) -> None:
        """Take a view, if an engine can be had."""
        cut = cut_out(region, visit.track.face)
        if cut is None:
            return
        with contextlib.suppress(Overloaded), self._vision.for_camera(patient=True) as engine:
            if engine is not None:
                with self._timed(engine):
                    seen = close_up(engine, cut, visit.track.face, time)
                self._take(visit, seen)

    @contextlib.contextmanager
    def _timed(self, engine: Engine) -> Iterator[None]:
        before = engine.seconds
        yield
        self.steps.model_seconds += engine.seconds - before

    def _to_embed(self, time: float) -> list[Visit]:
        wanted = [
            (visit.embedded, visit)
            for visit in self.visits
            if visit.track.seen_now
            and not visit.furniture
            and may_embed(visit, self._promise(visit.track.face), time)
        ]
        return [visit for _, visit in sorted(wanted, key=lambda pair: pair[0])[:_CLOSE_UPS]]

    def _take(self, visit: Visit, seen: CloseUp) -> None:
        visit.embedded += 1
        visit.embedded_at = seen.view.time
        visit.promising = max(visit.promising, self._promise(visit.track.face))
        model = seen.portrait.embedding.model
        if visit.evidence is None or visit.evidence.model != model:
            visit.forget_views()
            visit.evidence = Evidence(model)
        visit.evidence.add(seen.view)
        visit.shoot(Shot(seen.view.weight, seen.view.good, self._reference(seen)))

    def _reference(self, seen: CloseUp) -> Reference:
        embedding, face = seen.portrait.embedding, seen.portrait.face
        return Reference(
            row=None,
            vector=embedding.vector,
            model=embedding.model,
            quality=usefulness(face.confidence, embedding.mirror, embedding.model),
            added=0.0,
            crop=encode_jpeg(seen.chip, _CROP_QUALITY),
            landmarks=seen.landmarks.points,
            look=seen.portrait.look,
        )

    def _promise(self, face: Face) -> float:
        """What a view of this face promises; nothing where it is small, or half out of the frame."""
        side = min(face.box.width, face.box.height)
        if face.landmarks is None or side < LEAST_SIDE:
            return 0.0
        points = face.landmarks.points
        room = min(float(points.min()), float((np.array(self._size, np.float32) - points).min()))
        return evidence.usable(side, yaw(points)) if room > _EDGE * side else 0.0
