"""visits -> what stands in the store: sightings, events, and the strangers who become people.

What a visit has come to is compared with what was written of it, and the difference is written in one
transaction. When that fails (the disk is full) nothing counts as written, and it is tried again.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from edge.access import gmt_day
from edge.bus import Bus
from edge.clock import Clock
from edge.disk import free_mib
from edge.errors import EdgeError, ModelChanged
from edge.event import Event, EventKind
from edge.evidence import Opinion
from edge.face import Embedding
from edge.match import Kind
from edge.recognize import Recognizer
from edge.settings import Settings
from edge.store import Reference, Store
from edge.upkeep import close_all, parting
from edge.visit import Told, Visit

_EVERY_S = 30.0
"""How often it is written that somebody is still there: what a power cut may cost of the end of a
sighting."""

_MOST_OWED = 256
"""What is remembered of a disk that takes nothing; it was full before, and somebody should have looked."""

_SAY_AGAIN_S = 60.0

_AGAIN_S = 5.0
"""After a failure so long nothing is tried: each try may wait for the disk."""

_SHARPER = 1.15
"""The crop of a sighting is written again for one that counts so many times more."""

_log = logging.getLogger(__name__)


class Sightings:
    """Writes down the visits of one camera. Used by one thread."""

    def __init__(
        self, recognizer: Recognizer, store: Store, settings: Settings, *, clock: Clock, bus: Bus, state: Path
    ) -> None:
        """state: the folder whose disk must not fill."""
        self._recognizer = recognizer
        self._store = store
        self._settings = settings
        self._clock = clock
        self._bus = bus
        self._state = state
        self._failed_at = float("-inf")
        self._owed: list[Visit] = []  # they have left, and that is not written
        self._untold: list[tuple[EventKind, float, Mapping[str, float | str]]] = []

    # -- visits (edge.attention.Keeper) -------------------------------------------------------------

    def keep(self, visit: Visit) -> None:
        """Write what of it is not yet written: at once what is new, now and then that it goes on."""
        if self._current(visit) or self._clock.steady() - self._failed_at < _AGAIN_S:
            return
        self._try(visit, over=False)

    def leave(self, visit: Visit) -> None:
        """It is over."""
        if visit.told.row and not visit.told.left and not self._try(visit, over=True):
            self._owed = [*self._owed, visit][-_MOST_OWED:]

    def close_former(self) -> None:
        """End what another process had begun for this camera. Raises StoreError, Overloaded."""
        close_all(self._store, self._bus, self._settings.camera_name)

    def camera(self, kind: EventKind, details: Mapping[str, float | str]) -> None:
        """Something happened to the camera itself."""
        self._untold = [*self._untold, (kind, self._clock.now(), details)][-_MOST_OWED:]
        self.catch_up()

    def catch_up(self) -> None:
        """Write what could not be written before: who has left, and what happened to the camera."""
        if not (self._owed or self._untold) or self._clock.steady() - self._failed_at < _AGAIN_S:
            return
        while self._owed and self._try(self._owed[0], over=True):
            self._owed = self._owed[1:]
        while self._untold and not self._owed:
            kind, time, details = self._untold[0]
            try:
                event = self._store.add_event(kind, time, self._settings.camera_name, None, None, details)
            except EdgeError as error:
                self._complain(error)
                return
            self._untold = self._untold[1:]
            self._bus.publish(event)

    # -- writing ------------------------------------------------------------------------------------

    def _current(self, visit: Visit) -> bool:
        told = visit.told
        decided = visit.belief.opinion is not Opinion.OPEN
        return bool(told.row) and decided == told.decided and visit.last - told.until < _EVERY_S

    def _try(self, visit: Visit, *, over: bool) -> bool:
        """Whether it was written."""
        try:
            self._name(visit)
            told, events = self._write(visit, over)
        except EdgeError as error:
            self._complain(error)
            return False
        visit.told = told
        for event in events:
            self._bus.publish(event)
        return True

    def _complain(self, error: EdgeError) -> None:
        if self._clock.steady() - self._failed_at > _SAY_AGAIN_S:
            _log.error("a sighting could not be written: %s", error.message)
        self._failed_at = self._clock.steady()

    def _write(self, visit: Visit, over: bool) -> tuple[Told, list[Event]]:
        told, events = replace(visit.told), []
        camera, wall = self._settings.camera_name, self._clock.now() - self._clock.steady()
        with self._store.noting():
            if not told.row:
                begun = self._store.begin_sighting(camera, wall + visit.started)
                told.row, told.id = begun.row, begun.id
                events.append(self._event(told, EventKind.FACE_APPEARED, wall + visit.started, {}))
            if visit.belief.opinion is not Opinion.OPEN and not told.decided:
                told.decided, told.person_row = True, visit.person_row
                events.append(self._verdict(visit, told, wall + visit.last))
            self._store.update_sighting(
                told.row,
                ended=wall + visit.last,
                frames=visit.frames,
                similarity=visit.belief.similarity,
                person_row=told.person_row,
            )
            self._keep_crop(visit, told)
            if over:
                self._store.close_sighting(told.row, wall + visit.last, visit.frames)
                details = parting(visit.last - visit.started, visit.frames)
                events.append(self._event(told, EventKind.PERSON_LEFT, wall + visit.last, details))
                told.left = True
        told.until = visit.last
        return told, events

    def _verdict(self, visit: Visit, told: Told, time: float) -> Event:
        person = None if told.person_row is None else self._store.person_by_row(told.person_row)
        named = person is not None and person.name is not None
        kind = EventKind.PERSON_IDENTIFIED if named else EventKind.PERSON_UNKNOWN
        similarity = visit.belief.similarity
        details = {} if similarity is None else {"similarity": round(similarity, 1)}
        if person is not None:
            self._store.saw(person.row, gmt_day(self._clock.now()))
        return self._event(told, kind, time, details)

    def _event(self, told: Told, kind: EventKind, time: float, details: Mapping[str, float | str]) -> Event:
        return self._store.add_event(
            kind, time, self._settings.camera_name, told.id, told.person_row, details
        )

    def _keep_crop(self, visit: Visit, told: Told) -> None:
        best = visit.best
        if best is None or best.reference.crop is None or best.weight < told.crop * _SHARPER:
            return
        if self._settings.camera_crops and self._room():
            self._store.keep_sighting_crop(told.row, best.reference.crop)
            told.crop = best.weight

    def _room(self) -> bool:
        """Whether there is space for pictures."""
        try:
            return free_mib(self._state) >= self._settings.disk_floor_mib
        except OSError:
            return False

    # -- strangers ----------------------------------------------------------------------------------

    def _name(self, visit: Visit) -> None:
        """A stranger who was seen well becomes a person without a name; asked once more inside the
        transaction, for another camera or index may have met them meanwhile. Raises StoreError,
        Overloaded."""
        if visit.belief.opinion is not Opinion.STRANGER or visit.person_row is not None:
            return
        if visit.told.decided or visit.evidence is None:
            return  # what has been told is not revised
        good = [shot.reference for shot in visit.shots if shot.good]
        if not (self._settings.camera_strangers and good and self._room()):
            return
        mean = Embedding(visit.evidence.mean, good[0].model, 1.0)
        try:
            with self._store.writing():
                verdict = self._recognizer.verdict(mean)
                if verdict.kind is Kind.AMBIGUOUS:
                    return
                if verdict.kind is Kind.MATCH:
                    visit.person_row = verdict.person_row
                    return
                person = self._store.create_person(None, enrolled_by="camera")
                for reference in good:
                    self._store.add_reference(person, self._reference(reference))
                visit.person_row = person.row
        except ModelChanged:
            visit.forget_views()  # seen with an embedder that no longer answers

    def _reference(self, seen: Reference) -> Reference:
        kept = seen if self._settings.keep_crops else replace(seen, crop=None, landmarks=None)
        return replace(kept, added=self._clock.now())
