"""The store as the rest of the program sees it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Self

from edge.clock import Clock, SystemClock
from edge.store.erasing import Erasing
from edge.store.opening import open_file, opening_turn
from edge.store.references import ReferenceTable
from edge.store.schema import PEOPLE, USAGE
from edge.store.tokens import TokenTable
from edge.store.usage import UsageTable


class Store(TokenTable, UsageTable, Erasing, ReferenceTable):
    """Everything that is remembered. Any thread may use it, and several processes one folder."""

    @contextmanager
    def writing(self) -> Iterator[Self]:
        """One transaction on the people: on disk when the block has ended, or nothing of it is.

        Does not nest. What the block reads is current, its own changes included, and nobody else
        changes it meanwhile. Raises StoreError (disk full, I/O error) or Overloaded (others write).
        """
        with self._people.writing():
            yield self

    def close(self) -> None:
        """Close all files. No other thread may be using the store any more."""
        self._people.close()
        self._usage.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def open_store(state: Path, clock: Clock | None = None, *, busy_s: float = 5.0) -> Store:
    """The store in that folder, made when absent. busy_s: how long a write waits for another (seconds).

    Raises StoreError: a file that is damaged, not ours, or of a newer release; it is left as it was.
    """
    with opening_turn(state):
        people = open_file(state / "people.sqlite", PEOPLE, busy_s)
        try:
            usage = open_file(state / "usage.sqlite", USAGE, busy_s)
        except BaseException:
            people.close()
            raise
    store = Store(people, usage, clock or SystemClock())
    store.clean()
    return store
