"""A file of an earlier release becomes one of this: nothing of it is lost, and a crash leaves the old one."""

from __future__ import annotations

import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from sqlite_utils import Database

from edge.calibration import calibration_of
from edge.engine import EMBEDDER
from edge.errors import StoreError
from edge.quality import usefulness
from edge.store import Person, Reference, open_store, schema
from edge.store.connection import connect
from edge.store.schema import PEOPLE, migrate, version_of
from tests.store_help import SetClock, enrolled, vector

PEOPLE_COUNT = 300
TYPICAL = calibration_of(EMBEDDER).mirror.typical
FIRST = schema.Schema(PEOPLE.application_id, PEOPLE.page_size, PEOPLE.pragmas, PEOPLE.migrations[:1])


def old_file(state: Path, people: int = PEOPLE_COUNT) -> list[str]:
    """people.sqlite as the first release wrote it: 3 looks each, every other with a crop; their ids."""
    state.mkdir(mode=0o700, exist_ok=True)
    path = state / "people.sqlite"
    path.touch(0o600)
    with closing(connect(path, FIRST, 5)) as database:
        database.execute(f"PRAGMA page_size = {FIRST.page_size}")
        database.execute(f"PRAGMA application_id = {FIRST.application_id}")
        database.execute("PRAGMA journal_mode = WAL")
        migrate(database, FIRST)
        database.execute("BEGIN")
        for row in range(1, people + 1):
            fill(database, row)
        database.execute("UPDATE state SET revision = ?", (people,))
        database.execute("COMMIT")
        assert version_of(database) == 1
    return [f"id {row}" for row in range(1, people + 1)]


def fill(database: Database, row: int) -> None:
    database.execute(
        "INSERT INTO person VALUES (?, ?, ?, 1.0, 'train', ?)", (row, f"id {row}", f"name {row}", row)
    )
    database.execute("INSERT INTO alias VALUES (?, ?)", (f"old id {row}", row))
    for look in range(3):
        number = 10 * row + look
        model = "m2" if row % 10 == 0 else "m1"
        values = (number, row, model, 0.9, float(number), vector(number).tobytes())
        database.execute("INSERT INTO reference VALUES (?, ?, ?, ?, ?, ?)", values)
        if look % 2 == 0:
            points = vector(number, 8).tobytes()
            database.execute("INSERT INTO crop VALUES (?, ?, ?)", (number, points, bytes([look]) * 6000))


def test_everything_of_an_old_file_is_in_the_new_one(tmp_path: Path) -> None:
    ids = old_file(tmp_path)
    with open_store(tmp_path, SetClock()) as store:
        assert store.answering() == (PEOPLE_COUNT, "m1")
        assert {person.id for person in store.people(limit=1000)} == set(ids)
        for row, matrix in store.changes(0, "m1"):
            assert len(matrix) == (0 if row % 10 == 0 else 3)
        for row in (1, 10, 77, PEOPLE_COUNT):
            check_looks(store.references(row, model="m2" if row % 10 == 0 else "m1", crops=True), row)
            assert store.person(f"old id {row}") == store.person(f"id {row}")
            assert [one.look for one in store.remembered(row)] == [None] * 3
        assert len(store.lost("m2", limit=1000)) == 0, "everybody has a crop"
        # what was numbered on goes on, and what hung on a person still does
        person = enrolled(store, "new", 5)
        assert (person.row, store.remembered(person.row)[0].row) == (PEOPLE_COUNT + 1, 10 * PEOPLE_COUNT + 3)
        with store.writing():
            store.erase(Person(1, "id 1", None, 0.0, "train", 0))
        assert store.remembered(1) == []
    with sqlite3.connect(tmp_path / "people.sqlite") as database:
        assert database.execute("SELECT count(*) FROM embedding").fetchone() == (3 * PEOPLE_COUNT - 2,)
        assert database.execute("SELECT count(*) FROM crop").fetchone() == (2 * PEOPLE_COUNT - 2,)
        assert database.execute("PRAGMA foreign_key_check").fetchall() == []
        assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


def check_looks(looks: list[Reference], row: int) -> None:
    assert [look.row for look in looks] == [10 * row, 10 * row + 1, 10 * row + 2]
    for place, look in enumerate(looks):
        number = 10 * row + place
        assert (look.added, look.set_aside) == (float(number), None)
        assert look.quality == pytest.approx(usefulness(0.9, TYPICAL, EMBEDDER))
        assert (look.vector == vector(number)).all()
        assert look.crop == (bytes([place]) * 6000 if place % 2 == 0 else None)


KILLED = """
import os, sys
from pathlib import Path
from edge.store import open_store, schema
from tests.store_help import SetClock

def killed(database):
    schema._people_2(database)
    os.kill(os.getpid(), 9)

object.__setattr__(schema.PEOPLE, "migrations", (schema._people_1, killed))
open_store(Path(sys.argv[1]), SetClock())
"""


