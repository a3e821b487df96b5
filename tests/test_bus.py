"""The bus, and the free space."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from edge.bus import Bus
from edge.disk import free_mib
from edge.event import Event, EventKind

EVENT = Event(1, "e1", EventKind.FACE_APPEARED, 1.0, "camera", None, None, {})


def test_everybody_is_told_until_they_leave() -> None:
    bus, told = Bus(), list[str]()
    leave = bus.subscribe(lambda event: told.append(f"a {event.id}"))
    bus.subscribe(lambda event: told.append(f"b {event.id}"))
    bus.publish(EVENT)
    leave()
    leave()  # twice is no harm
    bus.publish(EVENT)
    assert told == ["a e1", "b e1", "b e1"]


def test_the_same_callback_may_subscribe_twice() -> None:
    bus, told = Bus(), list[Event]()
    leave = bus.subscribe(told.append)
    bus.subscribe(told.append)
    leave()
    bus.publish(EVENT)
    assert told == [EVENT]


def test_one_that_fails_harms_no_other(caplog: pytest.LogCaptureFixture) -> None:
    bus, told = Bus(), list[Event]()

    def fail(_: Event) -> None:
        raise RuntimeError("broken")

    bus.subscribe(fail)
    bus.subscribe(told.append)
    bus.publish(EVENT)
    assert told == [EVENT]
    assert "broken" in caplog.text


def test_a_subscriber_may_leave_while_it_is_called() -> None:
    bus, told = Bus(), list[Event]()

    def once(event: Event) -> None:
        told.append(event)
        leave()

    leave = bus.subscribe(once)
    bus.publish(EVENT)
    bus.publish(EVENT)
    assert told == [EVENT]


def test_many_threads() -> None:
    bus, told = Bus(), list[Event]()
    bus.subscribe(told.append)

    def work() -> None:
        for _ in range(200):
            bus.subscribe(lambda _: None)()
            bus.publish(EVENT)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(told) == 800


def test_free_space(tmp_path: Path) -> None:
    assert free_mib(tmp_path) > 0
    with pytest.raises(OSError, match="absent"):
        free_mib(tmp_path / "absent")
