"""The outbox runner: in order, at least once, patient, quiet in the log, quick to end."""

from __future__ import annotations

import itertools
import logging
import threading
import time
import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from edge.errors import OutletError, StoreError
from edge.event import Event, EventKind
from edge.outlets.base import EventRefused
from edge.outlets.delivery import LONGEST_WAIT_S, MOST_REFUSALS
from edge.outlets.device import device_name
from edge.outlets.journal import JournalOutlet
from edge.store import Store, open_store
from tests.outbox import CAMERA, FastClock, Receiver, add_events, delivering, until

HOUR_S = 3600.0


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """An empty one."""
    with open_store(tmp_path) as store:
        yield store


def test_in_order_and_the_cursor_follows(store: Store, tmp_path: Path) -> None:
    receiver = Receiver()
    delivery = delivering(receiver, store, tmp_path)
    delivery.start()
    sent = add_events(store, 250)
    delivery.wake()
    assert until(lambda: len(receiver.ids) == 250)
    assert receiver.ids == sent
    assert until(lambda: delivery.cursor() == store.newest_event())
    delivery.stop()
    assert receiver.closed.is_set()


def test_a_new_outlet_hears_what_happens_from_its_start_on(store: Store, tmp_path: Path) -> None:
    add_events(store, 3)
    receiver = Receiver()
    receiver.error = lambda _: OutletError("away")
    delivery = delivering(receiver, store, tmp_path)
    delivery.start()
    sent = add_events(store, 2)
    delivery.wake()
    assert until(lambda: receiver.tries)
    delivery.stop()
    again = Receiver()
    delivery = delivering(again, store, tmp_path)
    delivery.start()
    assert until(lambda: len(again.ids) == 2)
    assert again.ids == sent
    delivery.stop()


def test_woken_at_once_and_otherwise_within_seconds(store: Store, tmp_path: Path) -> None:
    """Another process writes events too, and wakes nobody here."""
    receiver = Receiver()
    delivery = delivering(receiver, store, tmp_path)
    delivery.start()
    time.sleep(0.3)
    add_events(store, 1)
    began = time.monotonic()
    delivery.wake()
    assert until(lambda: receiver.ids)
    assert time.monotonic() - began < 1.0
    add_events(store, 1)
    assert until(lambda: len(receiver.ids) == 2, 8.0)
    delivery.stop()


