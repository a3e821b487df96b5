"""From one embedder to another, in the background, whatever happens meanwhile."""

from __future__ import annotations

import dataclasses
import logging
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from edge.beside import beside
from edge.clock import SystemClock
from edge.embed import Embedder
from edge.enrol import NEW, Enroller
from edge.errors import ModelError, Overloaded, StoreError
from edge.match import BELOW_THRESHOLD, Kind
from edge.recognize import Recognizer
from edge.reembed import BATCH, embed_pending, tidy
from edge.settings import Settings
from edge.store import Reference, Store, open_store
from edge.switch import Switch
from tests.painting import (
    LANDMARKS,
    LOOK,
    NAMES,
    PaintedVision,
    calibrated,
    crop,
    enrolled,
    painted_embedder,
    vector,
)
from tests.store_help import reference

ROOT = Path(__file__).resolve().parent.parent
NEVER = threading.Event()


@pytest.fixture(autouse=True)
def painted(monkeypatch: pytest.MonkeyPatch) -> None:
    """No model files."""
    monkeypatch.setattr("edge.recognize.calibration_of", calibrated)
    monkeypatch.setattr("edge.reembed.calibration_of", calibrated)
    monkeypatch.setattr("edge.reembed.load_embedder", lambda model, threads: painted_embedder(model))


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with open_store(tmp_path, SystemClock()) as opened:
        yield opened


def recognizer(store: Store, model: str = "alpha") -> tuple[Recognizer, PaintedVision, Enroller]:
    settings = Settings()
    vision = PaintedVision(model, settings)
    made = Recognizer(vision, store, 1e-3)
    return made, vision, Enroller(made, store, settings, SystemClock())


def name_of(recognizer: Recognizer, picture: str) -> str | None:
    (face,) = recognizer.identify(picture.encode())
    return face.person.name if face.person else None


def switched(store: Store, model: str, *, lose: bool = False) -> bool:
    for _ in embed_pending(store, painted_embedder(model)):
        pass
    return store.use_model(model, lose=lose)


# -- the work


def test_everybody_is_known_before_during_and_after(store: Store) -> None:
    people = {name: enrolled(store, name) for name in NAMES}
    made, vision, _ = recognizer(store)
    for _ in embed_pending(store, painted_embedder("beta")):
        assert [name_of(made, name) for name in NAMES] == list(NAMES)
    assert vision.embedder.id == "alpha"
    Switch(made, store, "beta").look(NEVER)
    assert (store.model(), vision.embedder.id, made.model) == ("beta", "beta", "beta")
    assert [name_of(made, name) for name in NAMES] == list(NAMES)
    assert {
        name: store.person(person.id) == store.person_by_row(person.row) for name, person in people.items()
    }
    assert {one.models for person in people.values() for one in store.remembered(person.row)} == {("beta",)}


def test_pages_and_batches_reach_every_crop_once(store: Store) -> None:
    for number in range(3 * BATCH + 2):
        enrolled(store, NAMES[number % 5])
    assert list(embed_pending(store, painted_embedder("beta"))) == [BATCH] * 3 + [2]
    assert list(embed_pending(store, painted_embedder("beta"))) == []


