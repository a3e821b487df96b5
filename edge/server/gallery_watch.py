"""What the gallery's own people say of it, looked at anew from time to time, beside the requests."""

from __future__ import annotations

import dataclasses
import logging
import math

from edge.evaluation.enrolled import TIGHT_FROM, Examined, GalleryReport, examine
from edge.face import Vector
from edge.gallery import Candidate
from edge.server.services import Services

PAUSE_S = 300.0
"""Between two examinations, at least (seconds)."""

SHARE = 0.05
"""Of the time, at most, may go to examinations: one that took long is followed by a longer pause."""

MOST_TESTED = 2_000
"""References searched among all others; the command line tests more."""

_log = logging.getLogger(__name__)


class _Stopped(Exception):
    """The server stops."""


class GalleryWatch:
    """The last report on the gallery. look() belongs to one thread, the rest to any."""

    def __init__(self, services: Services) -> None:
        self.stopping = False  # an examination under way is then broken off
        self._services = services
        self._next = -math.inf  # steady seconds
        self._revision: int | None = None
        self._report: GalleryReport | None = None

    def look(self) -> None:
        """Examine the gallery if it has changed and the pause is over. Raises StoreError."""
        clock, store = self._services.clock, self._services.store
        began = clock.steady()
        revision = store.revision()
        if began < self._next or revision == self._revision:
            return
        try:
            report = self._examined()
        except _Stopped:
            return
        took = clock.steady() - began
        self._next = clock.steady() + max(PAUSE_S, took / SHARE)
        if report.tight and (self._report is None or not self._report.tight):
            _log.warning("the gallery is tight: `api-face evaluate --gallery` tells why")
        # What each person stands like is as long as the gallery; it is for the command line.
        self._revision, self._report = revision, dataclasses.replace(report, standings=())

    def state(self, people: int) -> str:
        """ "ok" or "tight", for a gallery of so many people."""
        report = self._report
        return "tight" if people >= TIGHT_FROM or (report is not None and report.tight) else "ok"

    def gauges(self) -> dict[str, float]:
        """The last report for /metrics; nothing before the first. Head-room (cosine) and similarity (percent)
        are left out where there are no two people."""
        report = self._report
        if report is None:
            return {}
        figures = {
            "gallery_people": report.people,
            "gallery_references": report.references,
            "gallery_head_room": report.head_room,
            "gallery_closest_similarity": report.closest_similarity,
            "gallery_stranger_hits": report.hits,
            "gallery_stranger_hits_expected": report.expected_hits,
            "gallery_disagreeing": report.disagreeing,
        }
        return {name: float(value) for name, value in figures.items() if value is not None}

    def _examined(self) -> GalleryReport:
        known = self._services.recognizer.known()

        def nearest(vector: Vector, count: int) -> list[Candidate]:
            if self.stopping:
                raise _Stopped
            return known.gallery.nearest(vector, count)

        how = Examined(
            nearest,
            len(known.gallery),
            known.calibration,
            self._services.settings.false_positive_rate,
            most=MOST_TESTED,
        )
        return examine(self._services.store.changes(0, known.model), how)