def test_killed_in_the_middle_it_is_the_old_file_still(tmp_path: Path) -> None:
    old_file(tmp_path)
    done = subprocess.run(
        [sys.executable, "-c", KILLED, str(tmp_path)], cwd=Path(__file__).parent.parent, check=False
    )
    assert done.returncode == -signal.SIGKILL
    with closing(sqlite3.connect(tmp_path / "people.sqlite")) as database:
        assert database.execute("PRAGMA user_version").fetchone() == (1,)
        columns = [name for _, name, *_ in database.execute("PRAGMA table_info(reference)")]
        assert "vector" in columns
        assert database.execute("SELECT count(*) FROM reference").fetchone() == (3 * PEOPLE_COUNT,)
    with open_store(tmp_path, SetClock()) as store:
        assert len(store.references(77)) == 3


def test_a_full_disk_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    old_file(tmp_path)
    small = (*PEOPLE.pragmas, "max_page_count=1")  # SQLite takes the size that it has
    full = schema.Schema(PEOPLE.application_id, PEOPLE.page_size, small, PEOPLE.migrations, PEOPLE.unchecked)
    monkeypatch.setattr("edge.store.store.PEOPLE", full)
    with pytest.raises(StoreError, match="the disk is full"):
        open_store(tmp_path, SetClock())
    with closing(sqlite3.connect(tmp_path / "people.sqlite")) as database:
        assert database.execute("PRAGMA user_version").fetchone() == (1,)
        assert database.execute("SELECT count(*) FROM reference").fetchone() == (3 * PEOPLE_COUNT,)


def test_what_the_migration_moved_leaves_no_copies(tmp_path: Path) -> None:
    """Vectors stand in another table now: erasing must find every copy of them."""
    old_file(tmp_path, 40)
    with open_store(tmp_path, SetClock()) as store, store.writing():
        store.erase(Person(7, "id 7", None, 0.0, "train", 0))
    disk = b"".join(path.read_bytes() for path in tmp_path.glob("people.sqlite*"))
    assert vector(70).tobytes()[64:128] not in disk
    assert vector(80).tobytes()[64:128] in disk


SECOND = schema.Schema(PEOPLE.application_id, PEOPLE.page_size, PEOPLE.pragmas, PEOPLE.migrations[:2])
_MERGED = "INSERT INTO gone VALUES (9, 9, 2)"


def second_file(state: Path) -> None:
    """people.sqlite of version 2: those whom train enrolled have odd rows, those of index even ones."""
    old_file(state, 8)
    with closing(connect(state / "people.sqlite", SECOND, 5)) as database:
        migrate(database, SECOND)
        database.execute("UPDATE person SET enrolled_by = 'index', name = NULL WHERE row % 2 = 0")
        database.execute(_MERGED)


def test_everybody_of_version_2_is_there_with_how_they_came_in(tmp_path: Path) -> None:
    second_file(tmp_path)
    with open_store(tmp_path, SetClock()) as store:
        for row in range(1, 9):
            by_index = row % 2 == 0
            person = Person(
                row,
                f"id {row}",
                None if by_index else f"name {row}",
                1.0,
                "index" if by_index else "train",
                row,
            )
            assert store.person(f"old id {row}") == store.person(f"id {row}") == person
            check_looks(store.references(row, model="m1", crops=True), row)
        assert store.person_by_row(9) == store.person("id 2")
        with store.writing():
            met = store.create_person(None, "camera")
            store.erase(Person(2, "id 2", None, 0.0, "index", 0))
        assert (met.row, met.enrolled_by) == (9, "camera")
        assert (store.person("old id 2"), store.remembered(2)) == (None, [])
        for refused in ("UPDATE person SET enrolled_by = 'cat'", "UPDATE person SET id = 'id 1'"):
            with pytest.raises(StoreError, match="constraint failed"):
                store._people.write(refused)
    with closing(sqlite3.connect(tmp_path / "people.sqlite")) as database:
        columns = [name for _, name, *_ in database.execute("PRAGMA table_info(person)")]
        assert sorted(columns) == ["created", "enrolled_by", "id", "name", "revision", "row"]
        assert database.execute("SELECT count(*) FROM reference").fetchone() == (21,)
        assert database.execute("PRAGMA foreign_key_check").fetchall() == []
        assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


def test_a_new_file_is_like_a_migrated_one(tmp_path: Path) -> None:
    def tables(state: Path) -> list[tuple[str, ...]]:
        open_store(state, SetClock()).close()
        with closing(sqlite3.connect(state / "people.sqlite")) as database:
            return database.execute("SELECT name, sql FROM sqlite_schema ORDER BY name").fetchall()

    second_file(tmp_path / "old")
    assert tables(tmp_path / "old") == tables(tmp_path / "new")
