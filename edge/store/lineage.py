"""Which rows of the other files still mean the same after the people's file was replaced by a copy."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from edge.errors import StoreError
from edge.store.connection import connect, in_words
from edge.store.schema import PEOPLE, USAGE, Schema

_BUSY_S = 5.0
_COUNTED = "SELECT DISTINCT token FROM quota_day"
_UNCOUNT = "DELETE FROM quota_day WHERE token = ?"
_SEEN = "SELECT person FROM seen"
_UNSEE = "DELETE FROM seen WHERE person = ?"
_TOKENS = "SELECT row, name, hash, scopes, quota, expires, revoked FROM token"


def numbers(people: Path) -> tuple[dict[int, str], dict[int, bytes]]:
    """Who has which row in a people.sqlite: the ids of people, the hashes of tokens. Raises StoreError."""
    try:
        with closing(connect(people, PEOPLE, _BUSY_S)) as database:
            ids = dict(database.execute("SELECT row, id FROM person").fetchall())
            return ids, dict(database.execute("SELECT row, hash FROM token").fetchall())
    except sqlite3.Error as error:
        raise in_words(error, people) from error


def keep_usage_of(usage: Path, people: set[int], tokens: set[int]) -> None:
    """Forget what is counted of other rows than these. Raises StoreError."""
    try:
        with closing(connect(usage, USAGE, _BUSY_S)) as database:
            database.execute("BEGIN IMMEDIATE")
            for kept, rows, delete in ((tokens, _COUNTED, _UNCOUNT), (people, _SEEN, _UNSEE)):
                for (row,) in database.execute(rows).fetchall():
                    if row not in kept:
                        database.execute(delete, (row,))
            database.execute("COMMIT")
    except sqlite3.Error as error:
        raise in_words(error, usage) from error


def replace_tokens(people: Path, source: Path) -> None:
    """Let a people.sqlite have the tokens of another, and no others. Raises StoreError."""
    try:
        with (
            closing(connect(source, PEOPLE, _BUSY_S)) as taken,
            closing(connect(people, PEOPLE, _BUSY_S)) as database,
        ):
            rows = taken.execute(_TOKENS).fetchall()
            database.execute("BEGIN IMMEDIATE")
            database.execute("DELETE FROM token")
            for row in rows:
                database.execute("INSERT INTO token VALUES (?, ?, ?, ?, ?, ?, ?)", row)
            database.execute("COMMIT")
    except sqlite3.Error as error:
        raise in_words(error, people) from error


def with_log(path: Path, schema: Schema) -> None:
    """Let a file that was copied have a log again, as those in use do. Raises StoreError."""
    try:
        with closing(connect(path, schema, _BUSY_S)) as database:
            mode = database.execute("PRAGMA journal_mode = WAL").fetchone()[0]
    except sqlite3.Error as error:
        raise in_words(error, path) from error
    if mode != "wal":
        raise StoreError(f"{path} cannot have a log here")
