"""Visits written down: sightings, events, crops and strangers, and what happens when the disk does not take
them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from edge.bus import Bus
from edge.calibration import calibration_of
from edge.engine import EMBEDDER
from edge.errors import StoreError
from edge.event import Event, EventKind
from edge.evidence import Belief, Evidence, Opinion, View
from edge.face import Box, Embedding, Face, Look
from edge.gallery import Gallery, unit
from edge.match import Verdict, decide
from edge.settings import Settings
from edge.sightings import Sightings
from edge.store import Person, Reference, Store, open_store
from edge.track import Track
from edge.upkeep import camera_turn, close_stale, tidy
from edge.visit import Shot, Visit

NOW = 1_790_000_000.0
"""Seconds since 1970 GMT, at steady second 1000."""


class Now:
    """Both times go on together."""

    def __init__(self) -> None:
        self.time = 1000.0

    def now(self) -> float:
        return NOW + self.time - 1000.0

    def steady(self) -> float:
        return self.time


class Knowing:
    """Stands for the recognizer: the gallery of what the store has."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def verdict(self, embedding: Embedding) -> Verdict:
        gallery = Gallery(192)
        for person in self._store.people():
            known = self._store.references(person.row, model=embedding.model)
            gallery.update(person.row, np.stack([one.vector for one in known]))
        calibration = calibration_of(EMBEDDER)
        return decide(calibration, gallery.nearest(embedding.vector), len(gallery), 0.001)


class Scene:
    """Sightings over a real store, and the events that were published."""

    def __init__(self, state: Path, **settings: object) -> None:
        self.clock = Now()
        self.store = open_store(state, self.clock)
        self.bus = Bus()
        self.events: list[Event] = []
        self.bus.subscribe(self.events.append)
        self.sightings = Sightings(
            Knowing(self.store),  # type: ignore[arg-type]
            self.store,
            replace(Settings(disk_floor_mib=0), **settings),  # type: ignore[arg-type]
            clock=self.clock,
            bus=self.bus,
            state=state,
        )

    @property
    def kinds(self) -> list[str]:
        return [str(event.kind) for event in self.events]

    def later(self, seconds: float, visit: Visit) -> None:
        self.clock.time += seconds
        visit.track.last = self.clock.time
        visit.frames += 1


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    found = Scene(tmp_path)
    yield found
    found.store.close()


def vector(seed: int) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    return unit(np.random.default_rng(seed).standard_normal(192).astype(np.float32))


def shot(seed: int, weight: float = 0.5, *, good: bool = True) -> Shot:
    look = Look(90.0, 0.4, 3.0, 0.98)
    crop = b"\xff\xd8 picture " + bytes([seed])
    points = np.zeros((4, 2), np.float32)
    return Shot(weight, good, Reference(None, vector(seed), EMBEDDER, 0.8, 0.0, crop, points, look))


def visit(*seeds: int) -> Visit:
    box = Box(100.0, 100.0, 90.0, 90.0)
    found = Visit(Track(Face(box, 0.9, None), 1000.0, 1000.5, box, 1000.0, 1, hits=5), 1000.0, frames=5)
    for seed in seeds:
        found.shoot(shot(seed))
        found.evidence = found.evidence or Evidence(EMBEDDER)
        found.evidence.views.append(View(vector(seed), 0.5, True, 1000.0))
    return found


def known(found: Visit, person: Person, similarity: float = 91.26) -> Visit:
    found.belief, found.person_row = Belief(Opinion.KNOWN, person.row, similarity), person.row
    return found


def stranger(found: Visit) -> Visit:
    found.belief = Belief(Opinion.STRANGER, None, 20.0)
    return found


def enrolled(store: Store, name: str | None, seed: int) -> Person:
    with store.writing():
        person = store.create_person(name)
        store.add_reference(person, shot(seed).reference)
    return person


def test_somebody_comes_is_known_and_goes(scene: Scene) -> None:
    """Three events of one sighting, and the sighting with its times."""
    joe = enrolled(scene.store, "Joe", 1)
    there = visit(1)
    scene.sightings.keep(there)
    (sighting,) = scene.store.sightings()
    assert (sighting.person_row, sighting.open, sighting.started) == (None, True, NOW)
    scene.later(1, there)
    scene.sightings.keep(known(there, joe))
    scene.later(4, there)
    scene.sightings.leave(there)
    assert scene.kinds == ["face.appeared", "person.identified", "person.left"]
    assert {event.sighting for event in scene.events} == {sighting.id}
    assert [event.person_row for event in scene.events] == [None, joe.row, joe.row]
    assert scene.events[1].details == {"similarity": 91.3}
    assert scene.events[2].details == {"seconds": 5.0, "frames": 7}
    (sighting,) = scene.store.sightings()
    assert (sighting.person_row, sighting.open, sighting.ended, sighting.frames) == (
        joe.row,
        False,
        NOW + 5,
        7,
    )
    assert sighting.similarity == 91.26
    assert scene.store.sighting_crop(sighting.id) == shot(1).reference.crop


