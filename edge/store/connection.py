"""One database file: a connection per thread, writers in turn, and SQLite's errors put into words."""

from __future__ import annotations

import sqlite3
import threading
import weakref
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from sqlite_utils import Database

from edge.errors import EdgeError, Overloaded, StoreError
from edge.store.schema import Schema


class StoreDamaged(StoreError):
    """A file of the store is damaged, truncated, or not ours."""


_WORDS = {
    sqlite3.SQLITE_FULL: "the disk is full",
    sqlite3.SQLITE_IOERR: "the disk reports an I/O error",
    sqlite3.SQLITE_READONLY: "it cannot be written (read-only)",
    sqlite3.SQLITE_CANTOPEN: "it cannot be opened",
    sqlite3.SQLITE_CORRUPT: "it is damaged",
    sqlite3.SQLITE_NOTADB: "it is not an SQLite file",
}


def in_words(error: sqlite3.Error, path: Path) -> EdgeError:
    """What the caller is told: Overloaded when others hold the file for too long, StoreDamaged when SQLite
    says so, else StoreError."""
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
    if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return Overloaded(f"{path.name} is being written by others; try again")
    words = _WORDS.get(code)
    kind = StoreDamaged if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB) else StoreError
    return kind(f"{path}: {words} ({error})" if words else f"{path}: {error}")


def connect(path: Path, schema: Schema, busy_s: float, *, read_only: bool = False) -> Database:
    """A connection that begins no transaction on its own. Never creates the file."""
    connection = sqlite3.connect(
        f"{path.absolute().as_uri()}?mode={'ro' if read_only else 'rw'}",
        uri=True,
        timeout=busy_s,
        isolation_level=None,
        check_same_thread=False,  # each thread has its own, but close() closes them all
    )
    database = Database(connection, recursive_triggers=False, execute_plugins=False)
    try:
        for pragma in schema.pragmas:
            database.execute(f"PRAGMA {pragma}")
    except BaseException:
        connection.close()
        raise
    return database


class _Held:
    """A thread's connection, closed when the thread ends."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.after_commit: list[Callable[[], None]] = []

    def undo(self) -> None:
        """Roll back; the first error is what is told, not one from here."""
        with suppress(sqlite3.Error):
            self.database.rollback()

    def __del__(self) -> None:
        self.database.close()


class Connections:
    """The connections of this process to one file."""

    def __init__(self, path: Path, schema: Schema, busy_s: float) -> None:
        self.path = path
        self._schema = schema
        self._busy_s = busy_s
        self._closed = False
        self._mine = threading.local()
        self._all: weakref.WeakSet[_Held] = weakref.WeakSet()
        self._all_lock = threading.Lock()
        # Threads of one process queue here; SQLite's own waiting sleeps, and serves in no order.
        self._turn = threading.Lock()
        # Held for good: while any connection is open, SQLite keeps the log and nobody replays it.
        self._keeper = self._held()

    @property
    def database(self) -> Database:
        """This thread's connection."""
        return self._held().database

    def rows(self, sql: str, parameters: Sequence[object] = ()) -> list[Any]:
        """All rows of a SELECT."""
        try:
            return self._held().database.execute(sql, parameters).fetchall()
        except sqlite3.Error as error:
            raise in_words(error, self.path) from error

    def write(self, sql: str, parameters: Sequence[object] = ()) -> list[Any]:
        """One statement as its own transaction (or as part of this thread's); the rows it returns."""
        database = self._held().database
        if database.conn.in_transaction:  # this thread has the turn already
            return self.rows(sql, parameters)
        self._take_turn()
        try:
            # fetchall, for a statement commits when it has been stepped to its end
            return database.execute(sql, parameters).fetchall()
        except sqlite3.Error as error:
            raise in_words(error, self.path) from error
        finally:
            self._turn.release()

    @contextmanager
    def writing(self) -> Iterator[Database]:
        """One transaction: committed at the end, undone by any exception.

        The write lock is taken at the start, so what is read inside stays true until the commit.
        """
        held = self._held()
        if held.database.conn.in_transaction:
            raise StoreError("this thread is already inside writing(); it does not nest")
        self._take_turn()
        try:
            held.after_commit.clear()
            held.database.execute("BEGIN IMMEDIATE")
            yield held.database
            held.database.execute("COMMIT")
        except sqlite3.Error as error:
            held.undo()
            raise in_words(error, self.path) from error
        except BaseException:
            held.undo()
            raise
        finally:
            self._turn.release()
        for action in held.after_commit:
            action()

    @contextmanager
    def within(self) -> Iterator[Database]:
        """This thread's transaction, or one of its own when it has none."""
        if self.in_transaction:
            yield self.database
        else:
            with self.writing() as database:
                yield database

    @property
    def in_transaction(self) -> bool:
        """Whether this thread is inside writing()."""
        held: _Held | None = getattr(self._mine, "held", None)
        return held is not None and not self._closed and held.database.conn.in_transaction

    def after_commit(self, action: Callable[[], None]) -> None:
        """Run this once this thread's transaction has been committed; not if it is undone."""
        waiting = self._held().after_commit
        if action not in waiting:
            waiting.append(action)

    def open_write(self) -> Database:
        """This thread's connection, which must be inside writing()."""
        database = self.database
        if not self.in_transaction:
            raise StoreError("this changes people, so it goes inside `with store.writing():`")
        return database

    def close(self) -> None:
        """Close the connections of all threads. Nobody may be using one."""
        self._closed = True
        with self._all_lock:
            for held in list(self._all):
                held.database.close()

    def _held(self) -> _Held:
        held: _Held | None = getattr(self._mine, "held", None)
        if self._closed:
            raise StoreError(f"{self.path.name} has been closed")
        if held is None:
            try:
                held = _Held(connect(self.path, self._schema, self._busy_s))
            except sqlite3.Error as error:
                raise in_words(error, self.path) from error
            self._mine.held = held
            with self._all_lock:
                self._all.add(held)
        return held

    def _take_turn(self) -> None:
        if not self._turn.acquire(timeout=self._busy_s):
            raise Overloaded(f"{self.path.name} is being written by others; try again")
