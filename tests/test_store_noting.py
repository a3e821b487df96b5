"""What was noted is there, whatever else is written at the same time, and whoever is killed."""

from __future__ import annotations

import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from edge.access import DAY_S
from edge.errors import Overloaded, StoreError
from edge.event import Event, EventKind
from edge.store import Store, open_store
from tests.store_help import TODAY, SetClock, enrolled

NOW = TODAY * DAY_S
ROOT = Path(__file__).parent.parent


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with open_store(tmp_path, SetClock()) as opened:
        yield opened


WRITER = """
import itertools, sys
from pathlib import Path
from edge.event import EventKind
from edge.store import open_store
from tests.store_help import SetClock

camera, state, visits = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
with open_store(state, SetClock()) as store:
    for number in range(visits) if visits else itertools.count():
        with store.noting():
            one = store.begin_sighting(camera, float(number))
            store.keep_sighting_crop(one.row, bytes([number % 256]) * 12_000)
            event = store.add_event(EventKind.FACE_APPEARED, float(number), camera, one.id, 1, {})
        print(one.id, event.row, flush=True)
"""


def writer(camera: str, state: Path, visits: int = 0) -> subprocess.Popen[str]:
    """Another process; 0 visits: until it is killed."""
    command = [sys.executable, "-c", WRITER, camera, str(state), str(visits)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT)


@pytest.mark.parametrize("visits", [1, 200])
def test_kill_9_loses_nothing_that_was_noted(tmp_path: Path, visits: int) -> None:
    process = writer("door", tmp_path)
    assert process.stdout is not None
    noted = [process.stdout.readline().split() for _ in range(visits)]
    process.send_signal(signal.SIGKILL)
    noted += [line.split() for line in process.stdout if line.endswith("\n")]
    process.stdout.close()
    assert process.wait() == -signal.SIGKILL

    with open_store(tmp_path, SetClock()) as store:
        events = {event.sighting: event.row for event in store.events(0, 100_000)}
        sightings = store.open_sightings()
        for sighting_id, row in noted:
            assert events[sighting_id] == int(row)
            assert len(store.sighting_crop(sighting_id) or b"") == 12_000
        # the last may have been committed, and killed before it was printed: then all of it is there
        assert len(noted) <= len(sightings) <= len(noted) + 1
        assert {one.id for one in sightings} == set(events)
        assert store.newest_event() == len(events)
        assert store._sightings.rows("PRAGMA integrity_check") == [("ok",)]


def test_two_processes_note_and_a_third_reads_on(store: Store, tmp_path: Path) -> None:
    person = enrolled(store, "Ida", 1)
    assert person.row == 1, "of whom the writers tell"
    writers = [writer(camera, tmp_path, 60) for camera in ("door", "garden")]
    told: list[Event] = []
    cursor = store.cursor("mqtt")
    while len(told) < 120:
        assert {process.poll() for process in writers} <= {None, 0}
        for event in store.events(cursor, 10):
            told.append(event)
            cursor = event.row
            store.advance("mqtt", cursor)
    for process in writers:
        process.communicate()
        assert process.returncode == 0
    assert [event.row for event in told] == list(range(1, 121))
    assert {event.person_row for event in told} == {1}
    assert [len(store.open_sightings(camera)) for camera in ("door", "garden")] == [60, 60]


