"""frames -> visits: when to look, whom to look at closely, and when that is enough.

An empty room is watched by the motion gate alone. Whoever comes is detected with every frame and embedded a
few times, until it is decided who it is; then a glance now and then is enough. The gallery is asked here, the
store is not.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np

from edge import evidence
from edge.camera.frame import Frame
from edge.closeup import LEAST_SIDE, CloseUp, Region, close_up, faces_in
from edge.engine import Engine
from edge.errors import Overloaded
from edge.evidence import Opinion
from edge.face import Box, Face
from edge.motion import MotionGate
from edge.picture import encode_jpeg
from edge.quality import usefulness, yaw
from edge.recognize import Recognizer
from edge.schedule import Schedule, may_embed
from edge.settings import Settings
from edge.steps import Steps
from edge.store import Reference
from edge.track import Track, Tracker
from edge.visit import Shot, Visit

_FLEETING_S = 1.0
"""The same for what was not seen often enough to be somebody."""

LINGER_S = 8.0
"""Seconds that somebody may be out of sight and still be on the same visit."""

FURNITURE_S = 45.0
"""Seconds without any movement after which a face is a poster."""

_MOST_FURNITURE = 20

_STARVED_S = 2.0
"""Seconds after which a frame stands in line like a request: under load the camera slows down, but goes
on."""

_CLOSE_UPS = 2
"""Faces embedded in one frame at most; the others have their turn with the next."""

_EDGE = 0.15
"""Eyes, nose and mouth are so many sides of the face away from the frame's edge, or part of it is outside."""

_CROP_QUALITY = 92


class Keeper(Protocol):
    """Who writes visits down (edge.sightings)."""

    def keep(self, visit: Visit) -> None:
        """Write what of it is not yet written: at once what is new, now and then that it goes on."""

    def leave(self, visit: Visit) -> None:
        """It is over."""


