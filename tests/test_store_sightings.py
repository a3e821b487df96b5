from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from edge.access import DAY_S
from edge.errors import StoreError
from edge.event import EventKind
from edge.store import Sighting, Store, open_store
from tests.store_help import TODAY, SetClock, enrolled

NOW = TODAY * DAY_S


@pytest.fixture
def clock() -> SetClock:
    return SetClock()


@pytest.fixture
def store(tmp_path: Path, clock: SetClock) -> Iterator[Store]:
    with open_store(tmp_path, clock) as opened:
        yield opened


def seen(
    store: Store, start: float, end: float, person_row: int | None = None, crop: bytes | None = None
) -> Sighting:
    """A sighting that is over."""
    with store.noting():
        row = store.begin_sighting("door", start).row
        store.update_sighting(row, ended=end, frames=5, similarity=80.0, person_row=person_row)
        if crop is not None:
            store.keep_sighting_crop(row, crop)
        store.close_sighting(row, end, 9)
    return next(one for one in store.sightings(limit=10_000) if one.row == row)


def test_a_sighting_from_its_beginning_to_its_end(store: Store) -> None:
    ida = enrolled(store, "Ida", 1)
    begun = store.begin_sighting("door", NOW)
    assert begun == Sighting(begun.row, begun.id, "door", None, NOW, NOW, True, None, 0, None)
    assert store.sighting(begun.id) == begun
    assert store.open_sightings() == store.open_sightings("door") == [begun]
    assert store.open_sightings("garden") == []

    assert store.update_sighting(begun.row, ended=NOW + 1, frames=3, similarity=71.5, person_row=ida.row)
    assert store.update_sighting(begun.row, ended=NOW + 2, frames=5)
    store.keep_sighting_crop(begun.row, b"a first picture")
    store.keep_sighting_crop(begun.row, b"the best picture")
    known = store.sighting(begun.id)
    assert known == Sighting(begun.row, begun.id, "door", ida.row, NOW, NOW + 2, True, 71.5, 5, 16)

    store.close_sighting(begun.row, NOW + 3, 9)
    closed = Sighting(begun.row, begun.id, "door", ida.row, NOW, NOW + 3, False, 71.5, 9, 16)
    assert store.sightings() == [closed]
    assert store.open_sightings() == []
    assert store.sighting_crop(begun.id) == b"the best picture"
    assert (store.sighting("no such id"), store.sighting_crop("no such id")) == (None, None)


def test_a_dropped_sighting_is_gone_with_its_crop_and_stays_gone(store: Store, tmp_path: Path) -> None:
    row = store.begin_sighting("door", NOW).row
    store.keep_sighting_crop(row, b"picture")
    store.drop_sighting(row)
    assert not store.update_sighting(row, ended=NOW, frames=1)
    store.keep_sighting_crop(row, b"picture")
    store.close_sighting(row, NOW, 1)
    assert store.sightings() == store.open_sightings() == []
    assert store._sightings.rows("SELECT count(*) FROM sighting_crop") == [(0,)]
    assert store.begin_sighting("door", NOW).row > row


def test_all_of_a_note_stays_or_nothing_of_it(store: Store) -> None:
    kept = store.begin_sighting("door", NOW)
    with pytest.raises(ZeroDivisionError), store.noting():
        store.begin_sighting("door", NOW + 1)
        store.close_sighting(kept.row, NOW + 1, 1)
        store.keep_sighting_crop(kept.row, b"picture")
        store.add_event(EventKind.PERSON_LEFT, NOW + 1, "door", kept.id, None, {"seconds": 1.0})
        raise ZeroDivisionError
    assert store.sightings() == [kept]
    assert (store.events(0, 10), store.newest_event()) == ([], 0)


def test_the_two_transactions_do_not_nest(store: Store) -> None:
    with pytest.raises(StoreError, match="not inside"), store.noting(), store.writing():
        pass
    with pytest.raises(StoreError, match="not inside"), store.writing(), store.noting():
        pass
    with pytest.raises(StoreError, match="does not nest"), store.noting(), store.noting():
        pass


def test_sightings_come_newest_first_in_pages(store: Store) -> None:
    made = [seen(store, NOW + second // 2, NOW + second) for second in range(10)]  # two at each moment
    expected = made[::-1]
    assert store.sightings() == expected
    paged: list[Sighting] = []
    while page := store.sightings(before_row=paged[-1].row if paged else None, limit=3):
        paged += page
    assert paged == expected
    assert store.sightings(limit=0) == []


def test_a_page_goes_on_where_its_last_sighting_has_gone(store: Store) -> None:
    made = [seen(store, NOW + second, NOW + second) for second in range(6)]
    store.drop_sighting(made[3].row)
    assert store.sightings(before_row=made[3].row) == made[2::-1]
    for one in made[:3]:
        store.drop_sighting(one.row)
    assert store.sightings(before_row=made[3].row) == []


def test_filters_by_person_and_by_time(store: Store) -> None:
    ida, ada = enrolled(store, "Ida", 1), enrolled(store, "Ada", 2)
    stayed = seen(store, NOW - 30_000, NOW + 15, ada.row)  # for hours
    before = seen(store, NOW - 20, NOW - 10, ida.row)
    across = seen(store, NOW - 5, NOW + 5, ida.row)
    inside = seen(store, NOW + 1, NOW + 2)
    after = seen(store, NOW + 10, NOW + 20, ida.row)
    everything = [after, inside, across, before, stayed]
    assert store.sightings() == everything
    assert store.sightings(since=NOW, until=NOW + 10) == [inside, across, stayed]
    assert [store.sightings(since=NOW, limit=1, before_row=row) for row in (after.row, across.row)] == [
        [inside],
        [stayed],
    ]
    assert store.sightings(since=NOW + 5) == [after, across, stayed]
    assert store.sightings(until=NOW - 5) == [before, stayed]
    assert store.sightings(person_row=ida.row) == [after, across, before]
    assert store.sightings(person_row=ida.row, since=NOW, until=NOW + 10) == [across]
    assert store.sightings(person_row=ada.row, since=NOW) == [stayed]
    assert store.sightings(person_row=ada.row + 1) == []


@pytest.mark.parametrize("where", [{}, {"since": NOW}, {"until": NOW}, {"since": NOW, "until": NOW + 9}])
@pytest.mark.parametrize("person", [False, True])
@pytest.mark.parametrize("paged", [False, True])
def test_a_page_is_found_without_sorting_or_reading_all(
    store: Store, where: dict[str, Any], person: bool, paged: bool
) -> None:
    """So that it takes a million sightings no longer than a thousand."""
    ida = enrolled(store, "Ida", 1)
    rows = [seen(store, NOW - 9000 * number, NOW, ida.row).row for number in range(3)]
    asked: list[str] = []
    connection = store._sightings.database.conn
    connection.set_trace_callback(asked.append)
    store.sightings(**where, person_row=ida.row if person else None, before_row=rows[1] if paged else None)
    store.open_sightings("door")
    connection.set_trace_callback(None)
    explained = [connection.execute(f"EXPLAIN QUERY PLAN {sql}").fetchall() for sql in asked]
    plans = [step[3].replace("COVERING ", "") for steps in explained for step in steps]
    read_all = {step for step in plans if step.startswith("SCAN") and "VIRTUAL TABLE" not in step}
    assert read_all <= {"SCAN s USING INDEX sighting_started", "SCAN sighting USING INDEX sighting_open"}
    assert not [step for step in plans if "TEMP B-TREE" in step]
    wanted = "sighting_person" if person else "sighting_started"
    assert any(wanted in step for step in plans)
    assert any("sighting_open" in step for step in plans)
