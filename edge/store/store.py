"""The store as the rest of the program sees it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Self

from edge.clock import Clock, SystemClock
from edge.errors import StoreError
from edge.store.carrying import CarryTable
from edge.store.connection import Connections, StoreDamaged
from edge.store.copies import day_of
from edge.store.erasing import Erasing
from edge.store.events import EventTable
from edge.store.loss import after_damage, note_life, refuse_loss
from edge.store.opening import hold, open_file, opening_turn
from edge.store.schema import PEOPLE, USAGE, Schema
from edge.store.sightings import SightingTable
from edge.store.sightings_schema import SIGHTINGS
from edge.store.swapping import finish
from edge.store.tokens import TokenTable
from edge.store.trimming import Trimming
from edge.store.usage import UsageTable
from edge.timesync import is_set


class Store(TokenTable, UsageTable, Erasing, CarryTable, SightingTable, EventTable, Trimming):
    """Everything that is remembered. Any thread may use it, and several processes one folder."""

    _holding: int | None = None
    """The descriptor that says so to whoever would restore the folder."""

    @contextmanager
    def writing(self) -> Iterator[Self]:
        """One transaction on the people: on disk when the block has ended, or nothing of it is.

        Does not nest. What the block reads is current, its own changes included, and nobody else
        changes it meanwhile. Raises StoreError (disk full, I/O error) or Overloaded (others write).
        """
        if self._sightings.in_transaction:
            raise StoreError("people are changed before noting(), not inside")
        with self._people.writing():
            yield self

    @contextmanager
    def noting(self) -> Iterator[Self]:
        """One transaction on sightings and events: all of the block stays, or nothing of it.

        Survives kill -9; a power cut may cost the last seconds. Does not nest, neither in itself nor with
        writing(): people are in another file, and must be there already. Raises StoreError (disk full, I/O
        error) or Overloaded (others write).
        """
        if self._people.in_transaction:
            raise StoreError("sightings are noted after writing(), not inside")
        with self._sightings.writing():
            yield self

    def close(self) -> None:
        """Close all files. No other thread may be using the store any more."""
        self._people.close()
        self._usage.close()
        self._sightings.close()
        if self._holding is not None:
            os.close(self._holding)
            self._holding = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def open_store(
    state: Path,
    clock: Clock | None = None,
    *,
    busy_s: float = 5.0,
    clock_set: Callable[[], bool] | None = None,
) -> Store:
    """The store in that folder, made when absent. busy_s: how long a write waits for another (seconds).
    clock_set: whether the clock is known to be right (as it comes: timesync.is_set).

    Raises StoreError: a file that is damaged, not ours, or of a newer release; it is left as it was.
    """
    clock = clock or SystemClock()
    today = day_of(clock.now())
    files: list[Connections] = []
    with opening_turn(state):
        finish(state)
        holding = hold(state)
        if holding is None:
            raise StoreError(f"{state} is being restored")
        try:
            refuse_loss(state, today)
            # usage last: it takes room that none of them could begin without
            for name, schema in (("people", PEOPLE), ("sightings", SIGHTINGS), ("usage", USAGE)):
                files.append(_opened(state / f"{name}.sqlite", schema, busy_s, today))
            note_life(state)
        except BaseException:
            for file in files:
                file.close()
            os.close(holding)
            raise
    people, sightings, usage = files
    store = Store(people, usage, sightings, clock, clock_set or partial(is_set, clock))
    store._holding = holding
    store.clean()
    return store


def _opened(path: Path, schema: Schema, busy_s: float, today: str) -> Connections:
    """Its connections. What is said of a file that is damaged ends with what can be done."""
    try:
        return open_file(path, schema, busy_s)
    except StoreDamaged as error:
        raise StoreDamaged(f"{error.message}; {after_damage(path, today)}") from error
