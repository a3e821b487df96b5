"""What the parts of the store share."""

from __future__ import annotations

from edge.clock import Clock
from edge.store.connection import Connections


class Base:
    """The three files and the clock."""

    def __init__(self, people: Connections, usage: Connections, sightings: Connections, clock: Clock) -> None:
        self._people = people
        self._usage = usage
        self._sightings = sightings
        self._clock = clock
