"""tracks and views -> visits: who is in view, since when, and whether it is still the same person.

The gallery is asked here; what is written of it is the keeper's business.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from edge.evidence import Opinion
from edge.face import Box, Face
from edge.recognize import Recognizer
from edge.schedule import FIRST_VIEWS
from edge.settings import Settings
from edge.track import Track, Tracker
from edge.visit import Visit

LINGER_S = 8.0
"""Seconds that somebody may be out of sight and still be on the same visit."""

_FLEETING_S = 1.0
"""The same for what was not seen often enough to be somebody."""

FURNITURE_S = 45.0
"""Seconds without any movement after which a face is a poster."""

_PICTURE_S = 10.0
"""The same for a face that is then no longer found: it was told of, and is not told of again in that
place."""

_MOST_FURNITURE = 20

_MOMENT_S, _NEAR = 2.0, 2.0
"""Seconds, and larger sides of the face: who comes back so soon and so near needs to be no more alike than
from one view to the next."""

_SAME_PLACE = 0.6
"""Intersection over union of a new face and a poster's place from which it is the poster."""


class Keeper(Protocol):
    """Who writes visits down (edge.sightings)."""

    def keep(self, visit: Visit) -> None:
        """Write what of it is not yet written: at once what is new, now and then that it goes on."""

    def leave(self, visit: Visit) -> None:
        """It is over."""


class Presence:
    """Those in view of one camera. Used by one thread; `visits` may be counted by others."""

    def __init__(self, recognizer: Recognizer, settings: Settings, keeper: Keeper) -> None:
        self._recognizer = recognizer
        self._settings = settings
        self._keeper = keeper
        self._tracker = Tracker()
        self._furniture: list[Box] = []
        self.visits: list[Visit] = []

    def follow(self, faces: Sequence[Face], time: float) -> None:
        """The faces of a frame: those who are followed already, and a visit for each who is new."""
        self._tracker.follow(faces, time)
        followed = {id(visit.track) for visit in self.visits}
        for track in self._tracker.tracks:
            if id(track) not in followed:
                still = track.first if self._is_furniture(track) else None
                self.visits.append(Visit(track, track.first, furniture_since=still))
        for visit in self.visits:
            visit.frames += visit.track.seen_now

    def settle(self, time: float) -> None:
        """Bring each visit to where its track and its views have come by then, and have it written."""
        for visit in list(self.visits):
            self._settle(visit, time)

    def expire(self, time: float, *, blind: bool) -> None:
        """End the visits of those who are gone by then, steady seconds. blind: no frames come at all; else
        nobody is gone who was not looked for in vain: under load looks are rare.
        """
        for visit in list(self.visits):
            patience = LINGER_S if visit.track.confirmed else _FLEETING_S
            if time - visit.last > patience and (blind or not visit.track.seen_now):
                self._end(visit)

    def end(self) -> None:
        """No more frames come: all visits are over."""
        for visit in list(self.visits):
            self._end(visit)

    def _settle(self, visit: Visit, time: float) -> None:
        """Bring one visit to where its track and its views have come."""
        if visit.furniture_since is not None:
            if visit.track.moved:
                self._begin_again(visit, time)
            return
        if time - visit.track.still_since > FURNITURE_S and visit.track.seen_now:
            self._remember_place(visit)
            self._leave(visit)
            visit.furniture_since = time
            visit.track.moves, visit.track.moved = 0, False
            return
        if visit.evidence is not None and visit.evidence.contradicted:
            self._leave(visit)
            self._begin_again(visit, time)
            return
        if visit.embedded_at == time and visit.belief.opinion is Opinion.OPEN:
            if not visit.told.row and self._rejoined(visit):
                return
            self._judge(visit, final=visit.embedded >= FIRST_VIEWS)
        if visit.track.confirmed and visit.views:
            self._keeper.keep(visit)

    def _judge(self, visit: Visit, *, final: bool) -> None:
        known = self._recognizer.known()
        if visit.evidence is None or visit.evidence.model != known.model:
            visit.forget_views()
            return
        rate = self._settings.false_positive_rate
        crowd = self._recognizer.crowd
        belief = visit.evidence.belief(known.calibration, known.gallery, rate, crowd, final=final)
        if belief.opinion is Opinion.STRANGER and not visit.track.moved:
            return  # it may be a picture on the wall
        visit.belief, visit.person_row = belief, belief.person_row

    def _rejoined(self, visit: Visit) -> bool:
        """Whether this is somebody who was lost a moment ago: then the former visit goes on."""
        if visit.evidence is None:
            return False
        view, model = visit.evidence.views[-1], visit.evidence.model
        lost = [
            (float(other.evidence.mean @ view.vector), other)
            for other in self.visits
            if other.told.row and not other.track.seen_now and other is not visit
            if other.evidence is not None and other.evidence.model == model and other.views
        ]
        score, near = max(lost, key=lambda pair: pair[0], default=(-1.0, visit))
        alike = visit.evidence.alike
        least = alike.same if _just_there(near.track, visit.track) else alike.rejoin
        if score < least or near is visit or near.evidence is None:
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

    def _leave(self, visit: Visit) -> None:
        """No more views come: what there is must do."""
        try:
            if visit.belief.opinion is Opinion.OPEN and visit.views:
                self._judge(visit, final=True)
        finally:
            self._keeper.leave(visit)

    def _remember_place(self, visit: Visit) -> None:
        self._furniture = [*self._furniture, visit.track.box][-_MOST_FURNITURE:]

    def _is_furniture(self, track: Track) -> bool:
        return any(box.overlap(track.box) > _SAME_PLACE for box in self._furniture)

    def _end(self, visit: Visit) -> None:
        self.visits = [one for one in self.visits if one is not visit]
        self._tracker.drop([visit.track])
        if visit.told.row and not visit.furniture:
            if not visit.track.moved and visit.last - visit.started > _PICTURE_S:
                self._remember_place(visit)  # a picture that the light has gone from will be there again
            self._leave(visit)


def _just_there(lost: Track, found: Track) -> bool:
    """Whether a face comes back about where it was lost a moment ago: a turned head, a step out of the
    light."""
    one, other = lost.box, found.box
    side = max(one.width, one.height, other.width, other.height)
    away = max(
        abs(one.left + one.width / 2 - other.left - other.width / 2),
        abs(one.top + one.height / 2 - other.top - other.height / 2),
    )
    return found.first - lost.last < _MOMENT_S and away < _NEAR * side
