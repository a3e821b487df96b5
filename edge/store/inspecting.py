"""The database files looked at as they lie there: nothing is made, migrated or repaired."""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Collection
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from edge.errors import StoreError
from edge.store.connection import connect, in_words
from edge.store.opening import IN_USE, hold, opening_turn
from edge.store.schema import PEOPLE, USAGE, Schema, version_of
from edge.store.sightings_schema import SIGHTINGS

FILES = (("people", PEOPLE), ("usage", USAGE), ("sightings", SIGHTINGS))

_BESIDE = ("-wal", "-shm")
_STEPS = 10_000
"""Of SQLite's machine, between two looks at the time."""


@dataclass(frozen=True, slots=True)
class FileState:
    """One file. size: bytes, with its log. version, newest: schema versions, its own and this release's.
    whole: whether all of it was read, and not only as much as there was time for."""

    path: Path
    size: int
    version: int
    newest: int
    whole: bool


def inspected(state: Path, seconds: float) -> list[FileState]:
    """The files of a state folder, which must exist; about so long for each.

    Raises StoreError: missing, damaged, of another program or of a newer release.
    """
    return [_inspected(state / f"{name}.sqlite", schema, seconds) for name, schema in FILES]


def _inspected(path: Path, schema: Schema, seconds: float) -> FileState:
    if not path.is_file():
        raise StoreError(f"there is no {path}")
    beside = [path.with_name(path.name + suffix) for suffix in _BESIDE]
    with opening_turn(path.parent):
        there = [other for other in beside if other.exists()]
        try:
            with closing(connect(path, schema, seconds, read_only=True)) as database:
                mark = int(database.execute("PRAGMA application_id").fetchone()[0])
                if mark != schema.application_id:
                    raise StoreError(f"{path} is a database of another program (application_id {mark:#x})")
                version, newest = version_of(database), len(schema.migrations)
                if version > newest:
                    raise StoreError(
                        f"{path} was written by a newer release (schema {version}, not {newest})"
                    )
                whole = _checked(database.conn, path, seconds)
        except sqlite3.Error as error:
            raise in_words(error, path) from error
        finally:
            _clear(path.parent, set(beside) - set(there))
    size = sum(file.stat().st_size for file in (path, *there) if file.exists())
    return FileState(path, size, version, newest, whole)


def _clear(folder: Path, left: Collection[Path]) -> None:
    """Take away what this look left beside a file, unless somebody has come meanwhile. While it is our turn
    only those come who copy a file (edge.store.copying), and they hold the folder. On a disk that has become
    read-only it stays."""
    if not left:  # else a copy that begins now would find the folder held, and go on without
        return
    known = (folder / IN_USE).exists()
    try:
        holding = hold(folder, alone=True) if known else None
    except StoreError:
        return
    if holding is not None or not known:
        for path in left:
            path.unlink(missing_ok=True)
    if holding is not None:
        os.close(holding)


def _checked(connection: sqlite3.Connection, path: Path, seconds: float) -> bool:
    """Whether there was time to read all of it. Raises StoreError: it is damaged."""
    end = time.monotonic() + seconds
    connection.set_progress_handler(lambda: int(time.monotonic() > end), _STEPS)
    try:
        found = str(connection.execute("PRAGMA quick_check(1)").fetchone()[0])
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode == sqlite3.SQLITE_INTERRUPT:
            return False
        raise
    if found != "ok":
        raise StoreError(f"{path} is damaged: {' '.join(found.split())}")
    return True
