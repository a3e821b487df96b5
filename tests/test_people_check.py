"""`api-face people check` and `show`: what is poor of what is remembered, and the way to set it aside."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge.clock import SystemClock
from edge.engine import EMBEDDER
from edge.face import Look, Vector
from edge.store import Person, Reference, Store, open_store
from tests.test_cli import api_face, refused
from tests.test_outliers import face, faces

GOOD = Look(100.0, 0.4, -12.0, 0.99)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with open_store(tmp_path, SystemClock()) as opened:
        yield opened


def enrolled(
    store: Store, name: str, vectors: list[Vector], look: Look | None = GOOD, model: str = EMBEDDER
) -> Person:
    with store.writing():
        store.begin_with(model)
        person = store.create_person(name)
        for vector in vectors:
            store.add_reference(person, Reference(None, vector, model, 0.5, 1.0, look=look))
    return person


def test_a_wrong_reference_is_named_with_the_command_that_sets_it_aside(store: Store, tmp_path: Path) -> None:
    anna = enrolled(store, "Anna", [*faces(1, 3), face(2, 1.0, 0)])
    enrolled(store, "Bert", faces(3, 2))
    wrong = store.remembered(anna.row)[-1].row
    said = api_face("people", "check", state=tmp_path).stdout
    assert f"{anna.id}  Anna\n    reference {wrong}  " in said
    assert re.search(r"unlike the others \(\d+ in 1,000 strangers are as near\)", said)
    assert "1 of 2 people have references that disagree" in said
    assert "unlike the others (" in api_face("people", "show", anna.id, state=tmp_path).stdout
    (command,) = [line.strip() for line in said.splitlines() if "set-aside" in line]
    assert command == f'api-face people set-aside {wrong} --why "unlike the others"'
    words = ("people", "set-aside", wrong, "--why", "unlike the others")
    assert api_face(*words, state=tmp_path).returncode == 0
    assert "0 of 1 people" in api_face("people", "check", anna.id, state=tmp_path).stdout
    shown = api_face("people", "show", anna.id, state=tmp_path).stdout
    assert "unlike the others (" not in shown
    assert api_face("people", "take-back", wrong, state=tmp_path).returncode == 0
    assert "1 of 1 people" in api_face("people", "check", anna.id, state=tmp_path).stdout


def test_of_two_that_disagree_nothing_tells_which_is_wrong(store: Store, tmp_path: Path) -> None:
    anna = enrolled(store, "Anna", [face(1, 1.0, 0), face(2, 1.0, 0), face(6, 1.0, 0)])
    with store.writing():
        database = store._people.open_write()
        database.execute("UPDATE embedding SET model = 'other' WHERE row = 3")  # not compared
    assert len(store.references(anna.row)) == 2
    said = api_face("people", "check", state=tmp_path).stdout
    assert "one of these two is wrong: look at both photographs first" in said
    assert said.count("set-aside") == 2
    bert = enrolled(store, "Bert", [face(who, 1.0, 0) for who in (3, 4, 5)])
    assert "nothing tells which are wrong" in api_face("people", "check", bert.id, state=tmp_path).stdout


def test_the_last_one_that_counts_is_not_set_aside_unasked(store: Store, tmp_path: Path) -> None:
    anna = enrolled(store, "Anna", faces(1, 2))
    first, last = (one.row for one in store.remembered(anna.row))
    assert api_face("people", "set-aside", first, state=tmp_path).returncode == 0
    assert "the last one" in refused(api_face("people", "set-aside", last, state=tmp_path), 2)
    assert store.remembered(anna.row)[1].set_aside is None
    assert api_face("people", "set-aside", last, "--last", state=tmp_path).returncode == 0


def test_one_that_no_other_replaces_for_the_answering_embedder_is_the_last_one(
    store: Store, tmp_path: Path
) -> None:
    anna = enrolled(store, "Anna", faces(1, 1))
    (dormant,) = (one.row for one in store.remembered(anna.row))
    assert store.use_model("other", lose=True)
    with store.writing():
        store.add_reference(anna, Reference(None, face(1, 0.9, 9), "other", 0.5, 1.0))
    assert "the last one" in refused(api_face("people", "set-aside", dormant + 1, state=tmp_path), 2)
    assert api_face("people", "set-aside", dormant, state=tmp_path).returncode == 0


def test_setting_aside_twice_changes_the_reason_and_says_so(store: Store, tmp_path: Path) -> None:
    anna = enrolled(store, "Anna", faces(1, 2))
    row = store.remembered(anna.row)[0].row
    answers = [
        ((), "is set aside; 1 still count"),
        (("--why", "not Anna"), "was set aside already: not Anna"),
        ((), "was set aside already: not Anna"),
    ]
    for words, said in answers:
        assert said in api_face("people", "set-aside", row, *words, state=tmp_path).stdout
    assert "counts again" in api_face("people", "take-back", row, state=tmp_path).stdout
    assert "was in use already" in api_face("people", "take-back", row, state=tmp_path).stdout


def test_no_more_are_set_aside_than_may_be_in_use(store: Store, tmp_path: Path) -> None:
    (tmp_path / "settings.toml").write_text("max_references = 2\n")
    anna = enrolled(store, "Anna", faces(1, 4))
    rows = [one.row for one in store.remembered(anna.row)]
    for row in rows[:2]:
        assert api_face("people", "set-aside", row, state=tmp_path).returncode == 0
    words = ("people", "set-aside", rows[2])
    assert "2 references of the person are set aside" in refused(api_face(*words, state=tmp_path), 2)


def test_without_the_answering_models_files_people_are_shown_all_the_same(
    store: Store, tmp_path: Path
) -> None:
    anna = enrolled(store, "Anna", faces(1, 2), model="guesswork")
    shown = api_face("people", "show", anna.id, state=tmp_path)
    assert "the references were not compared: embedder guesswork" in shown.stdout
    assert shown.stdout.count("\nreference ") == 2
    assert "nobody was compared: embedder guesswork" in api_face("people", "check", state=tmp_path).stdout


def test_nobody_disagrees_where_nobody_is_known(store: Store, tmp_path: Path) -> None:
    assert "0 of 0 people" in api_face("people", "check", state=tmp_path).stdout
    assert "no person" in refused(api_face("people", "check", "nobody", state=tmp_path), 1)


def test_show_marks_what_is_poor(store: Store, tmp_path: Path) -> None:
    anna = enrolled(store, "Anna", faces(1, 1), Look(50.0, 0.1, -70.0, 0.99))
    bert = enrolled(store, "Bert", faces(2, 1), None)
    shown = api_face("people", "show", anna.id, state=tmp_path).stdout
    for words in ("50 px", "0.10", "70 degrees", "small_face  blurred_face  turned_face"):
        assert words in shown
    assert "_face" not in api_face("people", "show", bert.id, state=tmp_path).stdout
