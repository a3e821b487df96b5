from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge.errors import StoreError, UnknownPersonId
from edge.store import EnrolledBy, Person, Store, open_store
from tests.store_help import TODAY, SetClock, enrolled, reference, vector


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with open_store(tmp_path, SetClock()) as opened:
        yield opened


def merged(store: Store, keep: Person, gone: Person) -> Person:
    with store.writing():
        return store.merge(keep, gone)


def test_a_person_comes_back_as_they_were_made(store: Store) -> None:
    with store.writing():
        made = store.create_person("Ida", enrolled_by="index")
        assert store.person(made.id) == made  # a block sees its own changes
    assert store.person(made.id) == store.person_by_row(made.row) == made
    assert (made.name, made.enrolled_by, made.created) == ("Ida", "index", SetClock().now())
    assert store.person("no such id") is None
    assert store.person_by_row(made.row + 1) is None


def test_a_failed_block_leaves_nothing(store: Store) -> None:
    before = store.revision()
    with pytest.raises(ZeroDivisionError), store.writing():
        store.add_reference(store.create_person("Ida"), reference(1))
        _ = 1 / 0
    assert store.people() == []
    assert store.revision() == before
    enrolled(store, "Ada", 1)  # and the store goes on


def test_people_change_only_inside_writing(store: Store) -> None:
    person = enrolled(store, None, 1)
    for change in (
        lambda: store.create_person(None),
        lambda: store.rename(person, "Ida"),
        lambda: store.merge(person, person),
        lambda: store.erase(person),
        lambda: store.add_reference(person, reference(2)),
        lambda: store.drop_reference(1),
    ):
        with pytest.raises(StoreError, match="writing"):
            change()
    with store.writing(), pytest.raises(StoreError, match="does not nest"), store.writing():
        pass


def test_another_thread_waits_for_the_block_to_end(store: Store) -> None:
    found: list[int] = []

    def count() -> None:
        with store.writing():
            found.append(len(store.people()))

    with store.writing():
        other = threading.Thread(target=count)
        other.start()
        store.create_person(None)
        assert found == []
    other.join()
    assert found == [1]


def test_pages_hold_everybody_once_even_when_the_last_one_is_erased(store: Store) -> None:
    ids = sorted(enrolled(store, None).id for _ in range(7))
    first = store.people(limit=3)
    with store.writing():
        store.erase(first[-1])
    rest = store.people(after=first[-1].id, limit=10)
    assert [person.id for person in first + rest] == ids


def test_a_name_can_be_given_changed_and_taken(store: Store) -> None:
    person = enrolled(store, None)
    for name in ("Ida", "Ada", None):
        with store.writing():
            assert store.rename(person, name).name == name
        found = store.person(person.id)
        assert found is not None
        assert found.name == name


def test_ids_never_break_through_a_chain_of_merges(store: Store) -> None:
    a, b, c, d = (enrolled(store, None, seed) for seed in range(4))
    merged(store, b, a)
    merged(store, d, c)
    kept = merged(store, d, b)
    for person in (a, b, c, d):
        assert store.person(person.id) == kept
        assert store.person_by_row(person.row) == kept
    assert [one.row for one in store.people()] == [d.row]
    assert len(store.references(d.row)) == 4


def test_a_merge_keeps_the_kept_name_or_takes_the_other(store: Store) -> None:
    ida, ada, unnamed = enrolled(store, "Ida"), enrolled(store, "Ada"), enrolled(store, None)
    assert merged(store, unnamed, ada).name == "Ada"
    assert merged(store, ida, unnamed).name == "Ida"
    assert merged(store, ida, ida).name == "Ida"


@pytest.mark.parametrize(
    ("one", "two", "both"),
    [("index", "train", "train"), ("camera", "train", "train"), ("camera", "index", "index")],
)
def test_of_a_merged_pair_that_counts_which_is_kept_longer(
    store: Store, one: EnrolledBy, two: EnrolledBy, both: EnrolledBy
) -> None:
    for pair in ((one, two), (two, one), (both, both)):
        with store.writing():
            keep, gone = (store.create_person(None, enrolled_by) for enrolled_by in pair)
        assert merged(store, keep, gone).enrolled_by == both


def test_erasing_erases_the_former_ids_too(store: Store) -> None:
    a, b = enrolled(store, "Ida", 1), enrolled(store, None, 2)
    kept = merged(store, b, a)
    with store.writing():
        store.erase(kept)
    assert [store.person(person.id) for person in (a, b)] == [None, None]
    assert [store.person_by_row(person.row) for person in (a, b)] == [None, None]
    assert store.references(b.row) == []


