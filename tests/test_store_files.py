from __future__ import annotations

import multiprocessing
import os
import shutil
import sqlite3
import stat
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest

from edge.errors import StoreError
from edge.store import open_store
from tests.store_help import SetClock, enrolled

FILES = ("people.sqlite", "usage.sqlite", "sightings.sqlite")


def filled(state: Path) -> None:
    with open_store(state, SetClock()) as store:
        for seed in range(40):
            enrolled(store, f"name {seed}", seed)


def listing(state: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() if path.is_file() else b"" for path in state.iterdir()}


def foreign(path: Path) -> None:
    path.unlink()
    with closing(sqlite3.connect(path)) as database:
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("CREATE TABLE contacts (name)")


def newer(path: Path) -> None:
    with closing(sqlite3.connect(path)) as database:
        database.execute("PRAGMA user_version = 99")


def folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def torn(path: Path) -> None:
    """A page in the middle, with rows of people in it, lost."""
    size = path.stat().st_size
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(os.urandom(size - 4096))


SPOILED: dict[str, tuple[Callable[[Path], object], str]] = {
    "garbage": (lambda path: path.write_bytes(os.urandom(20_000)), "not an SQLite file"),
    "text": (lambda path: path.write_text("these are not the people"), "not an SQLite file"),
    "empty": (lambda path: path.write_bytes(b""), "is empty"),
    "cut to a half": (lambda path: os.truncate(path, path.stat().st_size // 2), "truncated|damaged"),
    "cut by a byte": (lambda path: os.truncate(path, path.stat().st_size - 1), "truncated"),
    "cut to its header": (lambda path: os.truncate(path, 100), "truncated|not an SQLite file|damaged"),
    "overwritten": (torn, "damaged"),
    "foreign": (foreign, "another program"),
    "newer": (newer, r"newer release: schema version 99, this one knows \d"),
    "a folder": (folder, "not a regular file"),
}


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize(("spoil", "words"), SPOILED.values(), ids=SPOILED)
def test_a_spoiled_file_is_refused_and_left_as_it_was(
    tmp_path: Path, name: str, spoil: Callable[[Path], object], words: str
) -> None:
    filled(tmp_path)
    spoil(tmp_path / name)
    before = listing(tmp_path)
    with pytest.raises(StoreError, match=words) as refused:
        open_store(tmp_path, SetClock())
    assert name in str(refused.value)
    assert listing(tmp_path) == before


def test_swapped_files_are_refused(tmp_path: Path) -> None:
    filled(tmp_path)
    people, usage, _ = (tmp_path / name for name in FILES)
    people.rename(tmp_path / "x")
    usage.rename(people)
    (tmp_path / "x").rename(usage)
    with pytest.raises(StoreError, match="another program"):
        open_store(tmp_path, SetClock())


def killed_copy(state: Path, copy: Path) -> None:
    """The files as they lie there when the process is killed: with a log that is not in the database."""
    with open_store(state, SetClock()) as store:
        enrolled(store, "in the log", 100)
        shutil.copytree(state, copy)


def test_a_log_left_by_a_killed_process_is_taken_over(tmp_path: Path) -> None:
    filled(tmp_path / "state")
    killed_copy(tmp_path / "state", tmp_path / "copy")
    with open_store(tmp_path / "copy", SetClock()) as store:
        assert "in the log" in [person.name for person in store.people()]


def test_a_newer_version_that_is_only_in_the_log_is_refused(tmp_path: Path) -> None:
    state, copy = tmp_path / "state", tmp_path / "copy"
    filled(state)
    with closing(sqlite3.connect(state / "people.sqlite")) as database:
        database.execute("PRAGMA user_version = 99")
        shutil.copytree(state, copy)
    before = {name: data for name, data in listing(copy).items() if not name.endswith("-shm")}
    with pytest.raises(StoreError, match="newer release"):
        open_store(copy, SetClock())
    assert {name: data for name, data in listing(copy).items() if not name.endswith("-shm")} == before


def test_a_truncated_file_with_a_log_is_refused(tmp_path: Path) -> None:
    state, copy = tmp_path / "state", tmp_path / "copy"
    filled(state)
    killed_copy(state, copy)
    os.truncate(copy / "people.sqlite", 8192)
    before = {name: data for name, data in listing(copy).items() if not name.endswith("-shm")}
    with pytest.raises(StoreError, match="damaged"):
        open_store(copy, SetClock())
    assert {name: data for name, data in listing(copy).items() if not name.endswith("-shm")} == before


def test_a_log_without_its_database_is_not_applied_to_a_new_one(tmp_path: Path) -> None:
    killed_copy(tmp_path / "state", tmp_path / "copy")
    (tmp_path / "copy" / "people.sqlite").unlink()
    with pytest.raises(StoreError, match="is missing, but its log"):
        open_store(tmp_path / "copy", SetClock())


def test_half_a_file_from_a_crash_at_the_first_start_is_no_obstacle(tmp_path: Path) -> None:
    for name in FILES:
        (tmp_path / f"{name}.new").write_bytes(b"half")
        (tmp_path / f"{name}.new-journal").write_bytes(b"half")
    filled(tmp_path)
    assert sorted(listing(tmp_path)) == sorted((*FILES, "in-use", "lived-in"))


def test_the_files_are_for_the_owner_alone(tmp_path: Path) -> None:
    state = tmp_path / "deep" / "state"
    with open_store(state, SetClock()) as store:
        enrolled(store, None, 1)
        assert stat.S_IMODE(state.stat().st_mode) == 0o700
        files = list(state.iterdir())
        assert len(files) == 11
        assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o600}


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StoreError, match="state folder"):
        open_store(tmp_path / "file" / "state", SetClock())


def open_and_enrol(state: Path, seed: int) -> int:
    with open_store(state, SetClock()) as store:
        return enrolled(store, None, seed).row


def test_processes_that_start_at_once_make_one_store(tmp_path: Path) -> None:
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(3, mp_context=spawn) as pool:
        rows = [job.result() for job in [pool.submit(open_and_enrol, tmp_path, seed) for seed in range(6)]]
    assert sorted(rows) == list(range(1, 7))


def test_a_closed_store_says_so(tmp_path: Path) -> None:
    store = open_store(tmp_path, SetClock())
    store.close()
    with pytest.raises(StoreError, match="closed"):
        store.people()
    with pytest.raises(StoreError, match="closed"), store.writing():
        pass
