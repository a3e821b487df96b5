"""What holds now, as the retained state tells it: always read from the store, never remembered."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from edge.announce import UNKNOWN, timestamp, who
from edge.store import Person, Sighting, Store

_LOOKED_BACK = 100
"""Sightings among which the last person is looked for."""


class Presence:
    """The state as a function of the store: the same after a restart, and without a person once erased."""

    def __init__(self, store: Store, camera: Callable[[], str]) -> None:
        """camera: how the camera is, in a word, at any moment."""
        self._store = store
        self._camera = camera

    def state(self) -> Mapping[str, Any]:
        """people, count, last (null: nobody), camera. Raises StoreError."""
        people: dict[str, str] = {}
        for sighting in self._store.open_sightings():
            person = self._person(sighting)
            # two cameras may see one person
            people.setdefault(person.id if person else sighting.id, _called(person))
        return {
            "people": list(people.values()),
            "count": len(people),
            "last": self._last(),
            "camera": self._camera(),
        }

    def _person(self, sighting: Sighting) -> Person | None:
        return None if sighting.person_row is None else self._store.person_by_row(sighting.person_row)

    def _last(self) -> dict[str, Any] | None:
        for sighting in self._store.sightings(limit=_LOOKED_BACK):
            person = self._person(sighting)
            if person is not None:
                identity = who(person)
                # while somebody is there: since when, for a time that moved on would be news every second
                moment = sighting.started if sighting.open else sighting.ended
                return {
                    "personId": identity["personId"],
                    "name": identity["metadata"]["name"],
                    "time": timestamp(moment),
                    "camera": sighting.camera,
                    "sightingId": sighting.id,
                }
        return None


def _called(person: Person | None) -> str:
    if person is None:
        return UNKNOWN
    return person.name or person.id
