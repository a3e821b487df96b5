from __future__ import annotations

import errno
import multiprocessing
import threading
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path

import pytest

from edge.access import DEFAULT_SCOPES, Grant
from edge.errors import QuotaExceeded
from edge.store import Store, open_store
from edge.store.schema import USAGE
from tests.store_help import TODAY, SetClock

THREADS = 25


@pytest.fixture
def clock() -> SetClock:
    return SetClock()


@pytest.fixture
def store(tmp_path: Path, clock: SetClock) -> Iterator[Store]:
    with open_store(tmp_path, clock) as opened:
        yield opened


def token(store: Store, quota: int | None) -> Grant:
    return store.add_token("door", b"1" * 32, DEFAULT_SCOPES, quota)


def spent_by_threads(state: Path, grant: Grant) -> list[int]:
    """What each of 25 threads that start together got; runs in a process of its own."""
    together = threading.Barrier(THREADS)
    with open_store(state, SetClock()) as store:

        def spend() -> int | None:
            together.wait()
            try:
                return store.spend(grant, TODAY)
            except QuotaExceeded:
                return None

        with ThreadPoolExecutor(THREADS) as pool:
            got = list(pool.map(lambda _: spend(), range(THREADS)))
    return [number for number in got if number is not None]


def test_fifty_threads_in_two_processes_get_exactly_the_quota(store: Store, tmp_path: Path) -> None:
    grant = token(store, 20)
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(2, mp_context=spawn) as pool:
        both = [pool.submit(spent_by_threads, tmp_path, grant) for _ in range(2)]
        got = [number for future in both for number in future.result()]
    assert sorted(got) == list(range(1, 21))
    assert store.used(grant, TODAY) == 20


def test_a_used_up_quota_tells_its_limit_and_the_time_to_midnight(store: Store, clock: SetClock) -> None:
    clock.set_day(TODAY + 0.75)
    grant = token(store, 2)
    assert [store.spend(grant, TODAY) for _ in range(2)] == [1, 2]
    with pytest.raises(
        QuotaExceeded, match=r"quota of 2 requests a day .* 21600 s.* midnight GMT"
    ) as used_up:
        store.spend(grant, TODAY)
    assert used_up.value.reset_s == 21600
    assert store.used(grant, TODAY) == 2


def test_a_quota_of_zero_gives_nothing_and_none_gives_all(store: Store) -> None:
    with pytest.raises(QuotaExceeded):
        store.spend(token(store, 0), TODAY)
    unlimited = store.set_quota("door", None)
    assert [store.spend(unlimited, TODAY) for _ in range(3)] == [1, 2, 3]


def test_a_quota_lowered_below_what_is_used_gives_nothing_more(store: Store) -> None:
    grant = token(store, 5)
    for _ in range(4):
        store.spend(grant, TODAY)
    with pytest.raises(QuotaExceeded):
        store.spend(store.set_quota("door", 2), TODAY)
    assert store.spend(store.set_quota("door", 5), TODAY) == 5


def test_a_refund_never_goes_below_zero(store: Store) -> None:
    grant = token(store, 2)
    store.refund(grant, TODAY)
    store.spend(grant, TODAY)
    for _ in range(3):
        store.refund(grant, TODAY)
    assert store.used(grant, TODAY) == 0
    assert [store.spend(grant, TODAY) for _ in range(2)] == [1, 2]


def test_each_token_has_its_own_count(store: Store) -> None:
    one = token(store, 1)
    two = store.add_token("window", b"2" * 32, DEFAULT_SCOPES, 1)
    assert store.spend(one, TODAY) == store.spend(two, TODAY) == 1