def test_an_outage_of_an_hour_is_two_lines_and_loses_nothing(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("edge.outlets.delivery._SLICE_S", 0.02)
    caplog.set_level(logging.INFO, "edge.outlets")
    clock = FastClock(1200.0)
    receiver = Receiver(clock)
    end = clock.steady() + HOUR_S
    receiver.error = lambda _: OutletError("nobody listens") if clock.steady() < end else None
    delivery = delivering(receiver, store, tmp_path, clock)
    delivery.start()
    sent = add_events(store, 40)
    delivery.wake()
    assert until(lambda: len(receiver.ids) == 40, 30.0)
    assert until(lambda: delivery.cursor() == store.newest_event())
    delivery.stop()
    assert receiver.ids == sent
    lines = [record.getMessage() for record in caplog.records]
    assert len(lines) == 2, lines
    assert "nobody listens" in lines[0]
    assert "works again" in lines[1]
    assert "40 events" in lines[1]
    refused = len(receiver.tries) - 40
    # 1+2+4+...+256 s make 9 tries, then one each 5 minutes: with the jitter up to 24; more without back-off
    assert 6 <= refused <= 26


def test_the_wait_between_tries_doubles_up_to_five_minutes(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge.outlets.delivery._SLICE_S", 0.0)
    clock = SteppedClock()
    receiver = Receiver(clock)
    receiver.error = lambda _: OutletError("away")
    delivery = delivering(receiver, store, tmp_path, clock)
    delivery.start()
    add_events(store, 1)
    delivery.wake()
    assert until(lambda: len(receiver.tries) >= 15)
    delivery.stop()
    gaps = [later - earlier for earlier, later in itertools.pairwise(receiver.tries)]
    for number, gap in enumerate(gaps):
        most = min(2.0**number, LONGEST_WAIT_S)
        assert 0.75 * most <= gap <= most + 10 * SteppedClock.STEP_S


def test_a_refused_event_is_given_up_and_the_next_goes_on(
    store: Store, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    clock = FastClock(100.0)
    receiver = Receiver(clock)
    first = store.newest_event() + 1
    receiver.error = lambda event: EventRefused("answers 422") if event.row == first else None
    delivery = delivering(receiver, store, tmp_path, clock)
    delivery.start()
    bad, *good = add_events(store, 4)
    delivery.wake()
    assert until(lambda: len(receiver.ids) == 3, 20.0)
    delivery.stop()
    assert receiver.ids == good
    assert len(receiver.tries) == MOST_REFUSALS + 3
    lines = [record.getMessage() for record in caplog.records]
    assert len(lines) == 1
    assert bad in lines[0]
    assert "422" in lines[0]


def test_errors_of_the_store_and_bugs_do_not_end_it(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    clock = FastClock(50.0)
    receiver = Receiver(clock)
    delivery = delivering(receiver, store, tmp_path, clock)
    events = store.events
    failures = iter([StoreError("the disk reports an I/O error")] * 2 + [RuntimeError("a bug")] * 2)

    def fails(after_row: int, limit: int) -> list[Event]:
        for failure in failures:
            raise failure
        return events(after_row, limit)

    monkeypatch.setattr(store, "events", fails)  # before the start: not one round gets past it
    delivery.start()
    sent = add_events(store, 2)
    delivery.wake()
    assert until(lambda: receiver.ids == sent, 20.0)
    delivery.stop()
    lines = [record.getMessage() for record in caplog.records]
    assert sum("I/O error" in line for line in lines) == 1
    assert sum("unforeseen RuntimeError" in line for line in lines) == 1


def test_ends_quickly_while_the_receiver_hangs(store: Store, tmp_path: Path) -> None:
    class Hanging(Receiver):
        def deliver(self, event: Event, fields: Mapping[str, Any]) -> None:
            self.tries.append(0.0)
            self.closed.wait(60.0)
            raise OutletError("closed")

    receiver = Hanging()
    delivery = delivering(receiver, store, tmp_path)
    delivery.start()
    add_events(store, 1)
    delivery.wake()
    assert until(lambda: receiver.tries)
    began = time.monotonic()
    delivery.stop()
    assert time.monotonic() - began < 3.0
    assert not [thread for thread in threading.enumerate() if thread.name == "outlet-receiver"]


def test_ends_quickly_while_it_backs_off(store: Store, tmp_path: Path) -> None:
    receiver = Receiver()
    receiver.error = lambda _: OutletError("away")
    delivery = delivering(receiver, store, tmp_path)
    delivery.start()
    add_events(store, 1)
    delivery.wake()
    assert until(lambda: len(receiver.tries) > 1)
    began = time.monotonic()
    delivery.stop()
    assert time.monotonic() - began < 1.0


def test_one_process_delivers_and_the_next_takes_over(store: Store, tmp_path: Path) -> None:
    """flock tells two opened files apart, also in one process."""
    first, second = Receiver(), Receiver()
    one, two = delivering(first, store, tmp_path), delivering(second, store, tmp_path)
    one.start()
    add_events(store, 1)
    one.wake()
    assert until(lambda: len(first.ids) == 1)
    two.start()
    add_events(store, 5)
    one.wake()
    two.wake()
    assert until(lambda: len(first.ids) == 6)
    assert not second.ids
    one.stop()
    sent = add_events(store, 1)
    two.wake()
    assert until(lambda: second.ids == sent)
    two.stop()


@pytest.mark.parametrize("names", [False, True])
def test_the_journal_holds_names_only_where_allowed(names: bool, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "edge.outlets.journal")
    sighting, person = str(uuid.uuid4()), str(uuid.uuid4())
    event = Event(
        1, str(uuid.uuid4()), EventKind.PERSON_IDENTIFIED, 1.8e9, CAMERA, sighting, 1, {"similarity": 71.5}
    )
    fields = {"personId": person, "metadata": {"name": "Ada\nLovelace"}, "sightingId": sighting}
    JournalOutlet(names=names).deliver(event, {**fields, **event.details})
    (line,) = [record.getMessage() for record in caplog.records]
    assert line.startswith("person.identified event=")
    for part in (event.id, f"person={person}", f"sighting={sighting}", "similarity=71.5"):
        assert part in line
    assert ("Ada" in line) == names
    assert "\n" not in line


def test_the_device_id_is_made_once(tmp_path: Path) -> None:
    first = device_name(tmp_path)
    assert device_name(tmp_path) == first
    assert uuid.UUID(first.id).version == 4
    assert first.short == uuid.UUID(first.id).hex[:12]
    assert [path.name for path in tmp_path.iterdir()] == ["device-id"]


def test_a_damaged_device_id_is_refused_in_words(tmp_path: Path) -> None:
    (tmp_path / "device-id").write_text("")
    with pytest.raises(StoreError, match="does not hold a uuid"):
        device_name(tmp_path)


class SteppedClock:
    """Goes on by a step each time it is asked, so that waits pass at once and can be counted."""

    STEP_S = 0.05

    def __init__(self) -> None:
        self._time = 0.0

    def now(self) -> float:
        return time.time()

    def steady(self) -> float:
        self._time += self.STEP_S
        return self._time