def test_a_crop_that_cannot_be_read_is_told_marked_and_not_tried_again(
    store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    anna, bert = enrolled(store, "anna"), enrolled(store, "bert")
    good, whole = LANDMARKS.points, crop("anna")
    spoiled = [
        (b"\xff\xd8 torn", good),
        (whole[:-900], good),
        (whole, None),
        (whole, 0 * good),
        (whole, 1e30 * good),
    ]
    with store.writing():
        for number, (picture, points) in enumerate(spoiled):
            look = dataclasses.replace(reference(number, "alpha", picture), landmarks=points)
            store.add_reference(anna, look)
    assert sum(embed_pending(store, painted_embedder("beta"))) == len(spoiled) + 2
    said = [record.getMessage() for record in caplog.records]
    assert len(said) == len(spoiled)
    assert all(anna.id in line for line in said)
    assert store.coverage("beta").unreadable == len(spoiled)
    assert store.pending("beta") == []
    assert store.use_model("beta")
    assert {row: len(matrix) for row, matrix in store.changes(0, "beta")} == {anna.row: 1, bert.row: 1}


def test_the_switch_waits_for_people_who_would_be_lost(
    store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    for name in NAMES[:3]:
        enrolled(store, name)
    dora = enrolled(store, "dora", kept=False)
    made, _, enroller = recognizer(store)
    switch = Switch(made, store, "beta")
    for _ in range(3):
        switch.look(NEVER)
    assert store.model() == "alpha"
    assert name_of(made, "dora") == "dora"
    said = [record for record in caplog.records if record.levelno == logging.WARNING]
    assert len(said) == 1, "once, not each minute"
    assert "1 people would be strangers" in said[0].getMessage()
    enroller.train(b"emil", "emil", None)  # goes on meanwhile
    assert enroller.train(b"dora", None, dora.id).person == store.person(
        dora.id
    )  # the same picture: no crop yet
    with store.writing():
        store.drop_reference(store.remembered(dora.row)[0].row)
    enroller.train(b"dora", None, dora.id)
    switch.look(NEVER)
    assert store.model() == "beta"
    assert [name_of(made, name) for name in NAMES] == list(NAMES)


def test_who_was_lost_on_purpose_is_a_stranger_and_known_again_when_switched_back(store: Store) -> None:
    enrolled(store, "anna")
    dora = enrolled(store, "dora", kept=False)
    made, _, _ = recognizer(store)
    assert switched(store, "beta", lose=True)
    assert tidy(store, "beta") == 1
    assert [name_of(made, name) for name in ("anna", "dora")] == ["anna", None]
    assert store.person(dora.id) is not None
    assert switched(store, "alpha")
    assert [name_of(made, name) for name in ("anna", "dora")] == ["anna", "dora"]


def test_who_was_lost_is_claimed_with_a_warning_and_known_again(store: Store) -> None:
    dora = enrolled(store, "dora", kept=False)
    _, _, enroller = recognizer(store, "beta")
    assert switched(store, "beta", lose=True)
    (warning,) = enroller.train(b"dora", None, dora.id).warnings
    assert warning.code == "unverified"
    assert "the person's only reference cannot be compared" in warning.message
    assert [one.models for one in store.remembered(dora.row)] == [("alpha",), ("beta",)]
    assert enroller.train(b"dora", None, dora.id).warnings == ()


def test_a_claim_met_by_a_switch_is_compared_with_the_new_embedders_references(store: Store) -> None:
    """Or it would be taken for the picture again that the old one knows, and nothing be learnt."""
    dora = enrolled(store, "dora", kept=False)
    _, vision, enroller = recognizer(store)

    def flip() -> None:
        vision.between = lambda: None
        assert switched(store, "beta", lose=True)

    vision.between = flip
    (warning,) = enroller.train(b"dora", None, dora.id).warnings
    assert warning.code == "unverified"
    assert [one.models for one in store.remembered(dora.row)] == [("alpha",), ("beta",)]


def test_a_switch_to_a_model_that_cannot_be_loaded_is_a_model_error(store: Store) -> None:
    enrolled(store, "anna")
    made, vision, _ = recognizer(store)
    vision.gone.add("beta")
    assert switched(store, "beta")
    with pytest.raises(ModelError):
        made.identify(b"anna")
    with pytest.raises(ModelError):
        made.refresh()


def test_who_is_erased_while_a_face_is_compared_is_unknown(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    enrolled(store, "anna")
    made, _, _ = recognizer(store)
    monkeypatch.setattr(store, "person_by_row", lambda row: None)
    (face,) = made.identify(b"anna")
    assert (face.person, face.verdict, face.similarity) == (None, Kind.UNKNOWN, BELOW_THRESHOLD)


def test_each_embedders_mirror_agreement_is_its_own(store: Store) -> None:
    with store.writing():
        anna = store.create_person("anna")
        look = dataclasses.replace(LOOK, mirror=0.5)
        store.add_reference(
            anna,
            Reference(None, vector("anna", "alpha"), "alpha", 0.9, 1.0, crop("anna"), LANDMARKS.points, look),
        )
        store.add_reference(
            anna, Reference(None, vector("bert", "alpha"), "alpha", 0.9, 1.0, crop("bert"), None, look)
        )
    assert [one.look for one in store.remembered(anna.row)] == [look, look]
    assert switched(store, "beta")
    assert [one.look for one in store.remembered(anna.row)] == [LOOK, dataclasses.replace(LOOK, mirror=None)]
    (known,) = store.references(anna.row)
    assert known.look == LOOK
    assert switched(store, "alpha")
    assert [one.look for one in store.remembered(anna.row)] == [look, look]


def test_an_embedder_whose_files_are_amiss_takes_nothing_over(
    store: Store, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    enrolled(store, "anna")
    made, _, _ = recognizer(store)

    def missing(model: str, threads: int) -> Embedder:
        raise ModelError(f"model file {model}.tflite: No such file or directory")

    monkeypatch.setattr("edge.reembed.load_embedder", missing)
    switch = Switch(made, store, "beta")
    with pytest.raises(ModelError):
        switch.look(NEVER)
    monkeypatch.setattr("edge.switch.LOOK_EVERY_S", 0.01)
    with beside(switch.run, "switch"):
        assert not threading.Event().wait(0.3)
        assert name_of(made, "anna") == "anna"
    said = [record.getMessage() for record in caplog.records if record.levelno == logging.ERROR]
    assert len(said) == 1, "once, not at each look"
    assert "No such file" in said[0]
    assert store.model() == "alpha"


def test_when_another_process_has_switched_elsewhere_this_one_leaves_off(
    store: Store, tmp_path: Path
) -> None:
    enrolled(store, "anna")
    made, vision, _ = recognizer(store)
    switch = Switch(made, store, "gamma")
    assert switch.under_way
    with open_store(tmp_path, SystemClock()) as other:
        assert switched(other, "beta")
    for _ in range(2):
        switch.look(NEVER)
    assert (store.model(), vision.embedder.id) == ("beta", "beta")
    assert name_of(made, "anna") == "anna"
    assert not switch.under_way


def test_it_lets_requests_go_first_and_stops_at_once(store: Store) -> None:
    for name in NAMES:
        enrolled(store, name)
    made, vision, _ = recognizer(store)
    vision._painted.busy = True
    with beside(Switch(made, store, "beta").run, "switch"):
        threading.Event().wait(0.2)
        assert store.coverage("beta").embedded == 0
    assert len(store.pending("beta")) == 5
    assert store.model() == "alpha"


# -- never two embedders in one comparison


def test_a_switch_between_embedding_and_matching_is_walked_again(store: Store) -> None:
    for name in NAMES:
        enrolled(store, name)
    made, vision, enroller = recognizer(store)

    def flip() -> None:
        vision.between = lambda: None
        assert switched(store, "beta")

    def identified() -> str | None:
        return name_of(made, "anna")

    def indexed() -> str | None:
        return enroller.index(b"anna", may_enrol=False).person.name

    def trained() -> str | None:
        return enroller.train(b"anna", "anna", None).person.name

    for way in (identified, indexed, trained):
        assert switched(store, "alpha")
        made.refresh()
        vision.between = flip
        assert way() == "anna"
        assert store.model() == "beta"
    assert len(store.people()) == len(NAMES)


def test_a_new_person_and_a_claimed_one_get_vectors_of_the_answering_embedder(store: Store) -> None:
    """These two ways ask no verdict, so nothing else would notice."""
    anna = enrolled(store, "anna")
    _, vision, enroller = recognizer(store)

    def flip() -> None:
        vision.between = lambda: None
        assert switched(store, "beta" if store.model() == "alpha" else "alpha")

    vision.between = flip
    made = enroller.train(b"bert", "bert", NEW).person
    assert [one.models for one in store.remembered(made.row)] == [("beta",)]
    vision.between = flip
    enroller.train(b"anna", None, anna.id)
    assert (store.references(anna.row)[0].vector == vector("anna", "alpha")).all()


def test_a_store_that_flips_all_the_time_is_told_as_overload(store: Store) -> None:
    enrolled(store, "anna")
    made, vision, _ = recognizer(store)
    switched(store, "beta")
    vision.between = lambda: switched(store, "beta" if vision.embedder.id == "alpha" else "alpha")
    with pytest.raises(Overloaded, match="answers now"):
        made.identify(b"anna")


def test_many_threads_in_two_processes_never_confuse_people(store: Store, tmp_path: Path) -> None:
    """Two stores stand for two processes; one flips to and fro while all look and train."""
    for name in NAMES:
        enrolled(store, name)
    wrong: list[tuple[str, str | None]] = []
    asked = 0
    stop = threading.Event()
    with open_store(tmp_path, SystemClock()) as other:
        doors = [recognizer(store), recognizer(other)]

        def look(number: int) -> int:
            made, _, enroller = doors[number % 2]
            done = 0
            while not stop.is_set():
                name = NAMES[(number + done) % len(NAMES)]
                if number == 0:
                    found = enroller.train(name.encode(), None, None).person.name
                elif number == 1:
                    found = enroller.index(name.encode(), may_enrol=True).person.name
                else:
                    found = name_of(made, name)
                if found != name:
                    wrong.append((name, found))
                done += 1
            return done

        with ThreadPoolExecutor(6) as pool:
            jobs = [pool.submit(look, number) for number in range(6)]
            for turn in range(12):
                model = ("beta", "alpha")[turn % 2]
                while not switched(store, model):
                    pass
                tidy(store, model)
            stop.set()
            asked = sum(job.result() for job in jobs)
    assert wrong == []
    assert asked > 100
    assert len(store.people()) == len(NAMES)


# -- crashes and full disks

WORKER = """
import sys
from pathlib import Path
from edge.clock import SystemClock
from edge.store import open_store
from edge.reembed import embed_pending
from tests.painting import painted_embedder

with open_store(Path(sys.argv[1]), SystemClock()) as store:
    print("ready", flush=True)
    for number in embed_pending(store, painted_embedder("beta", float(sys.argv[2]))):
        print(number, flush=True)
    print(store.use_model("beta"), flush=True)
"""


def worker(state: Path, slowness: float) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", WORKER, str(state), str(slowness)], stdout=subprocess.PIPE, text=True, cwd=ROOT
    )


def test_kill_9_loses_no_vector_that_was_written_and_the_next_one_goes_on(
    store: Store, tmp_path: Path
) -> None:
    people = [enrolled(store, NAMES[number % 5]) for number in range(60)]
    done = 0
    for _ in range(4):
        process = worker(tmp_path, 0.01)
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        written = int(process.stdout.readline()) + int(process.stdout.readline())
        process.send_signal(signal.SIGKILL)
        process.stdout.close()
        process.wait()
        embedded = store.coverage("beta").embedded
        assert embedded >= done + written
        done = embedded
        assert store.model() == "alpha"
        if done == len(people):
            break
    process = worker(tmp_path, 0)
    out, _ = process.communicate(timeout=60)
    assert out.splitlines()[-1] == "True"
    assert sum(map(int, out.splitlines()[1:-1])) == len(people) - done
    for person in people:
        assert person.name is not None
        (kept,) = store.references(person.row)
        assert (kept.vector == vector(person.name, "beta")).all()


def test_two_processes_switch_at_once(store: Store, tmp_path: Path) -> None:
    for number in range(40):
        enrolled(store, NAMES[number % 5])
    processes = [worker(tmp_path, 0.005) for _ in range(2)]
    for process in processes:
        out, _ = process.communicate(timeout=120)
        assert out.splitlines()[-1] == "True"
    coverage = store.coverage("beta")
    assert (store.model(), coverage.embedded, coverage.pending) == ("beta", 40, 0)


def test_a_full_disk_stops_the_work_which_goes_on_when_there_is_room(store: Store) -> None:
    for number in range(60):
        enrolled(store, NAMES[number % 5])
    pages = store._people.rows("PRAGMA page_count")[0][0]
    store._people.rows(f"PRAGMA max_page_count = {pages + 2}")
    made, _, _ = recognizer(store)
    switch = Switch(made, store, "beta")
    with pytest.raises(StoreError, match="the disk is full"):
        switch.look(NEVER)
    assert store.model() == "alpha"
    store._people.rows("PRAGMA max_page_count = 1000000")
    switch.look(NEVER)
    assert store.model() == "beta"
    assert store.coverage("beta").embedded == 60
