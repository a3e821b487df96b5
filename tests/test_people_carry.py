"""People carried to another device: nobody twice, no id broken, nothing half."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from edge.backup.arriving import Arrival, How, Same, Taken, arrivals, take_in
from edge.backup.pack import export_people, unpacked
from edge.engine import EMBEDDER
from edge.errors import BackupError, UnknownPersonId
from edge.face import Look, Vector
from edge.gallery import unit
from edge.settings import EMBEDDERS
from edge.store import Person, Reference, Store, open_store
from tests.backup_help import PASSPHRASE
from tests.store_help import SetClock, vector
from tests.test_cli import api_face, refused

pytestmark = pytest.mark.usefixtures("cheap_keys")
RATE = 0.001
DIMENSIONS = 192
OTHER = EMBEDDERS["dlib"]


def face(seed: int, turn: float = 0.0) -> Vector:
    """A unit vector of somebody; with a turn another picture of them."""
    mixed = vector(seed, DIMENSIONS) + turn * vector(seed + 5000, DIMENSIONS)
    return unit(mixed)


def look(seed: int, turn: float = 0.0, model: str = EMBEDDER) -> Reference:
    crop = f"crop {seed} {turn}".encode() * 50
    return Reference(
        None,
        face(seed, turn),
        model,
        0.5,
        7.0,
        crop,
        vector(seed, 8).reshape(4, 2),
        Look(90.0, 0.5, 3.0, 0.9),
    )


@contextmanager
def device(folder: Path, *people: tuple[str | None, Reference]) -> Iterator[Store]:
    with open_store(folder, SetClock()) as store:
        for name, reference in people:
            with store.writing():
                store.add_reference(store.create_person(name), reference)
        yield store


def other_look(seed: int) -> Reference:
    """Of the embedder that does not answer."""
    return replace(look(seed, model=OTHER), vector=vector(seed, 128))


def by_name(store: Store, name: str | None) -> Person:
    (found,) = (person for person in store.people() if person.name == name)
    return found


def packed(folder: Path, *people: tuple[str | None, Reference]) -> Path:
    with device(folder, *people) as store:
        export_people(store, folder, [], folder / "pack", PASSPHRASE, 1.0)
    return folder / "pack"


def seen(store: Store, folder: Path, pack: Path) -> list[Arrival]:
    with unpacked(folder, pack, PASSPHRASE) as people:
        return arrivals(people, store, RATE)


def taken(store: Store, folder: Path, pack: Path, same: Same = Same.ASK, **options: bool) -> Taken:
    with unpacked(folder, pack, PASSPHRASE) as people, store.writing():
        return take_in(store, people, arrivals(people, store, RATE), same, 8, **options)


def test_everything_of_somebody_arrives(tmp_path: Path) -> None:
    with device(tmp_path / "one", ("Ada", look(1)), ("Ben", look(2))) as one:
        ada, ben = by_name(one, "Ada"), by_name(one, "Ben")
        with one.writing():
            one.add_reference(ada, look(1, 0.3))
            one.set_aside(one.remembered(ada.row)[1].row, "dark")
            one.add_embedding(one.remembered(ada.row)[0].row, OTHER, vector(9, 128), 0.4)
            one.merge(ada, ben)
        before = one.carried(by_name(one, "Ada"))
        export_people(one, tmp_path / "one", [ben.id], tmp_path / "pack", PASSPHRASE, 1.0)
    assert b"crop 1" not in (tmp_path / "pack").read_bytes()
    with device(tmp_path / "two") as two:
        done = taken(two, tmp_path / "two", tmp_path / "pack")
        assert (done.new, done.merged, done.looks) == (1, 0, 3)
        after = two.carried(by_name(two, "Ada"))
        assert (after.id, after.name, after.created, after.aliases) == (ada.id, "Ada", ada.created, (ben.id,))
        assert [
            (one.numbers, one.why, one.crop, one.landmarks, dict(one.vectors)) for one in after.looks
        ] == [(one.numbers, one.why, one.crop, one.landmarks, dict(one.vectors)) for one in before.looks]
        assert two.person(ben.id) == two.person(ada.id)
        assert two.model() == EMBEDDER
    assert not list((tmp_path / "two").glob("unpacked.*"))


def test_only_those_who_were_asked_for(tmp_path: Path) -> None:
    with device(tmp_path / "one", ("Ada", look(1)), ("Ben", look(2))) as one:
        census = export_people(
            one, tmp_path / "one", [by_name(one, "Ben").id], tmp_path / "pack", PASSPHRASE, 1.0
        )
        assert (census.people, census.tokens) == (1, 0)
        with pytest.raises(UnknownPersonId, match="no person has the id x"):
            export_people(one, tmp_path / "one", ["x"], tmp_path / "pack2", PASSPHRASE, 1.0)
    with device(tmp_path / "two") as two:
        taken(two, tmp_path / "two", tmp_path / "pack")
        assert [person.name for person in two.people()] == ["Ben"]


def test_twice_is_once(tmp_path: Path) -> None:
    pack = packed(tmp_path / "one", ("Ada", look(1)), (None, look(2)))
    with device(tmp_path / "two") as two:
        taken(two, tmp_path / "two", pack)
        revision = two.revision()
        assert [one.how for one in seen(two, tmp_path / "two", pack)] == [How.BY_ID] * 2
        done = taken(two, tmp_path / "two", pack)
        assert (done.new, done.merged, done.looks, two.revision()) == (0, 2, 0, revision)


def test_by_id_they_grow_together_and_a_name_that_differs_is_told(tmp_path: Path) -> None:
    pack = packed(tmp_path / "one", ("Ada", look(1)), ("Ben", look(2)))
    with device(tmp_path / "two") as two:
        taken(two, tmp_path / "two", pack)
        with two.writing():
            two.rename(by_name(two, "Ada"), "Adelheid")
            two.rename(by_name(two, "Ben"), None)
    with open_store(tmp_path / "one", SetClock()) as one:
        with one.writing():
            one.add_reference(by_name(one, "Ada"), look(1, 0.2))
        export_people(one, tmp_path / "one", [], pack, PASSPHRASE, 2.0)
    with open_store(tmp_path / "two", SetClock()) as two:
        found = {one.person.name: one for one in seen(two, tmp_path / "two", pack)}
        assert found["Ada"].conflicts == ('called "Ada" in the pack, "Adelheid" here, which stays',)
        assert (found["Ada"].new_looks, found["Ben"].new_looks, found["Ben"].conflicts) == (1, 0, ())
        assert taken(two, tmp_path / "two", pack).looks == 1
        assert sorted(person.name or "" for person in two.people()) == ["Adelheid", "Ben"]
        assert len(two.references(by_name(two, "Adelheid").row)) == 2


def test_a_face_that_is_known_here_is_asked_about(tmp_path: Path) -> None:
    pack = packed(tmp_path / "one", ("Joey", look(1, 0.2)), ("Ben", look(2)))
    with device(tmp_path / "two", ("Joey", look(1))) as two:
        joey = by_name(two, "Joey")
        (alike,) = (one for one in seen(two, tmp_path / "two", pack) if one.how is How.BY_FACE)
        assert (alike.person.name, alike.here) == ("Joey", joey)
        assert alike.similarity is not None
        assert alike.similarity > 90
        with pytest.raises(BackupError, match="1 of 2 people look like somebody here, and nobody was"):
            taken(two, tmp_path / "two", pack)
        assert [person.name for person in two.people()] == ["Joey"]


@pytest.mark.parametrize(
    ("same", "names", "counts"),
    [
        (Same.MERGE, ["Ben", "Joey"], (1, 1, 0)),
        (Same.SKIP, ["Ben", "Joey"], (1, 0, 1)),
        (Same.KEEP, ["Ben", "Joey", "Joey"], (2, 0, 0)),
    ],
)
def test_what_becomes_of_them(
    tmp_path: Path, same: Same, names: list[str], counts: tuple[int, int, int]
) -> None:
    pack = packed(tmp_path / "one", ("Joey", look(1, 0.2)), ("Ben", look(2)))
    with open_store(tmp_path / "one", SetClock()) as one:
        carried = by_name(one, "Joey")
    with device(tmp_path / "two", ("Joey", look(1))) as two:
        joey = by_name(two, "Joey")
        done = taken(two, tmp_path / "two", pack, same)
        assert (done.new, done.merged, done.skipped) == counts
        assert sorted(person.name or "" for person in two.people()) == names
        found = two.person(carried.id)
        if same is Same.MERGE:
            assert found is not None
            assert (found.id, len(two.references(joey.row))) == (joey.id, 2)
        else:
            assert (found is None) == (same is Same.SKIP)


def test_somebody_like_two_people_is_merged_with_neither(tmp_path: Path) -> None:
    between = face(1) + face(3)
    both = Reference(None, unit(between), EMBEDDER, 0.5, 1.0)
    pack = packed(tmp_path / "one", ("Who", both))
    with device(tmp_path / "two", ("Ada", look(1)), ("Cid", look(3))) as two:
        (found,) = seen(two, tmp_path / "two", pack)
        assert found.how is How.LIKE_TWO
        assert taken(two, tmp_path / "two", pack, Same.MERGE).left_out == [found.person.id]
        assert taken(two, tmp_path / "two", pack, Same.KEEP).new == 1


def test_who_was_erased_here_is_left_out(tmp_path: Path) -> None:
    pack = packed(tmp_path / "one", ("Ada", look(1)))
    with device(tmp_path / "two") as two:
        taken(two, tmp_path / "two", pack)
        with two.writing():
            two.erase(by_name(two, "Ada"))
        (found,) = seen(two, tmp_path / "two", pack)
        assert (found.how, found.erased_at) == (How.ERASED, SetClock().now())
        assert taken(two, tmp_path / "two", pack).skipped == 1
        assert list(two.people()) == []
        assert taken(two, tmp_path / "two", pack, erased=True).new == 1
        assert [one.how for one in seen(two, tmp_path / "two", pack)] == [How.BY_ID]


def test_a_former_id_that_is_somebody_here_is_told_and_not_taken(tmp_path: Path) -> None:
    pack = packed(tmp_path / "one", ("Ada", look(1)), ("Ben", look(2)))
    with device(tmp_path / "two") as two:
        taken(two, tmp_path / "two", pack)
    with open_store(tmp_path / "one", SetClock()) as one:
        ada, ben = by_name(one, "Ada"), by_name(one, "Ben")
        with one.writing():
            one.merge(ada, ben)
        export_people(one, tmp_path / "one", [], pack, PASSPHRASE, 2.0)
    with open_store(tmp_path / "two", SetClock()) as two:
        (found,) = seen(two, tmp_path / "two", pack)
        assert found.conflicts == (
            f"{ben.id} is the same person in the pack, and somebody else here (Ben); "
            f"`api-face people merge {ada.id} {ben.id}` makes them one",
        )
        taken(two, tmp_path / "two", pack)
        assert two.person(ben.id) == by_name(two, "Ben")


def test_another_embedder_cannot_compare_and_says_so(tmp_path: Path) -> None:
    pack = packed(tmp_path / "one", ("Ada", other_look(1)))
    with device(tmp_path / "two", ("Joey", look(1))) as two:
        (found,) = seen(two, tmp_path / "two", pack)
        assert found.how is How.NEW
        assert found.conflicts == (f"not compared with anybody: no reference has a vector of {EMBEDDER}",)
        taken(two, tmp_path / "two", pack)
        assert two.coverage(EMBEDDER).pending == 1
        assert two.model() == EMBEDDER


def test_a_device_that_knows_nobody_begins_with_the_packs_embedder(tmp_path: Path) -> None:
    """Whatever its first start has noted: without crops they would be recognised by no other."""
    pack = packed(tmp_path / "one", ("Ada", replace(other_look(1), crop=None, landmarks=None)))
    with device(tmp_path / "two") as two:
        two.begin_with(EMBEDDER)
        assert seen(two, tmp_path / "two", pack)[0].conflicts == ()
        taken(two, tmp_path / "two", pack)
        assert two.model() == OTHER
        assert [len(vectors) for _, vectors in two.changes(0, OTHER)] == [1]
        assert [one.how for one in seen(two, tmp_path / "two", pack)] == [How.BY_ID]


def test_where_nobody_is_known_a_missing_vector_is_told_as_well(tmp_path: Path) -> None:
    strange = Reference(None, vector(3, 64), "newer-net", 0.5, 1.0, b"crop" * 50)
    pack = packed(tmp_path / "one", ("Ada", strange))
    with device(tmp_path / "two") as two:
        two.begin_with(EMBEDDER)
        assert seen(two, tmp_path / "two", pack)[0].conflicts == (
            f"not compared with anybody: no reference has a vector of {EMBEDDER}",
            "vectors of newer-net are left out: it is not here",
        )
        taken(two, tmp_path / "two", pack)
        assert two.model() == EMBEDDER


def test_a_vector_of_the_wrong_length_brings_in_nobody(tmp_path: Path) -> None:
    short = Reference(None, vector(1, 64), EMBEDDER, 0.5, 1.0)
    pack = packed(
        tmp_path / "one", ("Ada", short), ("Ben", Reference(None, vector(2, 64), EMBEDDER, 0.5, 1.0))
    )
    with device(tmp_path / "two", ("Joey", look(1))) as two:
        with pytest.raises(BackupError, match="of 256 bytes; they have 768"):
            taken(two, tmp_path / "two", pack)
        assert [person.name for person in two.people()] == ["Joey"]


def test_no_more_references_than_are_kept(tmp_path: Path) -> None:
    with device(tmp_path / "one", ("Ada", look(1))) as one:
        with one.writing():
            for number in range(1, 12):
                one.add_reference(by_name(one, "Ada"), look(1, number / 100))
        export_people(one, tmp_path / "one", [], tmp_path / "pack", PASSPHRASE, 1.0)
    with device(tmp_path / "two") as two:
        taken(two, tmp_path / "two", tmp_path / "pack")
        assert len(two.references(by_name(two, "Ada").row)) == 8


def test_on_the_command_line(tmp_path: Path) -> None:
    (tmp_path / "passphrase").write_text("correct horse battery\n")
    sealed = ("--passphrase-file", tmp_path / "passphrase")
    with device(tmp_path / "one", (None, look(1, 0.2)), ("Ben", look(2))) as one:
        unnamed, ben = by_name(one, None), by_name(one, "Ben")
    with device(tmp_path / "two", ("Joey", look(1))) as two:
        joey = by_name(two, "Joey")
    words = refused(api_face("people", "export", tmp_path / "pack", state=tmp_path / "one"), 2)
    assert "--passphrase-file names" in words
    done = api_face("people", "export", tmp_path / "pack", *sealed, state=tmp_path / "one")
    assert done.stdout == f"{tmp_path / 'pack'}: 2 people with 2 references, sealed\n"
    words = refused(api_face("restore", tmp_path / "pack", *sealed, state=tmp_path / "two"), 1)
    assert "is made for `api-face people import`" in words
    imported = ("people", "import", tmp_path / "pack", *sealed)
    shown = api_face(*imported, "--preview", state=tmp_path / "two").stdout
    assert f"{ben.id}  Ben: new, 1 references\n" in shown
    assert f"{unnamed.id}  unknown: is Joey here, " in shown
    assert "--merge-same makes them one" in refused(api_face(*imported, state=tmp_path / "two"), 1)
    done = api_face(*imported, "--merge-same", state=tmp_path / "two")
    assert done.stdout == ("1 new people, 1 who were here, 0 left out; 2 references\n")
    shown = api_face("people", "show", unnamed.id, state=tmp_path / "two").stdout
    assert f"id           {joey.id}" in shown