def test_nothing_new_is_not_written(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """Frame after frame; now and then it is written that they are still there."""
    there = known(visit(1), enrolled(scene.store, "Joe", 1))
    scene.sightings.keep(there)
    written: list[int] = []
    update = Store.update_sighting

    def counted(*args: object, **more: object) -> None:
        written.append(1)
        update(*args, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(Store, "update_sighting", counted)
    for _ in range(900):
        scene.later(0.1, there)
        scene.sightings.keep(there)
    assert len(written) in {2, 3}
    assert scene.store.sightings()[0].ended == pytest.approx(NOW + 90, abs=31)
    assert len(scene.events) == 2


def test_somebody_without_a_name(scene: Scene) -> None:
    """Known by face alone: that is another event than for a name."""
    nameless = enrolled(scene.store, None, 1)
    scene.sightings.keep(known(visit(1), nameless))
    assert scene.kinds == ["face.appeared", "person.unknown"]
    assert scene.events[1].person_row == nameless.row


def test_a_stranger_becomes_a_person(scene: Scene) -> None:
    """With up to three good views as references, an id, and no name."""
    there = stranger(visit(1, 2, 3, 4))
    scene.sightings.keep(there)
    (person,) = scene.store.people()
    assert (person.name, person.enrolled_by, person.row) == (None, "camera", there.person_row)
    assert len(scene.store.references(person.row, model=EMBEDDER)) == 3
    assert all(one.added == NOW for one in scene.store.references(person.row, model=EMBEDDER))
    assert scene.kinds == ["face.appeared", "person.unknown"]
    assert scene.events[1].person_row == person.row


def test_a_stranger_whom_another_has_met_meanwhile(scene: Scene) -> None:
    """Asked again in the transaction: no second person."""
    person = enrolled(scene.store, None, 1)
    there = stranger(visit(1))
    scene.sightings.keep(there)
    assert scene.store.people() == [scene.store.person(person.id)]
    assert there.person_row == person.row


@pytest.mark.parametrize("settings", [{"camera_strangers": False}, {"disk_floor_mib": 1 << 40}])
def test_strangers_are_not_remembered(tmp_path: Path, settings: dict[str, object]) -> None:
    """When the settings forbid it, or the disk is nearly full; it is told that a stranger was there."""
    scene = Scene(tmp_path, **settings)
    scene.sightings.keep(stranger(visit(1, 2, 3)))
    assert scene.store.people() == []
    assert scene.kinds == ["face.appeared", "person.unknown"]
    assert scene.events[1].person_row is None
    scene.store.close()


def test_no_crops(tmp_path: Path) -> None:
    """Neither of sightings nor of references."""
    scene = Scene(tmp_path, camera_crops=False, keep_crops=False)
    scene.sightings.keep(stranger(visit(1, 2, 3)))
    (sighting,) = scene.store.sightings()
    assert sighting.crop_bytes is None
    (person,) = scene.store.people()
    assert all(one.crop_bytes is None for one in scene.store.remembered(person.row))
    scene.store.close()


def test_below_the_floor_there_are_no_crops(tmp_path: Path) -> None:
    """The sighting itself is kept: it takes no room to speak of."""
    scene = Scene(tmp_path, disk_floor_mib=1 << 40)
    scene.sightings.keep(visit(1))
    (sighting,) = scene.store.sightings()
    assert sighting.crop_bytes is None
    scene.store.close()


def test_the_best_picture_is_kept(scene: Scene) -> None:
    """Written again for a clearly better one, not for one that is hardly so."""
    there = visit(1)
    scene.sightings.keep(there)
    there.shoot(shot(2, 0.51))
    scene.later(40, there)
    scene.sightings.keep(there)
    (sighting,) = scene.store.sightings()
    assert scene.store.sighting_crop(sighting.id) == shot(1).reference.crop
    there.shoot(shot(3, 0.9))
    scene.later(40, there)
    scene.sightings.keep(there)
    assert scene.store.sighting_crop(sighting.id) == shot(3).reference.crop


def test_a_full_disk(scene: Scene, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    """Nothing counts as told; when there is room again it is made good, each event once."""
    joe = enrolled(scene.store, "Joe", 1)
    there = visit(1)

    def full(*_: object, **__: object) -> None:
        raise StoreError("the disk is full")

    with monkeypatch.context() as broken:
        broken.setattr(Store, "update_sighting", full)
        for _ in range(20):
            scene.later(1, there)
            scene.sightings.keep(known(there, joe))
    assert scene.events == []
    assert scene.store.sightings() == []
    assert scene.store.events(0, 10) == []
    assert [record.message for record in caplog.records] == [
        "a sighting could not be written: the disk is full"
    ]
    scene.later(10, there)
    scene.sightings.keep(there)
    assert scene.kinds == ["face.appeared", "person.identified"]
    scene.sightings.leave(there)
    assert len(scene.store.events(0, 10)) == 3


def test_erased_while_in_view(scene: Scene) -> None:
    """Their sighting goes with them; the loop goes on, and nothing of them comes back."""
    joe = enrolled(scene.store, "Joe", 1)
    there = known(visit(1), joe)
    scene.sightings.keep(there)
    with scene.store.writing():
        scene.store.erase(joe)
    scene.later(40, there)
    scene.sightings.keep(there)
    scene.sightings.leave(there)
    assert scene.store.sightings() == []
    assert [event for event in scene.store.events(0, 10) if event.person_row is not None] == []


def test_what_a_crash_left_open(scene: Scene, tmp_path: Path) -> None:
    """It ended when it was last seen, and consumers are told."""
    there = known(visit(1), enrolled(scene.store, "Joe", 1))
    scene.sightings.keep(there)
    scene.clock.time += 3600
    scene.events.clear()
    close_stale(scene.store, scene.bus, tmp_path)
    (sighting,) = scene.store.sightings()
    assert (sighting.open, sighting.ended) == (False, NOW + 0.5)
    assert scene.kinds == ["person.left"]
    assert scene.events[0].time == NOW + 0.5
    close_stale(scene.store, scene.bus, tmp_path)
    assert len(scene.events) == 1


def test_what_another_process_goes_on_with_is_not_ended(scene: Scene, tmp_path: Path) -> None:
    """`watch` beside the service, under the same name."""
    scene.sightings.keep(visit(1))
    held = camera_turn(tmp_path, "camera")
    assert held.taken()
    close_stale(scene.store, scene.bus, tmp_path)
    assert scene.kinds == ["face.appeared"]
    held.give_back()
    close_stale(scene.store, scene.bus, tmp_path)
    assert scene.kinds == ["face.appeared", "person.left"]


def test_what_was_waited_for_ended_without_a_word(scene: Scene) -> None:
    """The other process of that name was killed: its sightings end when its place is taken."""
    scene.sightings.keep(visit(1))
    scene.sightings.close_former()
    assert scene.kinds == ["face.appeared", "person.left"]
    assert scene.store.open_sightings() == []


def test_a_camera_that_got_another_name(tmp_path: Path) -> None:
    """Whoever was in view of the old one has left."""
    scene = Scene(tmp_path, camera_name="hall/1")
    scene.sightings.keep(visit(1))
    close_stale(scene.store, scene.bus, tmp_path)
    assert scene.store.open_sightings() == []
    scene.store.close()


def test_a_leave_that_fails_is_made_good(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also what happened to the camera meanwhile; each once, in order."""
    there = visit(1)
    scene.sightings.keep(there)

    def full(*_: object, **__: object) -> None:
        raise StoreError("the disk is full")

    with monkeypatch.context() as broken:
        broken.setattr(Store, "add_event", full)
        scene.sightings.leave(there)
        scene.sightings.camera(EventKind.CAMERA_STALLED, {"reason": "why"})
        scene.sightings.catch_up()
    assert scene.kinds == ["face.appeared"]
    scene.clock.time += 10
    for _ in range(3):
        scene.sightings.catch_up()
    assert scene.kinds == ["face.appeared", "person.left", "camera.stalled"]
    assert scene.store.open_sightings() == []
    scene.sightings.leave(there)
    assert len(scene.events) == 3


def test_who_was_told_of_as_nobody_is_not_remembered_later(tmp_path: Path) -> None:
    """The disk was full when it was decided: there is no person of whom nobody was told."""
    scene = Scene(tmp_path, disk_floor_mib=1 << 40)
    there = stranger(visit(1, 2, 3))
    scene.sightings.keep(there)
    scene.sightings._settings = Settings(disk_floor_mib=0)
    scene.sightings.leave(there)
    assert scene.store.people() == []
    scene.store.close()


def test_the_camera_itself(scene: Scene) -> None:
    scene.sightings.camera(EventKind.CAMERA_STALLED, {"reason": "no frame came within 4 s"})
    (event,) = scene.store.events(0, 10)
    assert (event.kind, event.sighting, event.person_row) == (EventKind.CAMERA_STALLED, None, None)
    assert event.details == {"reason": "no frame came within 4 s"}
    assert scene.events == [event]


def test_old_sightings_go(scene: Scene) -> None:
    """After as many days as the settings say; a clock that is wrong for a moment loses none (see the
    store)."""
    there = visit(1)
    scene.sightings.keep(there)
    scene.sightings.leave(there)
    for day in (31, 32, 33):
        scene.clock.time = 1000.0 + day * 86_400
        tidy(scene.store, Settings(), scene.clock)
    assert scene.store.sightings() == []