class Attention:
    """What one camera's loop knows of those in view. Used by one thread."""

    def __init__(self, recognizer: Recognizer, settings: Settings, keeper: Keeper) -> None:
        self._recognizer = recognizer
        self._vision = recognizer.vision
        self._settings = settings
        self._keeper = keeper
        self.steps = Steps()
        self._gate = MotionGate()
        self._tracker = Tracker()
        self._schedule = Schedule()
        self.visits: list[Visit] = []
        self._furniture: list[Box] = []
        self._size = (0, 0)

    def look(self, frame: Frame, region: Region) -> None:
        """Take notice of a frame. region: cuts out of it. Raises ModelError."""
        self._size = (frame.width, frame.height)
        with self.steps.of("gate"):
            moved = self._gate.moved(frame.small.y, frame.time)
        self.steps.counts["frames"] += 1
        if self._schedule.due(frame.time, moved, self.visits):
            try:
                with self._vision.for_camera(self._schedule.waited(frame.time) > _STARVED_S) as engine:
                    if engine is None:
                        self.steps.counts["yielded"] += 1
                    else:
                        self._examine(engine, frame, region)
            except Overloaded:
                self.steps.counts["yielded"] += 1
        self.expire(frame.time)

    def expire(self, time: float) -> None:
        """End the visits of those who are gone by then, steady seconds."""
        over = [
            visit
            for visit in self.visits
            if time - visit.last > (LINGER_S if visit.track.confirmed else _FLEETING_S)
        ]
        self._end(over)

    def end(self) -> None:
        """No more frames come: all visits are over."""
        self._end(list(self.visits))

    # -- one frame ----------------------------------------------------------------------------------

    def _examine(self, engine: Engine, frame: Frame, region: Region) -> None:
        before = engine.seconds
        with self.steps.of("detect"):
            faces = faces_in(engine, frame, self._settings.min_confidence)
        with self.steps.of("track"):
            self._tracker.follow(faces, frame.time)
            self._match_visits()
        self._schedule.detected(frame.time, bool(faces))
        for visit in self._to_embed(frame.time):
            with self.steps.of("embed"):
                seen = close_up(engine, region, visit.track.face, frame.time)
                if seen is not None:
                    self._take(visit, seen)
        self.steps.model_seconds += engine.seconds - before
        with self.steps.of("store"):
            for visit in self.visits:
                self._settle(visit, frame.time)

    def _match_visits(self) -> None:
        """A visit for each new track, and the frame for each that was seen."""
        followed = {id(visit.track) for visit in self.visits}
        for track in self._tracker.tracks:
            if id(track) not in followed:
                still = track.first if self._is_furniture(track) else None
                self.visits.append(Visit(track, track.first, furniture_since=still))
        for visit in self.visits:
            visit.frames += visit.track.seen_now

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
        if visit.shots and visit.shots[0].reference.model != seen.portrait.embedding.model:
            visit.forget_views()
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

    # -- what it means ------------------------------------------------------------------------------

    def _settle(self, visit: Visit, time: float) -> None:
        """Bring one visit to where its track and its views have come."""
        if visit.furniture_since is not None:
            if visit.track.still_since > visit.furniture_since:
                self._begin_again(visit, time)
            return
        if time - visit.track.still_since > FURNITURE_S and visit.track.seen_now:
            self._furniture = [*self._furniture, visit.track.box][-_MOST_FURNITURE:]
            self._keeper.leave(visit)
            visit.furniture_since = time
            return
        if visit.evidence.contradicted:
            self._keeper.leave(visit)
            self._begin_again(visit, time)
            return
        if visit.embedded_at == time and visit.belief.opinion is Opinion.OPEN:
            if not visit.told.row and self._rejoined(visit):
                return
            self._judge(visit)
        if visit.track.confirmed and visit.evidence.views:
            self._keeper.keep(visit)

    def _judge(self, visit: Visit) -> None:
        known = self._recognizer.known()
        if visit.shots and visit.shots[0].reference.model != known.model:
            visit.forget_views()
            return
        rate = self._settings.false_positive_rate
        belief = visit.evidence.belief(known.calibration, known.gallery, rate)
        if belief.opinion is Opinion.STRANGER and not visit.track.moved:
            return  # it may be a picture on the wall
        visit.belief, visit.person_row = belief, belief.person_row

    def _rejoined(self, visit: Visit) -> bool:
        """Whether this is somebody who was lost a moment ago: then the former visit goes on."""
        view = visit.evidence.views[-1]
        lost = [
            other
            for other in self.visits
            if other is not visit and other.told.row and not other.track.seen_now and other.evidence.views
        ]
        near = max(lost, key=lambda other: float(other.evidence.mean @ view.vector), default=None)
        if near is None or float(near.evidence.mean @ view.vector) < evidence.REJOIN:
            return False
        self._tracker.drop([near.track])
        near.track, near.frames = visit.track, near.frames + visit.frames
        near.evidence.add(view)
        near.embedded += visit.embedded
        near.embedded_at = view.time
        self.visits = [one for one in self.visits if one is not visit]
        return True

    def _begin_again(self, visit: Visit, time: float) -> None:
        """The same track is somebody else, or somebody after all."""
        fresh = Visit(visit.track, time)
        self.visits = [fresh if one is visit else one for one in self.visits]

    def _is_furniture(self, track: Track) -> bool:
        return any(box.overlap(track.box) > 0.6 for box in self._furniture)

    def _end(self, over: list[Visit]) -> None:
        for visit in over:
            if visit.told.row and not visit.furniture:
                self._keeper.leave(visit)
        self._tracker.drop([visit.track for visit in over])
        gone = {id(visit) for visit in over}
        self.visits = [visit for visit in self.visits if id(visit) not in gone]

    def _promise(self, face: Face) -> float:
        """What a view of this face promises; nothing where it is small, or half out of the frame."""
        side = min(face.box.width, face.box.height)
        if face.landmarks is None or side < LEAST_SIDE:
            return 0.0
        points = face.landmarks.points
        room = min(float(points.min()), float((np.array(self._size, np.float32) - points).min()))
        return evidence.usable(side, yaw(points)) if room > _EDGE * side else 0.0
