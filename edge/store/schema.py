"""The database files: how each is recognised, and every step from nothing to its newest schema.

A migration is a function that takes a database from the version that is its place in the tuple to
the next one. A released one is never edited; a change is a further function. PRAGMA user_version
holds the version: it lies in the header, so a newer file is known before anything is touched.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from sqlite_utils import Database


@dataclass(frozen=True, slots=True)
class Schema:
    """One kind of database file.

    application_id: marks the file as ours, in bytes 68-71. page_size: bytes. pragmas: set on each
    connection. unchecked: tables whose pages are too many to read through at each start. gives_back: whether
    free pages can be given back to the disk (SQLite's auto_vacuum=INCREMENTAL). log_reserve: bytes that the
    log takes from the disk at the opening, so that small writes go on when others have filled it. spare:
    bytes of free pages that the file is given then, for what those writes add to it.
    """

    application_id: int
    page_size: int
    pragmas: tuple[str, ...]
    migrations: tuple[Callable[[Database], None], ...]
    unchecked: frozenset[str] = frozenset()
    gives_back: bool = False
    log_reserve: int = 0
    spare: int = 0


def migrate(database: Database, schema: Schema) -> None:
    """Bring the file to the newest version, in one transaction: a crash leaves the old version."""
    newest = len(schema.migrations)
    if version_of(database) == newest:
        return
    database.execute("BEGIN IMMEDIATE")
    try:
        for migration in schema.migrations[version_of(database) :]:
            migration(database)
        database.execute(f"PRAGMA user_version = {newest}")
        database.execute("COMMIT")
    except BaseException:
        database.rollback()
        raise


def version_of(database: Database) -> int:
    """The number of migrations the file has been through."""
    return int(database.execute("PRAGMA user_version").fetchone()[0])


def _people_1(database: Database) -> None:
    # unclean: the revision of the last erasing whose traces may still lie in the file, or 0
    database.executescript("""
        CREATE TABLE state (
            one INTEGER PRIMARY KEY CHECK (one = 1),
            revision INTEGER NOT NULL,
            unclean INTEGER NOT NULL
        ) STRICT;
        INSERT INTO state VALUES (1, 0, 0);
        CREATE TABLE person (
            row INTEGER PRIMARY KEY AUTOINCREMENT,
            id TEXT NOT NULL UNIQUE,
            name TEXT,
            created REAL NOT NULL,
            enrolled_by TEXT NOT NULL CHECK (enrolled_by IN ('train', 'index')),
            revision INTEGER NOT NULL
        ) STRICT;
        CREATE INDEX person_revision ON person (revision);
        CREATE TABLE alias (
            id TEXT PRIMARY KEY,
            person INTEGER NOT NULL REFERENCES person ON DELETE CASCADE
        ) STRICT, WITHOUT ROWID;
        CREATE INDEX alias_person ON alias (person);
        CREATE TABLE gone (
            row INTEGER PRIMARY KEY,
            revision INTEGER NOT NULL,
            merged_into INTEGER REFERENCES person ON DELETE SET NULL
        ) STRICT;
        CREATE INDEX gone_revision ON gone (revision);
        CREATE INDEX gone_merged_into ON gone (merged_into);
        CREATE TABLE reference (
            row INTEGER PRIMARY KEY AUTOINCREMENT,
            person INTEGER NOT NULL REFERENCES person ON DELETE CASCADE,
            model TEXT NOT NULL,
            quality REAL NOT NULL,
            added REAL NOT NULL,
            vector BLOB NOT NULL
        ) STRICT;
        CREATE INDEX reference_person ON reference (person);
        CREATE TABLE crop (
            reference INTEGER PRIMARY KEY REFERENCES reference ON DELETE CASCADE,
            landmarks BLOB,
            picture BLOB NOT NULL
        ) STRICT;
        CREATE TABLE token (
            row INTEGER PRIMARY KEY AUTOINCREMENT,
            name TEXT NOT NULL,
            hash BLOB NOT NULL UNIQUE,
            scopes TEXT NOT NULL,
            quota INTEGER CHECK (quota >= 0),
            expires REAL,
            revoked REAL
        ) STRICT;
        CREATE UNIQUE INDEX token_name ON token (name) WHERE revoked IS NULL;
    """)


def _people_2(database: Database) -> None:
    # A reference is one look with a vector per embedder. state.model: whose gallery answers, '' before the
    # first reference. embedding.vector: NULL when that embedder could not read the crop. Rows of some
    # hundred bytes and more, so an ordinary table: WITHOUT ROWID would hold them in its inner nodes too.
    # embedding.mirror: as in Look, NULL where it was not measured.
    database.executescript("""
        ALTER TABLE state ADD COLUMN model TEXT NOT NULL DEFAULT '';
        UPDATE state SET
            model = coalesce(
                (SELECT model FROM reference GROUP BY model ORDER BY count(*) DESC, model LIMIT 1), ''
            ),
            unclean = revision;
        CREATE TABLE embedding (
            row INTEGER PRIMARY KEY,
            reference INTEGER NOT NULL REFERENCES reference ON DELETE CASCADE,
            model TEXT NOT NULL,
            vector BLOB,
            mirror REAL,
            UNIQUE (reference, model)
        ) STRICT;
        INSERT INTO embedding (reference, model, vector)
            SELECT row, model, vector FROM reference ORDER BY row;
        ALTER TABLE reference DROP COLUMN vector;
        ALTER TABLE reference DROP COLUMN model;
        ALTER TABLE reference ADD COLUMN side REAL;
        ALTER TABLE reference ADD COLUMN sharpness REAL;
        ALTER TABLE reference ADD COLUMN yaw REAL;
        ALTER TABLE reference ADD COLUMN set_aside REAL;
        ALTER TABLE reference ADD COLUMN set_aside_why TEXT;
    """)
    database.conn.create_function("usefulness", 1, _usefulness, deterministic=True)
    database.execute("UPDATE reference SET quality = usefulness(quality)")


def _usefulness(confidence: float) -> float:
    """edge.quality.usefulness as it was with version 2, of a face whose mirror agreement is the median:
    version 1 kept the detector's confidence for quality, and would have won every comparison with it."""
    sure = min(max(confidence, 1e-6), 1 - 1e-6)
    return float(1 / (1 + ((1 - sure) / sure) ** 0.37))


def _people_3(database: Database) -> None:
    # SQLite cannot change a CHECK. New rows always say who enrolled them; the default is for ADD COLUMN.
    database.executescript("""
        ALTER TABLE person ADD COLUMN enrolled TEXT NOT NULL DEFAULT 'train'
            CHECK (enrolled IN ('train', 'index', 'camera'));
        UPDATE person SET enrolled = enrolled_by;
        ALTER TABLE person DROP COLUMN enrolled_by;
        ALTER TABLE person RENAME COLUMN enrolled TO enrolled_by;
        UPDATE state SET unclean = revision;
    """)


def _people_4(database: Database) -> None:
    # Whom a copy of before must not bring back: a hash of each id that an erased person answered to.
    database.executescript("""
        CREATE TABLE erased (hash BLOB PRIMARY KEY, time REAL NOT NULL) STRICT, WITHOUT ROWID;
    """)


def _usage_1(database: Database) -> None:
    database.executescript("""
        CREATE TABLE quota_day (
            row INTEGER PRIMARY KEY,
            token INTEGER NOT NULL,
            day INTEGER NOT NULL,
            used INTEGER NOT NULL,
            UNIQUE (token, day)
        ) STRICT;
        CREATE TABLE seen (person INTEGER PRIMARY KEY, day INTEGER NOT NULL) STRICT;
        CREATE TABLE sweep (row INTEGER PRIMARY KEY, day INTEGER NOT NULL UNIQUE) STRICT;
    """)


PEOPLE = Schema(
    application_id=0x41464550,  # "AFEP"
    page_size=4096,
    # temp_store: sorting must not spill faces into /tmp. secure_delete: see erasing.py.
    pragmas=(
        "synchronous=FULL",
        "secure_delete=ON",
        "foreign_keys=ON",
        "cache_size=-512",
        "mmap_size=0",
        "temp_store=MEMORY",
    ),
    migrations=(_people_1, _people_2, _people_3, _people_4),
    unchecked=frozenset({"crop"}),
)
"""Precious: an acknowledged change has been fsynced."""

USAGE = Schema(
    application_id=0x41464555,  # "AFEU"
    # Each counted request writes one page to the log: small pages spare the SD card.
    page_size=1024,
    # wal_autocheckpoint: pages after which the log begins again when no token has come to usage.SURE_EVERY;
    # with what a request adds they fit into log_reserve.
    pragmas=(
        "synchronous=NORMAL",
        "cache_size=-128",
        "mmap_size=0",
        "temp_store=MEMORY",
        "wal_autocheckpoint=900",
    ),
    migrations=(_usage_1,),
    log_reserve=1 << 20,
    # Some thousand rows: days of tokens, or people who are seen for the first time.
    spare=1 << 17,
)
"""Survives kill -9; a power cut may cost what was counted since a count was made sure (usage.py)."""
