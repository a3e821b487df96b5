"""Who is remembered: index and train, with painted faces instead of photographs."""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import numpy as np
import pytest

from edge.budget import MemoryBudget
from edge.calibration import calibration_of
from edge.cap import cap_references
from edge.clock import SystemClock
from edge.embed import KeptCrop
from edge.engine import EMBEDDER, EnginePool
from edge.enrol import NEW, Enroller
from edge.errors import (
    AmbiguousPerson,
    FaceMismatch,
    FaceTooSmall,
    MultipleFaces,
    NameConflict,
    NoFace,
    UnknownPerson,
    UnknownPersonId,
)
from edge.face import Box, Embedding, Face, Landmarks, Look, Vector
from edge.gallery import unit
from edge.match import LEAST_PEOPLE
from edge.portrait import Portrait
from edge.recognize import Recognizer
from edge.settings import Settings, load_settings
from edge.store import Person, Store, open_store
from edge.vision import Detection, Vision

MIB = 1 << 20
GOOD = Look(100.0, 0.4, 0.0, 0.99)
LIMIT = calibration_of(EMBEDDER).threshold(1e-3, LEAST_PEOPLE, 1)


class NoPool:
    """Stands where the interpreters would be; painted faces need none."""

    embedder = SimpleNamespace(id=EMBEDDER, dimensions=128)


