"""NTP that arrives late hands nobody a day's quota twice."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from edge.access import DEFAULT_SCOPES, Grant
from edge.clock import RELEASED
from edge.errors import QuotaExceeded
from edge.store import Store, open_store
from edge.timesync import is_set
from tests.store_help import TODAY, SetClock

YESTERDAY = TODAY - 1


@dataclass
class Board:
    """A board that was switched off yesterday, and wakes up with that date."""

    state: Path
    clock: SetClock = field(default_factory=SetClock)
    known: bool = True

    def opened(self) -> Store:
        return open_store(self.state, self.clock, clock_set=lambda: self.known)

    def wakes_up(self, day: float = YESTERDAY) -> None:
        self.known = False
        self.clock.set_day(day)

    def ntp_comes(self, day: float = TODAY) -> None:
        self.known = True
        self.clock.set_day(day)


@pytest.fixture
def board(tmp_path: Path) -> Board:
    return Board(tmp_path)


@pytest.fixture
def store(board: Board) -> Iterator[Store]:
    with board.opened() as opened:
        yield opened


def token(store: Store, quota: int | None, name: str = "door") -> Grant:
    return store.add_token(name, name.encode().ljust(32), DEFAULT_SCOPES, quota)


def spend(store: Store, grant: Grant, day: int, times: int) -> int:
    """How many of them were granted."""
    granted = 0
    for _ in range(times):
        try:
            store.spend(grant, day)
        except QuotaExceeded:
            break
        granted += 1
    return granted


def test_what_was_spent_before_ntp_came_counts_for_the_right_day(store: Store, board: Board) -> None:
    grant = token(store, 5)
    board.wakes_up()
    assert spend(store, grant, YESTERDAY, 3) == 3
    board.ntp_comes()
    assert store.used(grant, TODAY) == 3
    assert spend(store, grant, TODAY, 9) == 2
    assert store.used(grant, YESTERDAY) == 3


def test_a_quota_used_up_before_is_not_there_again(store: Store, board: Board) -> None:
    grant = token(store, 2)
    board.wakes_up()
    assert spend(store, grant, YESTERDAY, 9) == 2
    board.ntp_comes()
    assert spend(store, grant, TODAY, 1) == 0
    board.clock.set_day(TODAY + 1)
    assert spend(store, grant, TODAY + 1, 9) == 2


def test_only_what_was_spent_without_knowing_the_day_is_carried_over(store: Store, board: Board) -> None:
    grant = token(store, 10)
    board.ntp_comes(YESTERDAY)
    assert spend(store, grant, YESTERDAY, 4) == 4
    board.wakes_up()
    assert spend(store, grant, YESTERDAY, 3) == 3
    board.ntp_comes()
    assert (store.used(grant, YESTERDAY), store.used(grant, TODAY)) == (7, 3)


def test_it_is_carried_over_once(store: Store, board: Board) -> None:
    grant = token(store, 10)
    board.wakes_up()
    spend(store, grant, YESTERDAY, 3)
    board.ntp_comes()
    assert [store.used(grant, TODAY) for _ in range(3)] == [3, 3, 3]
    board.clock.set_day(TODAY + 1)
    assert store.used(grant, TODAY + 1) == 0


def test_it_outlives_the_process(board: Board) -> None:
    board.wakes_up()
    with board.opened() as store:
        grant = token(store, 5)
        spend(store, grant, YESTERDAY, 3)
    board.ntp_comes()
    with board.opened() as store:
        assert spend(store, grant, TODAY, 9) == 2


def test_a_board_that_wakes_up_twice_before_it_knows_the_time(board: Board) -> None:
    with board.opened() as store:
        grant = token(store, 5)
    for _ in range(2):
        board.wakes_up()
        with board.opened() as store:
            assert spend(store, grant, YESTERDAY, 2) == 2
    board.ntp_comes()
    with board.opened() as store:
        assert store.used(grant, TODAY) == 4


def test_all_tokens_are_carried_over_whoever_calls_first(store: Store, board: Board) -> None:
    one, two = token(store, 5), token(store, None, "window")
    board.wakes_up()
    spend(store, one, YESTERDAY, 1)
    spend(store, two, YESTERDAY, 2)
    board.ntp_comes()
    assert spend(store, two, TODAY, 1) == 1
    board.clock.set_day(TODAY + 1)  # the other comes a day later
    assert (store.used(one, TODAY), store.used(two, TODAY), store.used(one, TODAY + 1)) == (1, 3, 0)


def test_a_clock_that_was_right_all_along_counts_nothing_twice(store: Store, board: Board) -> None:
    grant = token(store, 5)
    board.wakes_up(TODAY)
    spend(store, grant, TODAY, 3)
    board.ntp_comes()
    assert store.used(grant, TODAY) == 3


def test_over_a_midnight_of_its_own_the_last_day_counts(store: Store, board: Board) -> None:
    grant = token(store, 5)
    board.wakes_up(TODAY - 3)
    spend(store, grant, TODAY - 3, 5)
    board.clock.set_day(TODAY - 2)
    spend(store, grant, TODAY - 2, 2)
    board.ntp_comes()
    assert store.used(grant, TODAY) == 2


def test_what_is_given_back_is_not_carried_over(store: Store, board: Board) -> None:
    grant = token(store, 5)
    board.wakes_up()
    spend(store, grant, YESTERDAY, 3)
    store.refund(grant, YESTERDAY)
    board.ntp_comes()
    assert (store.used(grant, YESTERDAY), store.used(grant, TODAY)) == (2, 2)


def test_a_request_from_before_ntp_that_is_counted_after_it_loses_nothing(store: Store, board: Board) -> None:
    grant = token(store, 5)
    board.wakes_up()
    spend(store, grant, YESTERDAY, 3)
    board.ntp_comes()
    store.spend(grant, YESTERDAY)  # its day was asked before
    assert store.used(grant, TODAY) == 3


def test_a_clock_is_set_when_ntp_says_so_or_nobody_does(tmp_path: Path) -> None:
    clock, run = SetClock(), tmp_path / "timesync"
    assert is_set(clock, run)  # no timesyncd: a battery, or another program
    run.mkdir()
    assert not is_set(clock, run)
    (run / "synchronized").touch()
    assert is_set(clock, run)
    clock.time = RELEASED - 1
    assert not is_set(clock, run)
