"""The third database file: what the camera saw, and the events that wait to be told."""

from __future__ import annotations

from sqlite_utils import Database

from edge.store.schema import Schema

LONG_S = 3600
"""Seconds from which on a sighting is long. Long ones have an index of their own, so that what overlaps a
stretch of time is found from the sightings that began near it, and those few."""


def _sightings_1(database: Database) -> None:
    # unclean: the number of the last erasing whose traces may still lie in the file, or 0. person.id: the
    # personId, by which people.sqlite is asked: rows of people would mean others after it was restored from
    # a backup. The rows that point here carry no REFERENCES, which would be checked by reading all events
    # whenever somebody is erased. sighting_long: LONG_S. Few indexes, for each costs a page per write: what
    # belongs to a person is seldom looked for among the events, and then by reading all of them.
    database.executescript("""
        CREATE TABLE state (
            one INTEGER PRIMARY KEY CHECK (one = 1),
            revision INTEGER NOT NULL,
            unclean INTEGER NOT NULL
        ) STRICT;
        INSERT INTO state VALUES (1, 0, 0);
        CREATE TABLE person (row INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE) STRICT;
        CREATE TABLE sighting (
            row INTEGER PRIMARY KEY AUTOINCREMENT,
            id TEXT NOT NULL UNIQUE,
            camera TEXT NOT NULL,
            person INTEGER,
            started REAL NOT NULL,
            ended REAL NOT NULL,
            open INTEGER NOT NULL,
            similarity REAL,
            frames INTEGER NOT NULL
        ) STRICT;
        CREATE INDEX sighting_started ON sighting (started);
        CREATE INDEX sighting_person ON sighting (person, started) WHERE person IS NOT NULL;
        CREATE INDEX sighting_open ON sighting (camera) WHERE open;
        CREATE INDEX sighting_long ON sighting (started) WHERE ended - started > 3600;
        CREATE TABLE sighting_crop (
            sighting INTEGER PRIMARY KEY REFERENCES sighting ON DELETE CASCADE,
            picture BLOB NOT NULL
        ) STRICT;
        CREATE TABLE event (
            row INTEGER PRIMARY KEY AUTOINCREMENT,
            id TEXT NOT NULL UNIQUE,
            kind TEXT NOT NULL,
            time REAL NOT NULL,
            camera TEXT NOT NULL,
            sighting TEXT,
            person INTEGER,
            details TEXT NOT NULL
        ) STRICT;
        CREATE TABLE outlet (name TEXT PRIMARY KEY, cursor INTEGER NOT NULL) STRICT;
        CREATE TABLE sweep (row INTEGER PRIMARY KEY, day INTEGER NOT NULL UNIQUE) STRICT;
    """)


SIGHTINGS = Schema(
    application_id=0x41464553,  # "AFES"
    page_size=4096,
    pragmas=(
        "synchronous=NORMAL",
        "secure_delete=ON",
        "foreign_keys=ON",
        "cache_size=-512",
        "mmap_size=0",
        "temp_store=MEMORY",
    ),
    migrations=(_sightings_1,),
    unchecked=frozenset({"sighting_crop"}),
    gives_back=True,
)
"""Survives kill -9; a power cut may cost the last seconds, for nobody was told that a sighting is safe."""
