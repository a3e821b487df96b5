"""What the parts of the store share."""

from __future__ import annotations

from collections.abc import Callable

from edge.clock import Clock
from edge.store.connection import Connections


class Base:
    """The three files and the clock. clock_set: whether that is known to be right."""

    def __init__(
        self,
        people: Connections,
        usage: Connections,
        sightings: Connections,
        clock: Clock,
        clock_set: Callable[[], bool],
    ) -> None:
        self._people = people
        self._usage = usage
        self._sightings = sightings
        self._clock = clock
        self._clock_set = clock_set