def test_a_day_back_and_a_year_forward_and_back_hand_nothing_out_twice(store: Store, tmp_path: Path) -> None:
    grant = token(store, 2)
    for day in (TODAY, TODAY - 1, TODAY + 365, TODAY - 365):
        assert [store.spend(grant, day) for _ in range(2)] == [1, 2]
    for day in (TODAY + 365, TODAY, TODAY - 1, TODAY - 365):
        with pytest.raises(QuotaExceeded):
            store.spend(grant, day)
    assert store.spend(grant, TODAY + 1) == 1  # and nobody is locked out afterwards


def test_a_clock_ten_years_ahead_does_not_prune_today(store: Store) -> None:
    grant = token(store, 1)
    store.spend(grant, TODAY)
    for ahead in range(100):
        store.spend(grant, TODAY + 3650 + ahead)
    with pytest.raises(QuotaExceeded):
        store.spend(grant, TODAY)


def test_the_days_written_first_are_pruned_in_the_end(store: Store) -> None:
    grant = token(store, None)
    for day in range(TODAY, TODAY + 410):
        store.spend(grant, day)
    kept = [day for day in range(TODAY, TODAY + 410) if store.used(grant, day)]
    assert kept == list(range(TODAY + 10, TODAY + 410))


def test_usage_outlives_the_process(store: Store, tmp_path: Path) -> None:
    grant = token(store, 3)
    store.spend(grant, TODAY)
    store.close()
    with open_store(tmp_path, SetClock()) as again:
        assert again.spend(grant, TODAY) == 2


def test_counting_takes_no_more_of_the_disk_than_at_the_start(store: Store, tmp_path: Path) -> None:
    """So it goes on when others have filled the disk. Many times the log's reserve is written, and many rows
    that are new: what waits in the log for a place in the file, and what comes."""
    grants = [token(store, None), store.add_token("gate", b"2" * 32, DEFAULT_SCOPES)]
    for person_row in range(400):
        store.saw(person_row, TODAY)

    def taken() -> list[int]:
        return [512 * path.stat().st_blocks for path in sorted(tmp_path.glob("usage.sqlite*"))]

    before = taken()
    for number in range(3000):
        store.spend(grants[number % 2], TODAY + number // 1000)
    for person_row in range(400, 600):
        store.saw(person_row, TODAY)
    for day in range(TODAY + 3, TODAY + 300):
        store.spend(grants[day % 2], day)
    assert taken() == before
    assert store.used(grants[0], TODAY + 2) == 500


def test_free_pages_are_made_where_they_are_few_and_only_there(store: Store, tmp_path: Path) -> None:
    def pages() -> tuple[int, int]:
        return store._usage.rows("PRAGMA page_count")[0][0], store._usage.rows("PRAGMA freelist_count")[0][0]

    count, free = pages()
    assert free >= USAGE.spare // USAGE.page_size
    open_store(tmp_path, SetClock()).close()
    assert pages() == (count, free)
    for row in range(20_000):
        store._usage.write("INSERT INTO seen VALUES (?, 1)", (row,))
    open_store(tmp_path, SetClock()).close()
    count, free = pages()
    assert free >= USAGE.spare // USAGE.page_size
    assert store._usage.rows("SELECT count(*) FROM seen") == [(20_000,)]
    assert "spare" not in store._usage.database.table_names()


def test_a_log_without_its_reserve_is_told_and_works(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The disk was full at the start already."""

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("os.posix_fallocate", full)
    with open_store(tmp_path, SetClock()) as store:
        assert store.spend(token(store, 5), TODAY) == 1
    assert "No space left on device" in caplog.text


def test_a_log_that_is_written_to_is_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A second process comes where the first could not reserve, and glibc would write zeros instead."""
    monkeypatch.setattr("os.posix_fallocate", lambda *_: None)
    with open_store(tmp_path, SetClock()) as store:
        grant = token(store, 5)
        store.spend(grant, TODAY)
        reserved: list[int] = []
        monkeypatch.setattr("os.posix_fallocate", lambda _, start, size: reserved.append(size))
        open_store(tmp_path, SetClock()).close()
        assert not reserved
