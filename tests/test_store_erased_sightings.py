"""Whoever is erased takes along what the camera saw of them, whatever happens in between."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from numpy.random import PCG64, Generator

from edge.access import DAY_S
from edge.event import EventKind
from edge.store import Person, Sighting, Store, erasing, open_store
from tests.store_help import TODAY, SetClock, enrolled

NOW = TODAY * DAY_S


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with open_store(tmp_path, SetClock()) as opened:
        yield opened


def visit(store: Store, person: Person | None, crop: bytes = b"picture", time: float = NOW) -> Sighting:
    """Somebody appears, is recognised, and leaves: three events, the first without a name."""
    row = None if person is None else person.row
    with store.noting():
        begun = store.begin_sighting("door", time)
        store.add_event(EventKind.FACE_APPEARED, time, "door", begun.id, None, {})
    with store.noting():
        store.update_sighting(begun.row, ended=time, frames=3, similarity=80.0, person_row=row)
        store.keep_sighting_crop(begun.row, crop)
        store.add_event(EventKind.PERSON_IDENTIFIED, time, "door", begun.id, row, {"similarity": 80.0})
    with store.noting():
        store.close_sighting(begun.row, time, 9)
        store.add_event(EventKind.PERSON_LEFT, time, "door", begun.id, row, {"seconds": 5.0})
    return begun


def erase(store: Store, person: Person) -> None:
    with store.writing():
        store.erase(person)


def killed_after(state: Path, change: str, *people: Person) -> None:
    """erase or merge by another process, which is killed right after its commit."""
    with open_store(state, SetClock()) as other:
        for action in ("clean", "follow_people"):
            setattr(other, action, lambda: None)
        with other.writing():
            getattr(other, change)(*people)


def whose(store: Store) -> tuple[list[int | None], list[int | None]]:
    """The people of all sightings, and of all events."""
    return (
        [one.person_row for one in store.sightings()],
        [event.person_row for event in store.events(0, 100)],
    )


def bytes_on_disk(state: Path) -> bytes:
    return b"\0".join(path.read_bytes() for path in sorted(state.glob("*.sqlite*")))


@pytest.mark.parametrize("vacuum_up_to", [erasing._VACUUM_UP_TO, 0])
def test_no_byte_of_what_was_seen_remains(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, vacuum_up_to: int
) -> None:
    monkeypatch.setattr(erasing, "_VACUUM_UP_TO", vacuum_up_to)
    ida, ada = enrolled(store, "Ida", 1), enrolled(store, "Ada", 2)
    chance = Generator(PCG64(1))
    crops = [chance.bytes(12_000) for _ in range(20)]
    store.cursor("mqtt")  # events wait for it
    seen = [visit(store, ida if number % 2 else ada, crop) for number, crop in enumerate(crops)]
    stays = visit(store, None)
    told = [event.id for event in store.events(0, 100) if event.sighting in {one.id for one in seen[1::2]}]
    traces = [one.id.encode() for one in seen[1::2]] + [id_.encode() for id_ in told] + [ida.id.encode()]
    assert len(told) == 30
    assert all(trace in bytes_on_disk(tmp_path) for trace in traces)
    traces += [crop[i : i + 64] for crop in crops[1::2] for i in range(0, len(crop) - 63, 64)]

    erase(store, ida)

    disk = bytes_on_disk(tmp_path)
    assert [trace for trace in traces if trace in disk] == []
    assert all(one.id.encode() in disk for one in seen[::2])
    assert crops[0][-64:] in disk
    assert whose(store) == ([None, *[ada.row] * 10], [None, ada.row, ada.row] * 10 + [None] * 3)
    assert store.sighting(stays.id) is not None


def test_many_erased_between_others_leave_nothing(store: Store, tmp_path: Path) -> None:
    """Deleting here and there makes SQLite move rows, and leave copies of them: see erasing.py."""
    chance = Generator(PCG64(2))
    people = [enrolled(store, None) for _ in range(60)]
    seen: list[tuple[Person, Sighting]] = []
    for number in range(600):
        person = people[int(chance.integers(len(people)))]
        crop = chance.bytes(int(chance.integers(100, 3000)))
        seen.append((person, visit(store, person, crop, NOW + number)))
    erased = people[::2]
    for person in erased:
        erase(store, person)
    disk = bytes_on_disk(tmp_path)
    gone = [one for person, one in seen if person in erased]
    assert len(gone) > 200
    assert [one.id for one in gone if one.id.encode() in disk] == []
    assert all(one.id.encode() in disk for person, one in seen if person not in erased)


def test_a_crash_after_the_people_s_commit_shows_nobody_who_was_erased(store: Store, tmp_path: Path) -> None:
    ida, ada = enrolled(store, "Ida", 1), enrolled(store, "Ada", 2)
    of_ida, of_ada = visit(store, ida, b"Ida's picture"), visit(store, ada, b"Ada's picture")
    killed_after(tmp_path, "erase", ida)

    assert b"Ida's picture" in bytes_on_disk(tmp_path)
    assert whose(store) == ([ada.row], [None, ada.row, ada.row])
    assert store.events(0, 1) == store.events(0, 100)[:1]  # the page goes on past them
    assert store.sightings(limit=1) == store.sightings()
    assert store.sightings(person_row=ida.row) == []
    assert (store.sighting(of_ida.id), store.sighting_crop(of_ida.id)) == (None, None)
    assert store.sighting_crop(of_ada.id) == b"Ada's picture"

    open_store(tmp_path, SetClock()).close()
    assert b"Ida's picture" not in bytes_on_disk(tmp_path)
    assert whose(store) == ([ada.row], [None, ada.row, ada.row])
    assert store._sightings.rows("SELECT id FROM person") == [(ada.id,)]


def test_the_daily_sweep_cleans_up_too(store: Store, tmp_path: Path) -> None:
    ida = enrolled(store, "Ida", 1)
    visit(store, ida, b"Ida's picture")
    killed_after(tmp_path, "erase", ida)
    store.forget_unseen(TODAY, TODAY)
    assert b"Ida's picture" not in bytes_on_disk(tmp_path)


@pytest.mark.parametrize("killed", [False, True])
def test_a_merge_takes_sightings_and_events_along(store: Store, tmp_path: Path, killed: bool) -> None:
    keep, gone = enrolled(store, "Ida", 1), enrolled(store, None, 2)
    sightings = [
        visit(store, gone, time=NOW + 1),
        visit(store, keep, time=NOW),
        visit(store, None, time=NOW - 1),
    ]
    if killed:
        killed_after(tmp_path, "merge", keep, gone)
    else:
        with store.writing():
            store.merge(keep, gone)
    for _ in range(2):
        both = [None, keep.row, keep.row]
        assert whose(store) == ([keep.row, keep.row, None], both * 2 + [None] * 3)
        for row in (keep.row, gone.row):
            assert [one.id for one in store.sightings(person_row=row)] == [one.id for one in sightings[:2]]
        open_store(tmp_path, SetClock()).close()
    assert store._sightings.rows("SELECT id FROM person") == [(keep.id,)]
    erase(store, keep)
    assert whose(store) == ([None], [None] * 3)


def test_what_is_noted_of_somebody_erased_meanwhile_has_no_person(store: Store) -> None:
    ida, gone = enrolled(store, "Ida", 1), enrolled(store, None, 2)
    begun = store.begin_sighting("door", NOW)
    erase(store, gone)
    assert store.update_sighting(begun.row, ended=NOW, frames=1, person_row=gone.row)
    left = store.add_event(EventKind.PERSON_LEFT, NOW, "door", begun.id, gone.row, {"seconds": 1.0})
    assert (whose(store), left.person_row) == (([None], [None]), None)

    store.update_sighting(begun.row, ended=NOW, frames=1, person_row=ida.row)
    erase(store, ida)
    assert not store.update_sighting(begun.row, ended=NOW, frames=1, person_row=ida.row)
    store.close_sighting(begun.row, NOW, 1)
    left = store.add_event(EventKind.PERSON_LEFT, NOW, "door", begun.id, ida.row, {"seconds": 1.0})
    assert store.sightings() == []
    assert store.events(0, 10) == [left], "a visitor was announced, so they have to leave"


def test_what_is_noted_of_somebody_merged_meanwhile_is_of_the_kept(store: Store) -> None:
    keep, gone = enrolled(store, "Ida", 1), enrolled(store, None, 2)
    with store.writing():
        store.merge(keep, gone)
    assert visit(store, gone).person_row is None  # as it was begun
    assert whose(store) == ([keep.row], [None, keep.row, keep.row])
    event = store.add_event(EventKind.PERSON_LEFT, NOW, "door", None, gone.row, {})
    assert event.person_row == keep.row


def test_a_note_under_way_while_its_person_is_erased_is_erased_after_it(store: Store) -> None:
    ida = enrolled(store, "Ida", 1)
    noted, finish = threading.Event(), threading.Event()

    def note() -> None:
        with store.noting():
            begun = store.begin_sighting("door", NOW)
            store.update_sighting(begun.row, ended=NOW, frames=1, person_row=ida.row)
            noted.set()
            finish.wait()

    noting, erasing_ = threading.Thread(target=note), threading.Thread(target=erase, args=(store, ida))
    noting.start()
    noted.wait()
    erasing_.start()
    while store.person(ida.id) is not None:  # committed, and now it waits for the note
        pass
    finish.set()
    noting.join()
    erasing_.join()
    assert store._sightings.rows("SELECT count(*) FROM sighting") == [(0,)]


def test_the_same_row_after_a_restore_is_another_person(store: Store, tmp_path: Path) -> None:
    """people.sqlite is put back as it was before somebody came, and somebody else comes."""
    with closing(sqlite3.connect(tmp_path / "copy")) as copy:
        store._people.database.conn.backup(copy)
    ida = enrolled(store, "Ida", 1)
    visit(store, ida)
    store.close()
    for path in tmp_path.glob("people.sqlite*"):
        path.unlink()
    (tmp_path / "copy").rename(tmp_path / "people.sqlite")
    with open_store(tmp_path, SetClock()) as restored:
        ada = enrolled(restored, "Ada", 2)
        assert ada.row == ida.row
        assert whose(restored) == ([], [])
        visit(restored, ada)
        assert len(restored.sightings(person_row=ada.row)) == 1
