"""What was there and is no longer: told at start, with the way out, instead of a silent empty store."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from edge.errors import StoreError
from edge.store.copies import FOLDER, nightly_copies, way_out
from edge.store.opening import own, sync_folder
from edge.store.swapping import FORMER

_LESS = {
    "usage.sqlite": "when it and its -wal and -shm are moved away, a new one is made, and quotas begin anew "
    "today",
    "sightings.sqlite": "when it and its -wal and -shm are moved away, a new one is made, without past "
    "sightings",
}
"""What no backup holds, and what its loss means: the people are not in it."""

LIVED_IN = "lived-in"
"""A file that says that there was a whole store here, when nothing of it is left."""

_WORDS = "There is a store of api-face in this folder, or there was one (docs/backup.md).\n"


def note_life(state: Path) -> None:
    """Remember that the store has been opened whole. A full disk does not stand in the way."""
    mark = state / LIVED_IN
    if mark.exists():
        return
    with suppress(OSError):
        with os.fdopen(os.open(mark, os.O_CREAT | os.O_WRONLY | os.O_CLOEXEC, 0o600), "w") as file:
            file.write(_WORDS)
        own(mark, state)
        sync_folder(state)


def refuse_loss(state: Path, today: str) -> None:
    """today: the GMT day, as 2026-11-25. Raises StoreError: the people are missing from a folder that had
    some."""
    people = state / "people.sqlite"
    if people.exists() or people.with_name("people.sqlite-wal").exists():  # a lone log is told elsewhere
        return
    left = [*_LESS, *([FOLDER] if nightly_copies(state) else []), FORMER, LIVED_IN]
    left = [name for name in left if (state / name).exists()]
    if not left:
        return
    there = ", ".join(left)
    words = way_out(state, today) or "restore a backup (`api-face restore FILE`)"
    logs = " (each .sqlite with its -wal and -shm)" if _LESS.keys() & set(left) else ""
    raise StoreError(
        f"{people} is missing, but not {there}, so this is no first start; {words}; "
        f"to begin anew without anybody, move {there} away first{logs}"
    )


def after_damage(path: Path, today: str) -> str:
    """What can be done without this file. today: as above."""
    if path.name == "people.sqlite":
        words = "there is no nightly copy; `api-face restore FILE` takes a backup"
        return way_out(path.parent, today) or words
    return _LESS[path.name]
