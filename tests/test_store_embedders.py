"""References with a vector per embedder: what is pending, who would be lost, and the switch itself."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge.errors import ModelChanged, StoreError, UnknownReference
from edge.face import Look
from edge.store import Coverage, Person, Store, open_store
from tests.store_help import TODAY, SetClock, enrolled, reference, vector

CROP = b"\xff\xd8 a crop"
LOOK = Look(143.0, 0.42, 12.0, 0.97)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with open_store(tmp_path, SetClock()) as opened:
        yield opened


def with_crop(store: Store, name: str, *seeds: int) -> Person:
    with store.writing():
        person = store.create_person(name)
        for seed in seeds:
            store.add_reference(person, reference(seed, crop=CROP))
    return person


def row_of(store: Store, person: Person, place: int = 0) -> int:
    return store.remembered(person.row)[place].row


def embed(store: Store, model: str, length: int = 64) -> None:
    """What the background work does."""
    while page := store.pending(model, limit=2):
        with store.writing():
            for one in page:
                store.add_embedding(one.reference_row, model, vector(1000 + one.reference_row, length))


def test_the_first_reference_decides_who_answers_and_no_other_is_taken(store: Store) -> None:
    assert store.model() == ""
    person = enrolled(store, "Ida", 1)
    assert store.model() == "m1"
    assert store.begin_with("m2") == "m1"
    before = store.revision()
    with pytest.raises(ModelChanged) as refused, store.writing():
        store.add_reference(person, reference(2, model="m2"))
    assert refused.value.model == "m1"
    assert (store.revision(), len(store.references(person.row))) == (before, 1)


def test_a_new_store_begins_with_what_it_is_told(store: Store, tmp_path: Path) -> None:
    assert store.begin_with("m2") == "m2"
    with open_store(tmp_path, SetClock()) as other:
        assert other.model_for("m1") == other.begin_with("m1") == other.model() == "m1", "it knew nobody"
        enrolled(store, "Ida", 1)
        assert other.model_for("m2") == other.begin_with("m2") == other.model() == "m1"


def test_what_was_measured_comes_back(store: Store) -> None:
    ida = enrolled(store, "Ida", 1)
    with store.writing():
        store.add_reference(ida, dataclasses.replace(reference(2, crop=CROP), look=LOOK))
    assert [one.look for one in store.references(ida.row)] == [None, LOOK]
    first, second = store.remembered(ida.row)
    assert (first.look, first.crop_bytes, first.models) == (None, None, ("m1",))
    assert (second.look, second.crop_bytes, second.added) == (LOOK, len(CROP), 1.0)


def test_a_look_that_is_set_aside_counts_for_no_gallery_until_it_is_taken_back(store: Store) -> None:
    ida = enrolled(store, "Ida", 1, 2)
    row = row_of(store, ida, 1)

    def aside() -> Person:
        return store.set_aside(row, "unlike the others")

    def back() -> Person:
        return store.take_back(row)

    for change, kept in ((aside, 1), (back, 2)):
        before = store.revision()
        with store.writing():
            assert change().row == ida.row
        assert {person: len(matrix) for person, matrix in store.changes(before, "m1")} == {ida.row: kept}
        assert len(store.references(ida.row)) == 2
        with store.writing():
            before = store.revision()
            change()
            assert store.revision() == before, "the second time changes nothing"
    with store.writing():
        store.set_aside(row, "unlike the others")
    shown = store.remembered(ida.row)[1]
    assert (shown.set_aside, shown.set_aside_why) == (SetClock(TODAY).now(), "unlike the others")
    assert store.references(ida.row)[1].set_aside == shown.set_aside
    assert store.person_of(row).id == ida.id


def test_another_reason_takes_the_place_of_the_first_and_the_date_stays(store: Store) -> None:
    ida = enrolled(store, "Ida", 1)
    for why in ("unlike the others", "not Ida"):
        with store.writing():
            store.set_aside(row_of(store, ida), why)
        shown = store.remembered(ida.row)[0]
        assert (shown.set_aside, shown.set_aside_why) == (SetClock(TODAY).now(), why)


def test_a_crop_that_somebody_could_not_read_is_mended_and_tried_again(store: Store) -> None:
    ida = with_crop(store, "Ida", 1)
    row = row_of(store, ida)
    with store.writing():
        store.add_embedding(row, "m2", None)
        store.mend_crop(row, reference(1))
    assert store.coverage("m2").unreadable == 1, "nothing to mend it with"
    better = reference(1, crop=b"better")
    for crop in (b"better", b"another"):
        with store.writing():
            store.mend_crop(row, dataclasses.replace(better, crop=crop, look=LOOK))
    (pending,) = store.pending("m2")
    assert (pending.reference_row, pending.crop) == (row, b"better")
    assert store.remembered(ida.row)[0].look == LOOK


def test_only_references_that_there_are_can_be_set_aside_and_only_inside_writing(store: Store) -> None:
    with pytest.raises(UnknownReference, match="77"), store.writing():
        store.set_aside(77, "why")
    with pytest.raises(UnknownReference, match="77"), store.writing():
        store.take_back(77)
    with pytest.raises(StoreError, match="writing"):
        store.set_aside(77, "why")
    with pytest.raises(StoreError, match="writing"):
        store.add_embedding(1, "m2", vector(1))


def test_what_is_pending_comes_in_pages_and_each_look_once(store: Store) -> None:
    ida = with_crop(store, "Ida", 1, 2, 3)
    enrolled(store, "Ada", 4)  # no crop
    with store.writing():
        store.set_aside(row_of(store, ida), "blurred")
    first = store.pending("m2", limit=2)
    rest = store.pending("m2", after=first[-1].reference_row, limit=2)
    assert [one.reference_row for one in first + rest] == [one.row for one in store.remembered(ida.row)]
    assert first[0].crop == CROP
    assert first[0].landmarks is not None
    assert first[0].landmarks.shape == (4, 2)
    assert store.pending("m1") == []


def test_the_switch_waits_for_what_is_pending_and_for_who_would_be_lost(store: Store, tmp_path: Path) -> None:
    ida, ada = with_crop(store, "Ida", 1, 2), enrolled(store, "Ada", 3)
    assert store.coverage("m2") == Coverage(embedded=0, pending=2, unreadable=0, cropless=1, lost=1)
    assert not store.use_model("m2", lose=True)
    embed(store, "m2")
    assert store.coverage("m2") == Coverage(embedded=2, pending=0, unreadable=0, cropless=1, lost=1)
    assert [one.id for one in store.lost("m2")] == [ada.id]
    assert store.lost("m2", after=ada.id) == []
    assert not store.use_model("m2")
    assert store.model() == "m1"
    with open_store(tmp_path, SetClock()) as gallery:
        before = gallery.revision()
        assert store.use_model("m2", lose=True)
        assert gallery.answering() == (before + 1, "m2")
        sizes = {row: matrix.shape for row, matrix in gallery.changes(0, "m2")}
    assert sizes == {ida.row: (2, 64), ada.row: (0, 0)}
    assert store.person(ada.id) is not None
    assert store.use_model("m2"), "it answers already"


def test_somebody_with_only_set_aside_looks_is_not_lost_by_a_switch(store: Store) -> None:
    ida = enrolled(store, "Ida", 1)
    assert len(store.lost("m2")) == 1
    with store.writing():
        store.set_aside(row_of(store, ida), "why")
    assert store.lost("m2") == []
    with_crop(store, "Ada", 2)
    assert store.lost("m2") == []


def test_somebody_whose_only_crop_in_use_cannot_be_read_would_be_lost(store: Store) -> None:
    ida = with_crop(store, "Ida", 1, 2)
    with store.writing():
        store.set_aside(row_of(store, ida, 1), "blurred")
        store.add_embedding(row_of(store, ida), "m2", None)
    embed(store, "m2")
    assert store.coverage("m2") == Coverage(embedded=1, pending=0, unreadable=1, cropless=0, lost=1)
    assert [one.id for one in store.lost("m2")] == [ida.id]
    assert [len(matrix) for _, matrix in store.changes(0, "m2")] == [0]


def test_a_vector_that_comes_after_the_switch_shows_in_the_galleries(store: Store) -> None:
    ida = with_crop(store, "Ida", 1)
    with store.writing():
        store.add_embedding(row_of(store, ida), "m2", None)
    store.use_model("m2", lose=True)
    before = store.revision()
    with store.writing():
        store.add_reference(ida, reference(5, model="m2", crop=CROP))
        store.add_embedding(row_of(store, ida, 1), "m2", vector(9))  # has one
        store.add_embedding(9999, "m2", vector(9))  # dropped meanwhile
    assert [matrix.tolist() for _, matrix in store.changes(before, "m2")] == [[vector(5).tolist()]]


def test_vectors_no_longer_used_are_erased_but_not_the_last_of_a_look(store: Store, tmp_path: Path) -> None:
    ida, ada = with_crop(store, "Ida", 1, 2, 3), enrolled(store, "Ada", 4)
    embed(store, "m2")
    assert store.drop_unused("m2") == 0
    store.use_model("m2", lose=True)
    assert store.drop_unused("m1") == 0, "on its way back"
    assert [store.drop_unused("m2", limit=2) for _ in range(3)] == [2, 1, 0]
    store.clean()
    assert {one.models for one in store.remembered(ida.row)} == {("m2",)}
    assert [one.models for one in store.remembered(ada.row)] == [("m1",)]
    disk = b"".join(path.read_bytes() for path in tmp_path.glob("people.sqlite*"))
    assert [vector(seed).tobytes()[64:128] in disk for seed in (1, 2, 3, 4)] == [False] * 3 + [True]
    embed(store, "m1")
    assert store.use_model("m1")
    assert {row: len(matrix) for row, matrix in store.changes(0, "m1")} == {ida.row: 3, ada.row: 1}


def test_merging_keeps_every_vector(store: Store) -> None:
    ida, ada = with_crop(store, "Ida", 1), with_crop(store, "Ada", 2)
    embed(store, "m2")
    with store.writing():
        store.merge(ida, ada)
    for model in ("m1", "m2"):
        assert [len(matrix) for _, matrix in store.changes(0, model)] == [2]


def test_erasing_takes_the_vectors_of_every_embedder(store: Store, tmp_path: Path) -> None:
    ida = with_crop(store, "Ida", 1)
    row = row_of(store, ida)
    embed(store, "m2", 128)
    with store.writing():
        store.erase(ida)
    disk = b"".join(path.read_bytes() for path in tmp_path.glob("people.sqlite*"))
    assert not [
        part
        for seed in (1, 1000 + row)
        for part in range(0, 512, 64)
        if vector(seed).tobytes()[part : part + 64] in disk
    ]