class PaintedVision(Vision):
    """Pictures are names of vectors: b"0.97 anna" is anna's face, 0.97 like her, b"1 anna yaw=50" turned;
    a line for each face."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(
            cast(EnginePool, NoPool()), MemoryBudget(256 * MIB, 96 * MIB, SystemClock()), settings
        )

    def portraits(
        self,
        data: bytes,
        check: Callable[[tuple[Face, ...]], object] | None = None,
        *,
        min_confidence: float | None = None,
    ) -> tuple[Detection, list[Portrait]]:
        found = [painted(line) for line in data.splitlines()]
        faces = tuple(portrait.face for portrait in found)
        if check is not None:
            check(faces)
        return Detection(640, 480, faces), found

    def crop_portrait(self, data: bytes, side: int | None = None) -> tuple[Detection, Portrait]:
        portrait = painted(data)
        return Detection(64, 64, (portrait.face,)), portrait

    def kept_crop(self, data: bytes, portrait: Portrait) -> KeptCrop:
        return KeptCrop(np.zeros((8, 8, 3), np.uint8), np.zeros((4, 2), np.float32))


def painted(data: bytes) -> Portrait:
    likeness, name, *rest = data.decode().split()
    look = GOOD
    for words in rest:
        measure, value = words.split("=")
        look = dataclasses.replace(look, **{measure: float(value)})
    landmarks = Landmarks(np.zeros((4, 2), np.float32), 0.9)
    vector = blend(person(name), person(name + "'s other side"), float(likeness))
    face = Face(Box(0, 0, look.side, look.side), 0.9, landmarks)
    return Portrait(face, Embedding(vector, EMBEDDER, look.mirror or 0.0), landmarks, look)


def person(name: str) -> Vector:
    rng = np.random.default_rng(list(name.encode()))
    return unit(rng.standard_normal(128).astype(np.float32))


def blend(one: Vector, other: Vector, cosine: float) -> Vector:
    """A unit vector with that cosine to the first, towards the second."""
    aside = unit(other - (other @ one) * one)
    return unit(cosine * one + np.sqrt(1 - cosine**2) * aside)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with open_store(tmp_path, SystemClock()) as opened:
        yield opened


@pytest.fixture
def enroller(store: Store) -> Enroller:
    return build(store)


def build(store: Store, **settings: object) -> Enroller:
    chosen = load_settings(None, **settings)
    return Enroller(
        Recognizer(PaintedVision(chosen), store, chosen.false_positive_rate), store, chosen, SystemClock()
    )


def test_a_stranger_gets_an_id_and_the_same_one_the_next_time(enroller: Enroller) -> None:
    first = enroller.index(b"1 anna", may_enrol=True)
    again = enroller.index(b"0.99 anna", may_enrol=True)
    assert first.person.name is None
    assert again.person.id == first.person.id
    assert enroller.index(b"1 bert", may_enrol=True).person.id != first.person.id


def test_index_refuses_strangers_when_it_may_not_enrol(store: Store, enroller: Enroller) -> None:
    with pytest.raises(UnknownPerson, match="scope"):
        enroller.index(b"1 anna", may_enrol=False)
    with pytest.raises(UnknownPerson, match="enrol_on_index"):
        build(store, enrol_on_index=False).index(b"1 anna", may_enrol=True)
    known = enroller.train(b"1 anna", "Anna", None).person
    assert enroller.index(b"1 anna", may_enrol=False).person.id == known.id


def test_train_names_somebody_unknown_and_refuses_a_second_name(store: Store, enroller: Enroller) -> None:
    unknown = enroller.index(b"1 anna", may_enrol=True).person
    named = enroller.train(b"0.99 anna", "Anna", None).person
    assert (named.id, named.name) == (unknown.id, "Anna")
    before = len(store.references(named.row))
    with pytest.raises(NameConflict, match="Anna"):
        enroller.train(b"0.9 anna", "Berta", None)
    kept = store.person(named.id)
    assert kept is not None
    assert kept.name == "Anna"
    assert len(store.references(named.row)) == before


def test_a_doubtful_match_does_not_become_a_reference_unless_somebody_vouches(
    store: Store, enroller: Enroller
) -> None:
    anna = enroller.train(b"1 anna", "Anna", None).person
    doubtful = f"{LIMIT + 0.003:.4f} anna".encode()
    answer = enroller.train(doubtful, None, None)
    assert answer.person.id == anna.id
    assert [warning.code for warning in answer.warnings] == ["not_added"]
    assert len(store.references(anna.row)) == 1
    assert enroller.train(doubtful, "Anna", None).warnings == ()
    assert len(store.references(anna.row)) == 2


def test_a_doubtful_match_that_names_somebody_unknown_is_not_learnt_from(
    store: Store, enroller: Enroller
) -> None:
    unknown = enroller.train(b"1 anna", None, None).person
    answer = enroller.train(f"{LIMIT + 0.003:.4f} anna".encode(), "Anna", None)
    assert (answer.person.id, answer.person.name) == (unknown.id, "Anna")
    assert [warning.code for warning in answer.warnings] == ["not_added"]
    assert "the name that the person had already" in answer.warnings[0].message
    assert len(store.references(unknown.row)) == 1


def test_a_sure_match_becomes_a_reference_and_the_same_picture_does_not_twice(
    store: Store, enroller: Enroller
) -> None:
    anna = enroller.train(b"1 anna", None, None).person
    enroller.train(b"0.9 anna", None, None)
    assert len(store.references(anna.row)) == 2
    enroller.train(b"0.9 anna", None, None)
    assert len(store.references(anna.row)) == 2


def test_person_id_says_whose_face_it_is(store: Store, enroller: Enroller) -> None:
    anna = enroller.train(b"1 anna", "Anna", None).person
    enroller.train(b"0.92 anna", None, anna.id)
    assert len(store.references(anna.row)) == 2
    with pytest.raises(FaceMismatch, match="in 1,000 strangers"):
        enroller.train(b"1 bert", None, anna.id)
    with pytest.raises(UnknownPersonId):
        enroller.train(b"1 anna", None, "870752da-c4df-417e-994d-19225e46db0a")
    with pytest.raises(NameConflict):
        enroller.train(b"1 anna", "Berta", anna.id)


def set_aside(store: Store, whose: Person, place: int = -1) -> int:
    """That reference of theirs counts no longer; its number."""
    row = store.remembered(whose.row)[place].row
    with store.writing():
        store.set_aside(row, "to see")
    return row


def test_a_claim_is_compared_with_references_that_are_set_aside_too(store: Store, enroller: Enroller) -> None:
    anna = enroller.train(b"1 anna", "Anna", None).person
    set_aside(store, anna)
    with pytest.raises(FaceMismatch, match="at most 30 may"):
        enroller.train(b"1 bert", None, anna.id)
    assert enroller.train(b"0.9 anna", None, anna.id).warnings == ()
    assert len(store.references(anna.row)) == 2


def test_a_claim_for_somebody_without_any_reference_is_told_as_unverified(
    store: Store, enroller: Enroller
) -> None:
    enroller.train(b"1 anna", "Anna", None)
    with store.writing():
        ida = store.create_person("Ida")
    (warning,) = enroller.train(b"1 ida", None, ida.id).warnings
    assert warning.code == "unverified"
    assert "no reference of the person" in warning.message
    assert len(store.references(ida.row)) == 1


@pytest.mark.parametrize("by_id", [True, False])
def test_a_picture_like_one_that_is_set_aside_is_not_added_and_that_is_said(
    store: Store, enroller: Enroller, by_id: bool
) -> None:
    anna = enroller.train(b"1 anna", "Anna", None).person
    enroller.train(b"0.9 anna", "Anna", None)
    row = set_aside(store, anna)
    (warning,) = enroller.train(b"0.9 anna", None, anna.id if by_id else None).warnings
    assert warning.code == "not_added"
    assert f"it is reference {row} again, which is set aside" in warning.message
    assert f"`api-face people take-back {row}`" in warning.message
    assert len(store.references(anna.row)) == 2


def test_a_picture_like_one_in_use_and_one_set_aside_is_the_one_in_use(
    store: Store, enroller: Enroller
) -> None:
    anna = enroller.train(b"1 anna", "Anna", None).person
    twin = dataclasses.replace(
        store.references(anna.row)[0], row=None, vector=painted(b"0.9999 anna").embedding.vector
    )
    with store.writing():
        store.add_reference(anna, twin)
    set_aside(store, anna)
    assert enroller.train(b"0.9999 anna", "Anna", None).warnings == ()


def test_what_is_set_aside_does_not_say_what_the_others_look_like(store: Store, enroller: Enroller) -> None:
    anna = enroller.train(b"1 anna", "Anna", None).person
    doubtful = calibration_of(EMBEDDER).threshold(0.02, 1, 1)
    enroller.train(f"{doubtful + 0.35:.4f} anna".encode(), None, anna.id)
    set_aside(store, anna)
    answer = enroller.train(f"{doubtful:.4f} anna".encode(), None, anna.id)
    assert [warning.code for warning in answer.warnings] == ["unlike_others"]


def test_the_same_picture_again_brings_the_crop_that_was_not_kept(store: Store) -> None:
    anna = build(store, keep_crops=False).train(b"1 anna", "Anna", None).person
    with store.writing():
        store._people.open_write().execute("UPDATE reference SET side = NULL, quality = 0")
    build(store, keep_crops=False).train(b"1 anna", "Anna", None)
    assert store.coverage("other").cropless == 1
    build(store).train(b"1 anna yaw=12", "Anna", None)
    (reference,) = store.references(anna.row, crops=True)
    assert reference.crop is not None
    assert reference.landmarks is not None
    assert reference.look == dataclasses.replace(GOOD, yaw=12.0)
    assert reference.quality > 0
    assert (store.coverage("other").pending, store.coverage("other").lost) == (1, 0)
    build(store).train(b"1 anna yaw=30", "Anna", None)
    assert store.references(anna.row)[0].look == reference.look, "a good crop stays"


def test_new_makes_twins_and_twins_are_ambiguous(enroller: Enroller) -> None:
    one = enroller.train(b"1 anna", "Anna", None).person
    two = enroller.train(b"1 anna", "Hanna", NEW).person
    assert one.id != two.id
    with pytest.raises(AmbiguousPerson) as refusal:
        enroller.index(b"1 anna", may_enrol=True)
    assert set(cast(list[str], refusal.value.evidence["personIds"])) == {one.id, two.id}
    with pytest.raises(AmbiguousPerson):
        enroller.train(b"1 anna", "Anna", None)
    assert enroller.train(b"0.97 anna", None, two.id).person.id == two.id


def test_at_the_cap_the_least_useful_reference_gives_way(store: Store) -> None:
    enroller = build(store, max_references=3)
    anna = enroller.train(b"1 anna", "Anna", None).person
    for likeness in ("0.96", "0.85", "0.67", "0.44", "0.17"):
        assert enroller.train(f"{likeness} anna".encode(), "Anna", anna.id).person.id == anna.id
    assert len(store.references(anna.row)) == 3


def test_merging_two_people_keeps_to_the_cap_too(store: Store, enroller: Enroller) -> None:
    one = enroller.train(b"1 anna", "Anna", None).person
    two = enroller.train(b"1 bert", None, None).person
    for likeness in ("0.97", "0.94"):
        enroller.train(f"{likeness} anna".encode(), None, one.id)
        enroller.train(f"{likeness} bert".encode(), None, two.id)
    with store.writing():
        kept = store.merge(one, two)
        cap_references(store, kept, 4)
    assert len(store.references(kept.row)) == 4
    assert store.person(two.id) == store.person(one.id)


def test_looks_set_aside_are_outside_the_cap_and_training_drops_none(store: Store) -> None:
    enroller = build(store, max_references=2)
    anna = enroller.train(b"1 anna", "Anna", None).person
    aside: list[int] = []
    for likeness in ("0.96", "0.85", "0.67", "0.44"):
        with store.writing():
            used = [one for one in store.remembered(anna.row) if one.set_aside is None]
            store.set_aside(used[-1].row, "to see")
        aside.append(used[-1].row)
        enroller.train(f"{likeness} anna".encode(), "Anna", anna.id)
    rows = {one.row: one.set_aside is not None for one in store.remembered(anna.row)}
    assert [row for row, is_aside in rows.items() if is_aside] == aside
    assert list(rows.values()).count(False) == 1


def test_looks_that_the_answering_embedder_does_not_know_give_way_first(store: Store) -> None:
    enroller = build(store, max_references=3)
    anna = enroller.train(b"1 anna", "Anna", None).person
    enroller.train(b"0.96 anna", "Anna", anna.id)
    dormant = [one.row for one in store.remembered(anna.row)]
    with store.writing():
        for row in dormant[:1]:
            store.add_embedding(row, "other", person("anna"))
        store.add_embedding(dormant[1], "other", None)
    assert store.use_model("other", lose=True)
    assert store.use_model(EMBEDDER)
    with store.writing():  # as if these two had never been embedded
        store._people.open_write().execute("DELETE FROM embedding WHERE model = ?", (EMBEDDER,))
    for likeness in ("0.85", "0.67", "0.44"):
        enroller.train(f"{likeness} anna".encode(), None, anna.id)
    assert not {one.row for one in store.remembered(anna.row)} & set(dormant)
    assert len(store.references(anna.row)) == 3


def test_train_takes_exactly_one_face_of_a_decent_size(enroller: Enroller) -> None:
    with pytest.raises(NoFace, match="0 faces"):
        enroller.train(b"", None, None)
    with pytest.raises(MultipleFaces, match="2 faces"):
        enroller.train(b"1 anna\n1 bert", None, None)
    for side, said in (("31", "31x31 px"), ("31.96", "31.96x31.96 px")):
        with pytest.raises(FaceTooSmall, match=f"is {said}; at least 32"):
            enroller.train(f"1 anna side={side}".encode(), None, None)
    answer = enroller.train(b"1 anna side=50", None, None)
    assert [warning.code for warning in answer.warnings] == ["small_face"]


@pytest.mark.parametrize("call", ["index", "train"])
def test_many_pictures_of_one_stranger_at_once_make_one_person(
    tmp_path: Path, store: Store, call: str
) -> None:
    del store
    ids: list[str] = []
    with open_store(tmp_path, SystemClock()) as one, open_store(tmp_path, SystemClock()) as two:
        enrollers = [build(one), build(two)] * 8
        gate = threading.Barrier(len(enrollers))

        def work(enroller: Enroller) -> None:
            gate.wait()
            if call == "index":
                ids.append(enroller.index(b"1 anna", may_enrol=True).person.id)
            else:
                ids.append(enroller.train(b"1 anna", None, None).person.id)

        threads = [threading.Thread(target=work, args=(enroller,)) for enroller in enrollers]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(ids) == len(enrollers)
        assert len(set(ids)) == 1
        assert len(list(one.people("", 10))) == 1


def test_crops_are_kept_unless_the_setting_says_no(store: Store) -> None:
    kept = build(store).train(b"1 anna", None, None).person
    bare = build(store, keep_crops=False).train(b"1 bert", None, None).person
    assert store.references(kept.row, crops=True)[0].crop is not None
    assert store.references(bare.row, crops=True)[0].crop is None


@pytest.mark.parametrize(
    ("measure", "code", "words"),
    [
        ("side=50", "small_face", "50 px"),
        ("sharpness=0.19", "blurred_face", "0.19"),
        ("yaw=-45", "turned_face", "45 degrees"),
        ("mirror=0.1", "uneven_face", "0.100"),
    ],
)
def test_a_poor_picture_of_a_stranger_is_learnt_from_with_a_warning(
    store: Store, enroller: Enroller, measure: str, code: str, words: str
) -> None:
    answer = enroller.train(f"1 anna {measure}".encode(), None, None)
    assert [warning.code for warning in answer.warnings] == [code]
    assert words in answer.warnings[0].message
    kept = store.references(answer.person.row)
    assert kept[0].look == painted(f"1 anna {measure}".encode()).look


def test_a_very_blurred_picture_of_somebody_known_is_learnt_from_only_if_somebody_vouches(
    store: Store, enroller: Enroller
) -> None:
    anna = enroller.train(b"1 anna", "Anna", None).person
    poor = b"0.9 anna sharpness=0.1"
    answer = enroller.train(poor, None, None)
    assert answer.person.id == anna.id
    assert [warning.code for warning in answer.warnings] == ["blurred_face", "not_added"]
    assert "0.10" in answer.warnings[1].message
    assert len(store.references(anna.row)) == 1
    assert [warning.code for warning in enroller.train(poor, None, anna.id).warnings] == ["blurred_face"]
    assert len(store.references(anna.row)) == 2


def test_what_is_only_marked_is_learnt_from(store: Store, enroller: Enroller) -> None:
    anna = enroller.train(b"1 anna", "Anna", None).person
    answer = enroller.train(b"0.9 anna yaw=45", None, None)
    assert [warning.code for warning in answer.warnings] == ["turned_face"]
    assert len(store.references(anna.row)) == 2


def test_a_picture_unlike_the_others_is_learnt_from_with_a_warning(store: Store, enroller: Enroller) -> None:
    anna = enroller.train(b"1 anna", "Anna", None).person
    doubtful = calibration_of(EMBEDDER).threshold(0.02, 1, 1)
    answer = enroller.train(f"{doubtful:.4f} anna".encode(), None, anna.id)
    assert [warning.code for warning in answer.warnings] == ["unlike_others"]
    assert "20 in 1,000 strangers" in answer.warnings[0].message
    assert "%" not in answer.warnings[0].message
    assert len(store.references(anna.row)) == 2