def test_threads_note_read_trim_and_erase_at_once(store: Store) -> None:
    people = [enrolled(store, None, seed) for seed in range(8)]
    failed: list[BaseException] = []

    def notes(place: int) -> None:
        for number in range(40):
            person = people[(place + number) % len(people)]
            with store.noting():
                one = store.begin_sighting("door", NOW + number)
                store.update_sighting(one.row, ended=NOW + number, frames=1, person_row=person.row)
                store.keep_sighting_crop(one.row, b"x" * 5000)
                store.add_event(EventKind.PERSON_LEFT, NOW, "door", one.id, person.row, {})
            store.close_sighting(one.row, NOW + number, 2)

    def reads(_: int) -> None:
        for _ in range(60):
            assert len(store.sightings(since=NOW, limit=7)) <= 7
            store.events(0, 50)

    def erases(_: int) -> None:
        for person in people[::2]:
            with store.writing():
                store.erase(person)
            store.trim_sightings(0, 2**30)

    def run(work: object, place: int) -> None:
        try:
            work(place)  # type: ignore[operator]
        except BaseException as error:
            failed.append(error)

    threads = [
        threading.Thread(target=run, args=(work, place))
        for place, work in enumerate([notes, notes, notes, reads, erases])
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    living = {person.row for person in people[1::2]}
    named = [one.person_row for one in store.sightings(limit=1000) if one.person_row is not None]
    assert set(named) == living
    assert len(named) == 60, "half of 120"
    assert store._sightings.rows("PRAGMA integrity_check") == [("ok",)]


def test_a_full_disk_is_told_and_the_next_note_goes_on(store: Store) -> None:
    first = store.begin_sighting("door", NOW)
    pages = store._sightings.rows("PRAGMA page_count")[0][0]
    store._sightings.rows(f"PRAGMA max_page_count = {pages + 4}")
    with pytest.raises(StoreError, match=r"sightings\.sqlite: the disk is full"), store.noting():
        store.close_sighting(first.row, NOW + 1, 5)
        for number in range(20):
            one = store.begin_sighting("door", NOW + number)
            store.keep_sighting_crop(one.row, b"x" * 12_000)
    with pytest.raises(StoreError, match="full"):
        store.keep_sighting_crop(first.row, b"x" * 50_000)
    assert store.sightings() == [first]
    enrolled(store, "Ida", 1)  # the other files do not mind

    store._sightings.rows("PRAGMA max_page_count = 1000000")
    store.keep_sighting_crop(first.row, b"x" * 50_000)
    assert len(store.sighting_crop(first.id) or b"") == 50_000


IO_ERROR = """
import resource, signal, sys
from pathlib import Path
from edge.errors import StoreError
from edge.store import open_store
from tests.store_help import SetClock

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
with open_store(Path(sys.argv[1]), SetClock()) as store:
    first = store.begin_sighting("door", 1.0)
    resource.setrlimit(resource.RLIMIT_FSIZE, (150_000, resource.RLIM_INFINITY))
    try:
        with store.noting():
            for second in range(50):
                one = store.begin_sighting("door", float(second))
                store.keep_sighting_crop(one.row, b"x" * 12_000)
    except StoreError as error:
        print(error)
    print(store.sightings() == [first])
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    store.keep_sighting_crop(first.row, b"x" * 12_000)
    print(len(store.sighting_crop(first.id)))
"""


def test_a_write_that_the_kernel_refuses_is_told_and_the_next_goes_on(tmp_path: Path) -> None:
    command = [sys.executable, "-c", IO_ERROR, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT)
    error, *rest = done.stdout.splitlines()
    assert "I/O error" in error or "disk is full" in error
    assert rest == ["True", "12000"]


def test_who_waits_too_long_is_told_to_come_back(tmp_path: Path) -> None:
    with open_store(tmp_path, SetClock(), busy_s=0.1) as store:
        with closing(sqlite3.connect(tmp_path / "sightings.sqlite", isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            with pytest.raises(Overloaded, match=r"sightings\.sqlite"), store.noting():
                pass
            with pytest.raises(Overloaded):
                store.begin_sighting("door", NOW)
            assert (store.sightings(), store.events(0, 10)) == ([], [])  # readers do not wait
            enrolled(store, "Ida", 1)  # nor do the other files
            other.execute("ROLLBACK")
        store.begin_sighting("door", NOW)


def test_noted_survives_a_kill_and_costs_no_fsync(store: Store) -> None:
    assert store._sightings.rows("PRAGMA synchronous") == [(1,)]
    assert store._sightings.rows("PRAGMA journal_mode") == [("wal",)]
    assert store._sightings.rows("PRAGMA secure_delete") == [(1,)]
    assert store._sightings.rows("PRAGMA auto_vacuum") == [(2,)]
    assert store._sightings.rows("PRAGMA page_size") == [(4096,)]
