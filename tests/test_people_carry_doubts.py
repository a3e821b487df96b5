"""People carried to another device who are not simply new or the same: doubts, the erased, and no vectors."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from edge import match
from edge.backup.arriving import How, Same
from edge.backup.making import make_backup
from edge.backup.pack import export_people
from edge.backup.restoring import Restore
from edge.calibration import calibration_of
from edge.engine import EMBEDDER
from edge.errors import StoreError
from edge.gallery import Gallery
from edge.store import Reference, Store, open_store
from edge.store.carrying import CarriedLook
from tests.backup_help import PASSPHRASE
from tests.store_help import SetClock, vector
from tests.test_cli import api_face
from tests.test_people_carry import DIMENSIONS, RATE, by_name, device, face, look, packed, seen, taken

pytestmark = pytest.mark.usefixtures("cheap_keys")


def names(store: Store) -> list[str | None]:
    return sorted((person.name for person in store.people()), key=str)


def test_another_name_is_a_doubt(tmp_path: Path) -> None:
    pack = packed(tmp_path / "one", ("Joseph", look(1, 0.2)))
    with device(tmp_path / "two", ("Joey", look(1))) as two:
        (found,) = seen(two, tmp_path / "two", pack)
        assert (found.how, found.here) == (How.DOUBTFUL, by_name(two, "Joey"))
        assert found.conflicts == ('called "Joseph" in the pack, "Joey" here',)
        assert taken(two, tmp_path / "two", pack, Same.MERGE).left_out == [found.person.id]
        assert names(two) == ["Joey"]
        assert taken(two, tmp_path / "two", pack, Same.KEEP).new == 1


def test_two_of_the_pack_are_not_made_one(tmp_path: Path) -> None:
    pack = packed(tmp_path / "one", (None, look(1, 0.2)), (None, look(1, -0.2)))
    with device(tmp_path / "two", ("Joey", look(1))) as two:
        found = seen(two, tmp_path / "two", pack)
        assert [one.how for one in found] == [How.DOUBTFUL] * 2
        assert found[0].conflicts == ("2 people of the pack are Joey here",)
        assert taken(two, tmp_path / "two", pack, Same.MERGE).skipped == 2


def test_nor_one_by_id_and_another_by_face(tmp_path: Path) -> None:
    pack = packed(tmp_path / "one", ("Joey", look(1)))
    with device(tmp_path / "two") as two:
        taken(two, tmp_path / "two", pack)
    with device(tmp_path / "one", (None, look(1, 0.2))) as one:
        export_people(one, tmp_path / "one", [], pack, PASSPHRASE, 2.0)
    with open_store(tmp_path / "two", SetClock()) as two:
        assert {one.how for one in seen(two, tmp_path / "two", pack)} == {How.BY_ID, How.DOUBTFUL}


def barely(seed: int) -> float:
    """How far a face is turned that still gets the name, and from which nothing is learned."""
    gallery = Gallery(DIMENSIONS)
    gallery.update(1, face(seed)[None])
    for turn in np.arange(0.5, 3.0, 0.01):
        nearest = gallery.nearest(face(seed, float(turn)))
        verdict = match.decide(calibration_of(EMBEDDER), nearest, 1, RATE)
        if (verdict.similarity or 0.0) < match.LEARN_FROM:
            assert verdict.kind is match.Kind.MATCH
            return float(turn)
    raise AssertionError


def test_a_face_that_nothing_is_learned_from_is_a_doubt(tmp_path: Path) -> None:
    pack = packed(tmp_path / "one", (None, look(1, barely(1))))
    with device(tmp_path / "two", ("Joey", look(1))) as two:
        (found,) = seen(two, tmp_path / "two", pack)
        assert found.how is How.DOUBTFUL
        assert found.conflicts[0].endswith(" alike; it takes 80 to make two people one")


def merged_elsewhere(tmp_path: Path) -> Path:
    """Two people of both devices; the second is erased on one, and merged into the first on the other."""
    pack = packed(tmp_path / "one", ("Xan", look(1)), ("Yul", look(2)))
    with device(tmp_path / "two") as two:
        taken(two, tmp_path / "two", pack)
        make_backup(tmp_path / "two", None, tmp_path / "before", PASSPHRASE, 1.0)
        with two.writing():
            two.erase(by_name(two, "Yul"))
    with device(tmp_path / "one") as one:
        with one.writing():
            one.merge(by_name(one, "Xan"), by_name(one, "Yul"))
        export_people(one, tmp_path / "one", [], pack, PASSPHRASE, 2.0)
    return pack


def test_an_erased_person_does_not_come_back_inside_another(tmp_path: Path) -> None:
    pack = merged_elsewhere(tmp_path)
    with open_store(tmp_path / "two", SetClock()) as two:
        (found,) = seen(two, tmp_path / "two", pack)
        assert (found.how, found.here) == (How.ERASED, by_name(two, "Xan"))
        (words,) = found.conflicts
        assert words.endswith(" is the same person in the pack, and was erased here")
        assert taken(two, tmp_path / "two", pack).left_out == [found.person.id]
        assert len(two.references(by_name(two, "Xan").row)) == 1
        assert two.person(words.split()[0]) is None
    assert Restore(tmp_path / "two", None, SetClock()).from_file(tmp_path / "before", PASSPHRASE).erased == 1


def test_unless_that_is_wanted(tmp_path: Path) -> None:
    pack = merged_elsewhere(tmp_path)
    with open_store(tmp_path / "two", SetClock()) as two:
        (found,) = seen(two, tmp_path / "two", pack)
        done = taken(two, tmp_path / "two", pack, erased=True)
        assert (done.new, done.merged, done.looks) == (0, 1, 1)
        xan = by_name(two, "Xan")
        assert two.person(found.conflicts[0].split()[0]) == xan
        assert len(two.references(xan.row)) == 2


def test_the_command_tells_why_somebody_is_left_out(tmp_path: Path) -> None:
    pack = merged_elsewhere(tmp_path)
    (tmp_path / "passphrase").write_bytes(PASSPHRASE)
    words = ("people", "import", pack, "--passphrase-file", tmp_path / "passphrase")
    assert "was erased here" in api_face(*words, "--preview", state=tmp_path / "two").stdout
    assert "1 left out; 0 references" in api_face(*words, state=tmp_path / "two").stdout


STRANGE = {
    "not a number": np.full(DIMENSIONS, np.nan, "<f4"),
    "one that is infinite": np.where(np.arange(DIMENSIONS) == 3, np.inf, face(1)).astype("<f4"),
    "zero": np.zeros(DIMENSIONS, "<f4"),
}


def put(state: Path, stored: bytes) -> None:
    """Into the file, as another program might."""
    with open_store(state, SetClock()) as store, store.writing():
        store._people.database.execute("UPDATE embedding SET vector = ?", (stored,))


@pytest.mark.parametrize("values", STRANGE.values(), ids=STRANGE)
def test_a_vector_that_is_none_brings_in_nobody(tmp_path: Path, values: np.ndarray) -> None:
    packed(tmp_path / "one", ("Eve", look(1)))
    put(tmp_path / "one", values.tobytes())
    (tmp_path / "one" / "pack").unlink()
    pack = packed(tmp_path / "one")
    with device(tmp_path / "two", ("Joey", look(2))) as two:
        for same in (Same.ASK, Same.KEEP):
            with pytest.raises(StoreError, match="zero or not finite"):
                taken(two, tmp_path / "two", pack, same)
        with pytest.raises(StoreError, match="zero or not finite"), two.writing():
            crop = CarriedLook(
                (0.5, 1.0, None, None, None, None), None, None, None, {EMBEDDER: (values.tobytes(), None)}
            )
            two.take_look(by_name(two, "Joey"), crop)
        assert names(two) == ["Joey"]


def test_vectors_of_an_embedder_that_is_not_here_are_left_out(tmp_path: Path) -> None:
    strange = Reference(None, vector(3, 64), "newer-net", 0.5, 1.0, b"crop" * 50)
    bare = Reference(None, vector(4, 64), "newer-net", 0.5, 1.0)
    with device(tmp_path / "one", ("Ada", strange)) as one:
        with one.writing():
            one.add_reference(by_name(one, "Ada"), bare)
        export_people(one, tmp_path / "one", [], tmp_path / "pack", PASSPHRASE, 1.0)
    with device(tmp_path / "two") as two:
        (found,) = seen(two, tmp_path / "two", tmp_path / "pack")
        assert found.looks == 1
        assert found.conflicts == ("vectors of newer-net are left out: it is not here",)
        assert taken(two, tmp_path / "two", tmp_path / "pack").looks == 1
        assert (two.model(), two.coverage(EMBEDDER).pending) == ("", 1)
