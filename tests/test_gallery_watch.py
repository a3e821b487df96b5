"""What the server says of its gallery."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest

from edge.budget import MemoryBudget
from edge.clock import SystemClock
from edge.errors import SettingsError, StoreError
from edge.gallery import unit
from edge.recognize import Known
from edge.server.chores import FIRST_FORGET_S, Chores
from edge.server.gallery_watch import PAUSE_S, GalleryWatch
from edge.server.health import Figures, _switch_gauges
from edge.server.services import Services
from edge.settings import Settings
from edge.store import Store, open_store
from tests.serving import Recognizing
from tests.store_help import enrolled, reference, vector


@dataclass
class SlowClock:
    """A clock that is put forward by hand."""

    time: float = 0.0

    def now(self) -> float:
        return self.time

    def steady(self) -> float:
        return self.time


@dataclass
class Watched:
    """A store, its gallery, and who watches it."""

    store: Store
    clock: SlowClock = field(default_factory=SlowClock)
    recognizing: Recognizing = field(default_factory=Recognizing)

    def __post_init__(self) -> None:
        memory = MemoryBudget(2 << 20, 1 << 20, SystemClock())
        double = self.recognizing
        services = Services(Settings(), self.store, double, double, memory, self.clock, None)
        self.watch = GalleryWatch(services)

    def enrol(self, *seeds: int) -> None:
        person = enrolled(self.store, None, *seeds)
        gallery = self.recognizing.gallery
        gallery.update(person.row, np.stack([unit(vector(seed)) for seed in seeds]))
        self.recognizing.people = len(gallery)

    @property
    def people(self) -> float | None:
        return self.watch.gauges().get("gallery_people")


@pytest.fixture
def watched(tmp_path: Path) -> Iterator[Watched]:
    with open_store(tmp_path) as store:
        yield Watched(store)


def test_a_gallery_is_tight_when_its_people_look_alike(watched: Watched) -> None:
    """Once somebody has looked: a picture of the first person is the second one's, too."""
    watched.enrol(1, 2)
    watched.enrol(1)
    assert (watched.watch.state(2), watched.watch.gauges()) == ("ok", {})
    watched.watch.look()
    assert watched.watch.state(2) == "tight"
    gauges = watched.watch.gauges()
    assert gauges["gallery_references"] == 3
    assert gauges["gallery_disagreeing"] == 1
    assert gauges["gallery_stranger_hits"] == 1
    assert gauges["gallery_head_room"] < 0
    assert gauges["gallery_closest_similarity"] == 100
    assert "\napi_face_gallery_stranger_hits 1\n" in Figures(watched.watch).text(gauges)


def test_people_who_look_different_leave_it_ok(watched: Watched) -> None:
    watched.enrol(5)
    watched.enrol(6)
    watched.watch.look()
    assert watched.watch.state(2) == "ok"
    assert watched.watch.gauges()["gallery_head_room"] > 0


def test_too_many_people_are_tight_at_once(watched: Watched) -> None:
    assert (watched.watch.state(89_999), watched.watch.state(90_000)) == ("ok", "tight")


def test_it_is_looked_at_after_a_change_and_a_pause(watched: Watched) -> None:
    watched.enrol(11)
    watched.watch.look()
    watched.enrol(12)
    watched.watch.look()
    assert watched.people == 1
    watched.clock.time += PAUSE_S
    watched.watch.look()
    assert watched.people == 2
    watched.clock.time += PAUSE_S
    watched.recognizing.failure = AssertionError("nothing has changed: nothing is to be read")
    watched.watch.look()


def test_a_long_look_is_followed_by_a_long_pause(watched: Watched, monkeypatch: pytest.MonkeyPatch) -> None:
    known = watched.recognizing.known

    def slowly() -> Known:
        watched.clock.time += 100
        return known()

    monkeypatch.setattr(watched.recognizing, "known", slowly)
    watched.enrol(21)
    watched.watch.look()
    watched.enrol(22)
    watched.clock.time += 1900
    watched.watch.look()
    assert watched.people == 1
    watched.clock.time += 100
    watched.watch.look()
    assert watched.people == 2


def test_a_stop_breaks_it_off(watched: Watched) -> None:
    watched.enrol(31)
    watched.watch.stopping = True
    watched.watch.look()
    assert watched.people is None


# -- beside it ------------------------------------------------------------------------------------


def test_the_gauges_of_a_switch_stand_at_0_once_this_process_has_left_off(tmp_path: Path) -> None:
    """Another process has switched elsewhere: what waits for the embedder of the settings waits for ever."""
    memory, double = MemoryBudget(2 << 20, 1 << 20, SystemClock()), Recognizing()
    under_way = True
    with open_store(tmp_path) as store:
        for seed in (1, 2):
            with store.writing():
                store.add_reference(store.create_person(None), reference(seed, "another", crop=b"crop"))
        services = Services(Settings(), store, double, double, memory, SlowClock(), None, lambda: under_way)
        assert _switch_gauges(services) == {"switch_pending_references": 2, "switch_lost_people": 0}
        under_way = False
        assert _switch_gauges(services) == {"switch_pending_references": 0, "switch_lost_people": 0}


@dataclass
class Failing:
    """Stands for all that has chores; counts what it is asked for."""

    failure: Exception
    done: list[str] = field(default_factory=list)

    def refresh(self) -> None:
        self._fail("certificates")

    def forget_unseen(self) -> int:
        self._fail("forget")
        return 0

    def look(self) -> None:
        self._fail("look")

    def _fail(self, what: str) -> None:
        self.done.append(what)
        raise self.failure


@pytest.mark.parametrize("failure", [StoreError("the disk is full"), ZeroDivisionError()])
def test_a_chore_that_fails_starves_no_other(failure: Exception, caplog: pytest.LogCaptureFixture) -> None:
    failing, clock = Failing(failure), SlowClock()
    double = cast(Any, failing)
    chores = Chores(double, double, double, clock, double)
    clock.time = FIRST_FORGET_S
    chores.tick()
    assert failing.done == ["certificates", "forget", "look", "look"]
    alike = isinstance(failure, StoreError)  # both that look are one double, and say the same
    assert len(caplog.records) == (3 if alike else 4)


def test_a_chore_that_goes_on_failing_is_told_once_an_hour(caplog: pytest.LogCaptureFixture) -> None:
    failing, clock = Failing(SettingsError("the key does not belong to the certificate")), SlowClock()
    double = cast(Any, failing)
    chores = Chores(double, double, double, clock, double)
    for minute in range(121):
        clock.time = 60.0 * minute
        chores.tick()
    assert caplog.messages.count("the key does not belong to the certificate") == 2 * 3 + 1
