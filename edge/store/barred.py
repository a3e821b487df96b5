"""Which people and tokens a copy of before must not bring back, by all that this device still has."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlite_utils import Database

from edge.errors import StoreError
from edge.store.connection import connect, in_words
from edge.store.copies import nightly_copies
from edge.store.departed import EVERY_ID, hash_of
from edge.store.schema import PEOPLE
from edge.store.swapping import FORMER

_BUSY_S = 5.0
_ERASED = "SELECT hash, time FROM erased"
_REVOKED = "SELECT hash, revoked FROM token WHERE revoked IS NOT NULL"
_REVOKE = "UPDATE token SET revoked = ? WHERE hash = ? AND revoked IS NULL"


@dataclass(frozen=True, slots=True)
class Barred:
    """erased: hashes of ids (departed.py). revoked: hashes of tokens. Each with its time (seconds since 1970
    GMT)."""

    erased: Mapping[bytes, float]
    revoked: Mapping[bytes, float]


def barred(state: Path, today: str) -> Barred:
    """As the people's file tells, the nightly copies that are whole, and what earlier restores put aside.

    Somebody may have been brought back on purpose: the newest file that knows them tells. Tokens never are.
    A file that cannot be read tells nothing. today: the GMT day, as 2026-11-25. Raises Overloaded.
    """
    erased: dict[bytes, float] = {}
    revoked: dict[bytes, float] = {}
    living: set[bytes] = set()
    for path in _newest_first(state, today):
        revoked |= dict(_rows(path, _REVOKED))
        erased = {hash: time for hash, time in _rows(path, _ERASED) if hash not in living} | erased
        living |= {hash_of(person_id) for person_id, _ in _rows(path, EVERY_ID)} - erased.keys()
    return Barred(erased, revoked)


def revoke(database: Database, revoked: Mapping[bytes, float]) -> int:
    """Revoke in a copy what was revoked elsewhere; how many. Inside copied()."""
    return sum(database.execute(_REVOKE, (time, hash)).rowcount for hash, time in revoked.items())


def _newest_first(state: Path, today: str) -> Iterator[Path]:
    """Files with people. A nightly copy is of its day's beginning."""
    copies = [(copy.date, False, copy.path) for copy in nightly_copies(state) if copy.whole()]
    formers = [(folder.name[:10], True, folder / "people.sqlite") for folder in (state / FORMER).glob("*/")]
    aside = sorted([*copies, *formers], key=lambda one: (one[0] <= today, *one), reverse=True)
    yield from (path for path in (state / "people.sqlite", *(path for _, _, path in aside)) if path.is_file())


def _rows(path: Path, sql: str) -> list[Any]:
    try:
        with closing(connect(path, PEOPLE, _BUSY_S)) as database:
            return database.execute(sql).fetchall()
    except sqlite3.Error as error:
        reason = in_words(error, path)
        if isinstance(reason, StoreError):  # damage, a bad card, a table that an older release does not have
            return []
        raise reason from error
