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

from edge.access import DEFAULT_SCOPES
from edge.errors import Overloaded, StoreError
from edge.store import Store, open_store
from tests.store_help import TODAY, SetClock, enrolled, reference


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with open_store(tmp_path, SetClock()) as opened:
        yield opened


WRITER = """
import itertools, os, sys
from pathlib import Path
from edge.access import DEFAULT_SCOPES
from edge.store import open_store
from tests.store_help import TODAY, SetClock, reference

with open_store(Path(sys.argv[1]), SetClock()) as store:
    grant = store.add_token("door", b"1" * 32, DEFAULT_SCOPES)
    for seed in itertools.count():
        with store.writing():
            person = store.create_person(None)
            store.add_reference(person, reference(seed, crop=bytes([seed % 256]) * 12_000))
        print(person.id, store.spend(grant, TODAY), flush=True)
"""


@pytest.mark.parametrize("writes", [1, 30, 200])
def test_kill_9_loses_nothing_that_was_acknowledged(tmp_path: Path, writes: int) -> None:
    writer = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(tmp_path)],
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parent.parent,
    )
    assert writer.stdout is not None
    acknowledged = [writer.stdout.readline().split() for _ in range(writes)]
    writer.send_signal(signal.SIGKILL)
    acknowledged += [line.split() for line in writer.stdout if line.endswith("\n")]
    writer.stdout.close()
    assert writer.wait() == -signal.SIGKILL

    with open_store(tmp_path, SetClock()) as store:
        assert len(acknowledged) >= writes
        for person_id, _ in acknowledged:
            person = store.person(person_id)
            assert person is not None
            (kept,) = store.references(person.row, crops=True)
            assert kept.crop is not None
            assert len(kept.crop) == 12_000
        assert store.used(store.tokens()[0], TODAY) >= int(acknowledged[-1][1])


def test_a_full_disk_is_told_and_loses_nothing(store: Store) -> None:
    ida = enrolled(store, "Ida", 1)
    pages = store._people.rows("PRAGMA page_count")[0][0]
    store._people.rows(f"PRAGMA max_page_count = {pages + 4}")
    with pytest.raises(StoreError, match=r"people\.sqlite: the disk is full"), store.writing():
        store.rename(ida, "half written")
        for seed in range(2, 50):
            store.add_reference(ida, reference(seed, crop=b"x" * 12_000))
    assert store.person(ida.id) == ida
    assert len(store.references(ida.row)) == 1

    store._people.rows("PRAGMA max_page_count = 1000000")
    with store.writing():
        store.add_reference(ida, reference(2, crop=b"x" * 12_000))
    assert len(store.references(ida.row)) == 2


IO_ERROR = """
import resource, signal, sys
from pathlib import Path
from edge.errors import StoreError
from edge.store import open_store
from tests.store_help import SetClock, enrolled, reference

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
with open_store(Path(sys.argv[1]), SetClock()) as store:
    ida = enrolled(store, "Ida", 1)
    resource.setrlimit(resource.RLIMIT_FSIZE, (150_000, resource.RLIM_INFINITY))
    try:
        with store.writing():
            for seed in range(2, 50):
                store.add_reference(ida, reference(seed, crop=b"x" * 12_000))
    except StoreError as error:
        print(error)
    print(len(store.references(ida.row)))
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    with store.writing():
        store.add_reference(ida, reference(2))
    print(len(store.references(ida.row)))
"""


def test_a_write_that_the_kernel_refuses_is_told_and_loses_nothing(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", IO_ERROR, str(tmp_path)],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parent.parent,
    )
    error, *counts = done.stdout.splitlines()
    assert "I/O error" in error or "disk is full" in error
    assert counts == ["1", "2"]


def test_who_waits_too_long_for_another_process_is_told_to_come_back(tmp_path: Path) -> None:
    with open_store(tmp_path, SetClock(), busy_s=0.1) as store:
        grant = store.add_token("door", b"1" * 32, DEFAULT_SCOPES)
        with closing(sqlite3.connect(tmp_path / "people.sqlite", isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            with pytest.raises(Overloaded, match=r"people\.sqlite"), store.writing():
                pass
            assert store.people() == []  # readers do not wait
            assert store.spend(grant, TODAY) == 1  # nor does the other file
            other.execute("ROLLBACK")
        enrolled(store, None, 1)


def test_who_waits_too_long_for_another_thread_is_told_to_come_back(tmp_path: Path) -> None:
    with open_store(tmp_path, SetClock(), busy_s=0.1) as store:
        inside, finish = threading.Event(), threading.Event()

        def hold() -> None:
            with store.writing():
                inside.set()
                finish.wait()

        holder = threading.Thread(target=hold)
        holder.start()
        inside.wait()
        with pytest.raises(Overloaded), store.writing():
            pass
        finish.set()
        holder.join()
        enrolled(store, None, 1)


def test_a_thread_that_ends_gives_its_connection_back(store: Store) -> None:
    def descriptors() -> int:
        return len(list(Path("/proc/self/fd").iterdir()))

    before = descriptors()
    for _ in range(20):
        thread = threading.Thread(target=store.people)
        thread.start()
        thread.join()
    assert descriptors() <= before + 2


def test_acknowledged_means_synced(tmp_path: Path, store: Store) -> None:
    assert store._people.rows("PRAGMA synchronous") == [(2,)]
    assert store._people.rows("PRAGMA journal_mode") == [("wal",)]
    assert store._people.rows("PRAGMA secure_delete") == [(1,)]
    assert store._usage.rows("PRAGMA synchronous") == [(1,)]
    assert store._usage.rows("PRAGMA journal_mode") == [("wal",)]
