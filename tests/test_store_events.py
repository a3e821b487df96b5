from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from edge.access import DAY_S
from edge.event import Event, EventKind
from edge.store import Store, open_store
from tests.store_help import TODAY, SetClock, enrolled

NOW = TODAY * DAY_S


@pytest.fixture
def clock() -> SetClock:
    return SetClock()


@pytest.fixture
def store(tmp_path: Path, clock: SetClock) -> Iterator[Store]:
    with open_store(tmp_path, clock) as opened:
        yield opened


def told(store: Store, time: float = NOW, person_row: int | None = None) -> Event:
    return store.add_event(
        EventKind.PERSON_IDENTIFIED, time, "door", "a uuid", person_row, {"similarity": 81.5}
    )


def test_events_come_back_as_they_were_written(store: Store) -> None:
    ida = enrolled(store, "Ida", 1)
    first = store.add_event(EventKind.CAMERA_STALLED, NOW, "door", None, None, {"reason": "no frame"})
    second = told(store, NOW + 1, ida.row)
    assert first == Event(
        first.row, first.id, EventKind.CAMERA_STALLED, NOW, "door", None, None, {"reason": "no frame"}
    )
    assert second.person_row == ida.row
    assert store.events(0, 10) == [first, second]
    assert store.events(0, 1) == [first]
    assert store.events(first.row, 10) == [second]
    assert store.events(second.row, 10) == []
    assert store.newest_event() == second.row
    assert (store.event_row(second.id), store.event_row("no such id")) == (second.row, None)


def test_a_new_outlet_begins_with_what_comes_from_now_on(store: Store) -> None:
    told(store)
    assert store.cursor("mqtt") == 1
    told(store)
    assert (store.cursor("mqtt"), store.cursor("webhook")) == (1, 2)
    store.advance("mqtt", 2)
    store.advance("mqtt", 1)  # only forward
    assert store.cursor("mqtt") == 2


def test_an_outlet_that_is_forgotten_begins_anew(store: Store) -> None:
    assert (store.cursor("mqtt"), store.cursor("webhook")) == (0, 0)
    told(store)
    store.forget_outlets({"webhook"})
    assert (store.cursor("mqtt"), store.cursor("webhook")) == (1, 0)
