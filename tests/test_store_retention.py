"""What the camera saw is kept for a time, and never fills the memory card."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from edge.access import DAY_S
from edge.event import EventKind
from edge.store import Store, open_store, trimming
from tests.store_help import TODAY, SetClock, enrolled

NOW = TODAY * DAY_S
KEPT_DAYS = 30
MUCH = 2**31


@pytest.fixture
def clock() -> SetClock:
    return SetClock()


@pytest.fixture
def store(tmp_path: Path, clock: SetClock) -> Iterator[Store]:
    with open_store(tmp_path, clock) as opened:
        yield opened


def seen(store: Store, time: float, crop: bytes | None = None, person_row: int | None = None) -> int:
    """A minute, with one event; the sighting's row."""
    with store.noting():
        one = store.begin_sighting("door", time)
        store.update_sighting(one.row, ended=time + 60, frames=9, person_row=person_row)
        if crop is not None:
            store.keep_sighting_crop(one.row, crop)
        store.close_sighting(one.row, time + 60, 9)
        store.add_event(EventKind.PERSON_LEFT, time + 60, "door", one.id, person_row, {"seconds": 60.0})
    return one.row


def rows(store: Store) -> list[int]:
    return [one.row for one in store.sightings(limit=10_000)][::-1]


def events(store: Store) -> list[int]:
    return [event.row for event in store.events(0, 10_000)]


def trimmed(store: Store, clock: SetClock, day: float, most_bytes: int = MUCH) -> int:
    """The call on that day, a day after the one before."""
    clock.set_day(day)
    clock.steady_s += DAY_S
    return store.trim_sightings((day - KEPT_DAYS) * DAY_S, most_bytes)


def test_what_is_old_goes_with_its_crop_and_events(store: Store, clock: SetClock) -> None:
    ida, ada = enrolled(store, "Ida", 1), enrolled(store, "Ada", 2)
    first = seen(store, NOW, b"picture", ida.row)
    second = seen(store, NOW + DAY_S - 30, b"picture", ada.row)  # over midnight
    gone = [trimmed(store, clock, day) for day in range(TODAY, TODAY + KEPT_DAYS + 1)]
    assert gone == [0] * (KEPT_DAYS + 1)
    assert rows(store) == events(store) == [first, second]
    assert trimmed(store, clock, TODAY + KEPT_DAYS + 1) == 1
    assert rows(store) == events(store) == [second]
    assert store._sightings.rows("SELECT sighting FROM sighting_crop") == [(second,)]
    assert store._sightings.rows("SELECT id FROM person") == [(ada.id,)]
    assert trimmed(store, clock, TODAY + KEPT_DAYS + 2) == 1
    assert (rows(store), events(store), store.newest_event()) == ([], [], 2)
    assert store.cursor("new") == 2


def test_a_clock_a_year_ahead_for_a_day_drops_nothing(store: Store, clock: SetClock) -> None:
    row = seen(store, NOW)
    assert [trimmed(store, clock, day) for day in (TODAY, TODAY + 365, TODAY + 365, TODAY + 1)] == [0] * 4
    assert rows(store) == events(store) == [row]


def test_a_clock_that_is_wrong_over_midnight_drops_nothing(store: Store, clock: SetClock) -> None:
    row = seen(store, NOW)
    for hour in range(20):
        clock.set_day(TODAY + 365 + hour / 24 - 0.5)
        clock.steady_s += 3600
        assert store.trim_sightings((TODAY + 335) * DAY_S, MUCH) == 0
    assert rows(store) == events(store) == [row]


def test_a_sighting_that_a_crash_left_open_goes_by_age_too(store: Store, clock: SetClock) -> None:
    store.begin_sighting("a camera of another name", NOW)
    trimmed(store, clock, TODAY + KEPT_DAYS + 1)
    assert trimmed(store, clock, TODAY + KEPT_DAYS + 2) == 1


def test_the_oldest_go_when_all_is_too_much(store: Store, clock: SetClock) -> None:
    for number in range(400):
        seen(store, NOW + number, bytes([number % 256]) * 12_000)
    going_on = store.begin_sighting("door", NOW - 5)
    most = 2 * 2**20
    assert store.sightings_bytes() > 2 * most
    gone = trimmed(store, clock, TODAY, most)
    kept = rows(store)
    assert kept == [going_on.row, *range(gone + 1, 401)]
    assert most - 120 * 14_000 < store.sightings_bytes() <= most
    assert 12_000 * (len(kept) - 1) < store.sightings_bytes() < 17_000 * len(kept)
    assert trimmed(store, clock, TODAY, most) == 0


def test_the_file_does_not_grow_for_ever_and_gives_back_what_it_had(
    store: Store, clock: SetClock, tmp_path: Path
) -> None:
    def filled_and_trimmed(most_bytes: int) -> int:
        for number in range(200):
            seen(store, NOW + number, bytes([number]) * 12_000)
        trimmed(store, clock, TODAY, most_bytes)
        store._sightings.write("PRAGMA wal_checkpoint(TRUNCATE)")
        return (tmp_path / "sightings.sqlite").stat().st_size

    most = 4 * 2**20
    sizes = [filled_and_trimmed(most) for _ in range(5)]
    assert max(sizes) < most + 201 * 17_000
    assert filled_and_trimmed(2**20) < 4 * 2**20  # 500 pages of it are kept free
    assert store._sightings.rows("PRAGMA integrity_check") == [("ok",)]


def test_events_stay_until_every_outlet_has_told_them(store: Store, clock: SetClock) -> None:
    assert (store.cursor("mqtt"), store.cursor("webhook")) == (0, 0)
    for number in range(6):
        seen(store, NOW + number)
    store.advance("mqtt", 5)
    store.advance("webhook", 3)
    late = TODAY + KEPT_DAYS + 1
    trimmed(store, clock, late)
    trimmed(store, clock, late + 1)
    assert (rows(store), events(store)) == ([], [4, 5, 6])
    store.forget_outlets({"mqtt"})
    store.trim_sightings(late * DAY_S, MUCH, keep_after_row=4)
    assert events(store) == [5, 6]
    store.trim_sightings(late * DAY_S, MUCH, keep_after_row=6)
    assert events(store) == [6]


def test_a_broker_that_never_returns_does_not_fill_the_card(
    store: Store, clock: SetClock, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(trimming, "_MOST_EVENTS", 100)
    store.cursor("mqtt")
    for number in range(250):
        seen(store, NOW + number)
    store.advance("mqtt", 30)
    trimmed(store, clock, TODAY)
    assert events(store) == list(range(151, 251))
    (record,) = caplog.records
    assert record.getMessage().startswith("120 events were dropped before every outlet had told them")

    store.advance("mqtt", 250)
    seen(store, NOW)
    trimmed(store, clock, TODAY)
    assert events(store) == list(range(152, 252))
    assert len(caplog.records) == 1, "it had been told"


def test_events_leave_room_for_sightings(store: Store, clock: SetClock) -> None:
    store.cursor("mqtt")
    for number in range(1000):
        seen(store, NOW + number)
    trimmed(store, clock, TODAY, 250_000)
    assert len(events(store)) == 500
    # Dropped by the hundred: 300 stay, or 200 where random ids have filled the pages less well.
    assert 100 < len(rows(store)) < 1000
