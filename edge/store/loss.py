"""What was there and is no longer: told at start, with the way out, instead of a silent empty store."""

from __future__ import annotations

from pathlib import Path

from edge.errors import StoreError
from edge.store.copies import FOLDER, nightly_copies, way_out

_LESS = {
    "usage.sqlite": "when it is moved away, a new one is made, and quotas begin anew today",
    "sightings.sqlite": "when it is moved away, a new one is made, without past sightings",
}
"""What no backup holds, and what its loss means: the people are not in it."""


def refuse_loss(state: Path) -> None:
    """Raises StoreError when the people are missing from a folder that had some."""
    people = state / "people.sqlite"
    if people.exists() or people.with_name("people.sqlite-wal").exists():  # a lone log is told elsewhere
        return
    left = [name for name in _LESS if (state / name).exists()]
    if not left and not nightly_copies(state):
        return
    there = ", ".join([*left, *([FOLDER] if nightly_copies(state) else [])])
    words = way_out(state) or "restore a backup (`api-face restore FILE`)"
    raise StoreError(
        f"{people} is missing, but not {there}, so this is no first start; {words}; "
        f"to begin anew without anybody, move {there} away first"
    )


def after_damage(path: Path) -> str:
    """What can be done without this file."""
    if path.name == "people.sqlite":
        return way_out(path.parent) or "there is no nightly copy; `api-face restore FILE` takes a backup"
    return _LESS[path.name]