def test_a_row_is_never_used_again(store: Store) -> None:
    last = enrolled(store, None)
    with store.writing():
        store.erase(last)
    assert enrolled(store, None).row > last.row


def test_somebody_erased_by_another_process_is_unknown_to_every_change(store: Store, tmp_path: Path) -> None:
    person, other = enrolled(store, None, 1), enrolled(store, None, 2)
    with open_store(tmp_path, SetClock()) as second, second.writing():
        second.erase(person)
    for change in (
        lambda: store.rename(person, "Ida"),
        lambda: store.add_reference(person, reference(3)),
        lambda: store.erase(person),
        lambda: store.merge(other, person),
        lambda: store.merge(person, other),
    ):
        with pytest.raises(UnknownPersonId), store.writing():
            change()
    assert [one.row for one in store.people()] == [other.row]


def test_references_come_back_whole(store: Store) -> None:
    person = enrolled(store, None)
    with store.writing():
        row = store.add_reference(person, reference(1, crop=b"\xff\xd8 a crop")).row
        store.add_reference(person, reference(2))
    with_crop, bare = store.references(person.row, crops=True)
    assert (with_crop.row, with_crop.model, with_crop.quality, with_crop.added) == (row, "m1", 0.5, 1.0)
    assert (with_crop.vector == vector(1)).all()
    assert with_crop.crop == b"\xff\xd8 a crop"
    assert with_crop.landmarks is not None
    assert (with_crop.landmarks == vector(1, 8).reshape(4, 2)).all()
    assert (bare.crop, bare.landmarks) == (None, None)
    assert [one.crop for one in store.references(person.row)] == [None, None]


def test_the_same_vector_is_stored_once(store: Store) -> None:
    person = enrolled(store, None, 1)
    before = store.revision()
    with store.writing():
        first = store.references(person.row)[0]
        assert store.add_reference(person, reference(1)).row == first.row
        assert store.revision() == before
    assert len(store.references(person.row)) == 1


def test_a_dropped_reference_is_gone_with_its_crop(store: Store) -> None:
    person = enrolled(store, None, 1)
    with store.writing():
        row = store.add_reference(person, reference(2, crop=b"crop")).row
        assert row is not None
        store.drop_reference(row)
        store.drop_reference(row)
    assert [one.crop for one in store.references(person.row, crops=True)] == [None]


def test_a_vector_that_is_no_number_is_refused(store: Store) -> None:
    person, broken = enrolled(store, None), reference(1)
    broken.vector[3] = float("nan")
    with pytest.raises(StoreError, match="not finite"), store.writing():
        store.add_reference(person, broken)


def test_what_galleries_follow(store: Store, tmp_path: Path) -> None:
    a, b = enrolled(store, None, 1, 2), enrolled(store, None, 3)
    with open_store(tmp_path, SetClock()) as gallery:
        start = gallery.revision()
        assert {row: len(matrix) for row, matrix in gallery.changes(0, "m1")} == {a.row: 2, b.row: 1}
        assert list(gallery.changes(start, "m1")) == []

        enrolled(store, None)
        with store.writing():
            store.add_reference(b, reference(4))
        changed = dict(gallery.changes(start, "m1"))
        assert a.row not in changed
        assert changed[b.row].tolist() == [vector(3).tolist(), vector(4).tolist()]

        now = gallery.revision()
        assert now > start
        merged(store, a, b)
        assert {row: len(matrix) for row, matrix in gallery.changes(now, "m1")} == {a.row: 4, b.row: 0}

        now = gallery.revision()
        with store.writing():
            store.erase(a)
        assert {row: len(matrix) for row, matrix in gallery.changes(now, "m1")} == {a.row: 0}
        assert sum(len(matrix) for _, matrix in gallery.changes(0, "m1")) == 0


def test_every_change_of_people_raises_the_revision(store: Store) -> None:
    person, other = enrolled(store, None, 1), enrolled(store, None, 2)
    for change in (
        lambda: store.create_person(None),
        lambda: store.rename(person, "Ida"),
        lambda: store.add_reference(person, reference(3)),
        lambda: store.drop_reference(1),
        lambda: store.merge(person, other),
        lambda: store.erase(person),
    ):
        before = store.revision()
        with store.writing():
            change()
        assert store.revision() > before
    before = store.revision()
    store.saw(1, TODAY)
    assert store.revision() == before
