"""Erasing people from the copies on the device: nightly ones, and what a restore put aside.

A nightly copy is never changed in its place: it is written anew without them, and takes the old one's place.
So each copy that somebody is in is written once, however many were erased.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Mapping
from functools import partial
from pathlib import Path

from edge.backup.writing import copies_turn, scratch
from edge.errors import EdgeError
from edge.store import open_store
from edge.store.copies import Copy, digest_of, name_of, nightly_copies
from edge.store.copying import copied, copy_file, departed, erased_in, forget_erased, sync
from edge.store.opening import sync_folder
from edge.store.schema import PEOPLE
from edge.store.swapping import FORMER

_log = logging.getLogger(__name__)


def forget_in_copies(state: Path) -> int:
    """Erase whoever was erased from the people's file; from how many copies somebody went.

    A copy that cannot be written (no space) is told in the log, and tried again by the next night.
    """
    if not (nightly_copies(state) or (state / FORMER).is_dir()):
        return 0
    with copies_turn(state):
        return forget_in_each(state)


def forget_in_each(state: Path) -> int:
    """The same, inside copies_turn."""
    erased = erased_in(state / "people.sqlite")
    changed = 0
    for copy in nightly_copies(state) if erased else ():
        changed += _tried(copy.path, partial(_forget_nightly, state, copy, erased))
    for folder in (state / FORMER).glob("*/") if erased else ():
        if (folder / "people.sqlite").is_file():
            changed += _tried(folder, partial(_forget_former, folder, erased))
    return changed


class CopyWatch:
    """Follows, beside a running service, who was erased by any process."""

    def __init__(self, state: Path | None) -> None:
        """state: the folder; None where there are no copies."""
        self._state = state
        self._done: object = None

    def look(self) -> None:
        """Cheap when nobody was erased since the last time."""
        if self._state is None:
            return
        erased = erased_in(self._state / "people.sqlite")
        seen = len(erased), max(erased.values(), default=0.0)
        if seen != self._done:
            forget_in_copies(self._state)
            self._done = seen


def _forget_nightly(state: Path, copy: Copy, erased: Mapping[bytes, float]) -> bool:
    if not departed(copy.path, erased):
        return False
    with scratch(state) as path:
        copy_file(copy.path, path, PEOPLE)
        with copied(path) as database:
            forget_erased(database, erased)
        sync(path)
        fresh = copy.path.with_name(name_of(copy.date, digest_of(path)))
        path.replace(fresh)
        if fresh != copy.path:
            copy.path.unlink()
        sync_folder(copy.path.parent)
    return True


def _forget_former(folder: Path, erased: Collection[bytes]) -> bool:
    """A whole state folder: sightings go with the people."""
    rows = departed(folder / "people.sqlite", erased)
    if rows:
        with open_store(folder) as store, store.writing():
            for person in map(store.person_by_row, rows):
                if person is not None:
                    store.erase(person)
    return bool(rows)


def _tried(path: Path, forget: Callable[[], bool]) -> bool:
    try:
        return forget()
    except (EdgeError, OSError) as error:
        _log.warning("somebody who was erased may still be in %s: %s", path, error)
        return False
