"""Copies of the people's file as files of their own: made beside the service, checked, emptied of people.

A copy is people.sqlite once more, folded into one file, with a table `kept` for the small files that belong
to it (settings, identity, certificates). While it is changed it has no journal: a copy that is interrupted is
thrown away and made again.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Collection, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from sqlite_utils import Database

from edge.errors import StoreError
from edge.store.connection import StoreDamaged, connect, in_words
from edge.store.departed import departed_rows, erased_hashes
from edge.store.opening import IN_USE, hold, own, refuse_foreign
from edge.store.schema import PEOPLE, Schema, migrate

_BUSY_S = 5.0
_BACKUP_BUSY_S = 60.0
"""How long a copy waits for others (seconds): a backup has time."""

_SCHEMA = "SELECT type, name, sql FROM sqlite_schema WHERE name <> 'kept' ORDER BY name"
_EVERYBODY = "SELECT count(*) FROM person"
_TRACES = ("DELETE FROM gone", "DELETE FROM erased")
_COUNTS = """
    SELECT (SELECT count(*) FROM person), (SELECT count(*) FROM reference),
        (SELECT count(*) FROM token WHERE revoked IS NULL)
"""


@dataclass(frozen=True, slots=True)
class Census:
    """What is in a copy. tokens: those that are not revoked."""

    people: int
    references: int
    tokens: int


def copy_file(source: Path, target: Path, schema: Schema) -> None:
    """A database file as it is at one moment, into a new file; whoever writes to it goes on.

    SQLite's online backup, in one step: what is committed meanwhile waits in the source's log. Raises
    StoreError.
    """
    try:
        with _in_use(source), closing(connect(source, schema, _BACKUP_BUSY_S)) as live:
            os.close(os.open(target, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
            own(target, target.parent)
            with closing(connect(target, schema, _BUSY_S)) as copy:
                copy.execute("PRAGMA synchronous = OFF")
                live.conn.backup(copy.conn)
                copy.execute("PRAGMA journal_mode = DELETE")
    except sqlite3.Error as error:
        raise in_words(error, source) from error
    except OSError as error:
        raise StoreError(f"{target}: {error.strerror}") from error


@contextmanager
def _in_use(path: Path) -> Iterator[None]:
    """Whoever looks at a state folder is told that its file is open, and leaves the log beside it.

    Nobody is told of other files, nor by who restores the folder: that one has it alone already.
    """
    holding = hold(path.parent) if (path.parent / IN_USE).exists() else None
    try:
        yield
    finally:
        if holding is not None:
            os.close(holding)


@contextmanager
def copied(path: Path) -> Iterator[Database]:
    """The copy, to change it: one transaction, and afterwards nothing of who was erased is in the file.

    It is written once more then. Where nobody was, secure_delete alone overwrites what is deleted. When the
    block raises, the file is good for nothing: there is no way back, which in memory would be as large as the
    file (a people.sqlite of 82 MiB took 170 MiB), and so would VACUUM's copy be, which goes to SQLITE_TMPDIR.
    """
    try:
        with closing(connect(path, PEOPLE, _BUSY_S)) as database:
            database.execute("PRAGMA journal_mode = OFF")
            database.execute("PRAGMA temp_store = FILE")
            database.execute("PRAGMA trusted_schema = OFF")
            database.execute("BEGIN IMMEDIATE")
            people = database.execute(_EVERYBODY).fetchone()
            yield database
            erased = people != database.execute(_EVERYBODY).fetchone()
            unclean = database.execute("UPDATE state SET unclean = 0 WHERE unclean > 0").rowcount
            database.execute("COMMIT")
            if erased or unclean:
                database.execute("VACUUM")
    except sqlite3.Error as error:
        raise in_words(error, path) from error


def check_copy(path: Path) -> Census:
    """Read all of a copy. Raises StoreError: damaged, of another program, or of a newer release."""
    try:
        with closing(connect(path, PEOPLE, _BUSY_S, read_only=True)) as database:
            database.execute("PRAGMA trusted_schema = OFF")
            refuse_foreign(database, path, PEOPLE)
            found = str(database.execute("PRAGMA integrity_check(1)").fetchone()[0])
            if found != "ok" or database.execute("PRAGMA foreign_key_check").fetchall():
                raise StoreDamaged(f"{path} is damaged: {' '.join(found.split())}")
            return Census(*database.execute(_COUNTS).fetchone())
    except sqlite3.Error as error:
        raise in_words(error, path) from error


def sound(path: Path, schema: Schema) -> bool:
    """Whether the tables of a database file hold together. Raises StoreError: it cannot be read at all."""
    try:
        with closing(connect(path, schema, _BUSY_S)) as database:
            return bool(database.execute("PRAGMA quick_check(1)").fetchone()[0] == "ok")
    except sqlite3.Error as error:
        raise in_words(error, path) from error


def modernise(path: Path) -> None:
    """Bring a copy to this release's schema. Raises StoreDamaged when it is not exactly that then: nobody's
    triggers or views come in with a file."""
    try:
        with closing(connect(path, PEOPLE, _BUSY_S)) as database, closing(_model()) as model:
            migrate(database, PEOPLE)
            if database.execute(_SCHEMA).fetchall() != model.execute(_SCHEMA).fetchall():
                raise StoreDamaged(f"{path} has other tables than people are kept in")
    except sqlite3.Error as error:
        raise in_words(error, path) from error


def _model() -> Database:
    database = Database(sqlite3.connect(":memory:", isolation_level=None))
    migrate(database, PEOPLE)
    return database


def put_files(database: Database, files: Mapping[str, bytes]) -> None:
    """Let the copy hold these small files, by name. Inside copied()."""
    database.execute("CREATE TABLE kept (name TEXT PRIMARY KEY, content BLOB NOT NULL) STRICT")
    for name, content in files.items():
        database.execute("INSERT INTO kept VALUES (?, ?)", (name, content))


def take_files(database: Database) -> dict[str, bytes]:
    """Take them out of it. Inside copied()."""
    if "kept" not in database.table_names():
        return {}
    files = {name: bytes(content) for name, content in database.execute("SELECT name, content FROM kept")}
    database.execute("DROP TABLE kept")
    return files


def forget_everybody(database: Database) -> None:
    """Leave no people in the copy, only tokens. Inside copied()."""
    for statement in ("DELETE FROM person", *_TRACES):
        database.execute(statement)


def keep_only(database: Database, people: Collection[str] | None) -> None:
    """Leave these people (their ids, not aliases; None: everybody) in the copy, and nothing else. Inside
    copied()."""
    for (person_id,) in database.execute("SELECT id FROM person").fetchall():
        if people is not None and person_id not in people:
            database.execute("DELETE FROM person WHERE id = ?", (person_id,))
    for statement in ("DELETE FROM token", *_TRACES):
        database.execute(statement)


def forget_erased(database: Database, erased: Mapping[bytes, float]) -> int:
    """Erase from a copy whoever was erased elsewhere since, and remember that; how many. Inside copied()."""
    rows = departed_rows(database, erased)
    for row in rows:
        database.execute("DELETE FROM person WHERE row = ?", (row,))
    if "erased" in database.table_names():
        for pair in erased.items():
            database.execute("INSERT OR IGNORE INTO erased VALUES (?, ?)", pair)
    return len(rows)


def erased_in(path: Path) -> dict[bytes, float]:
    """The hashes of those who were erased from a people.sqlite. Raises StoreError."""
    try:
        with _in_use(path), closing(connect(path, PEOPLE, _BUSY_S)) as database:
            return erased_hashes(database)
    except sqlite3.Error as error:
        raise in_words(error, path) from error


def departed(path: Path, erased: Collection[bytes]) -> list[int]:
    """The people in a copy who were erased since (their rows). Raises StoreError."""
    try:
        with closing(connect(path, PEOPLE, _BUSY_S)) as database:
            return departed_rows(database, erased)
    except sqlite3.Error as error:
        raise in_words(error, path) from error


def sync(path: Path) -> None:
    """What is in the file survives a power cut. Raises OSError."""
    with path.open("rb") as file:
        os.fsync(file.fileno())
