"""index, identify and the people, with real photographs through real TLS."""

from __future__ import annotations

import uuid
from pathlib import Path

import pytest

from tests.photographs import astronaut, biden, nobody, obama, photographs, two_people
from tests.pictures import cut_out, encoded, jpeg, opened
from tests.service import Client, Service, served
from tests.test_contract_codes import NOBODY_ID


def crop_of(client: Client, path: Path, square: bool) -> bytes:
    """As a small client makes it: where detect saw the face, 64 x 64."""
    return cut_out(path, client.detect(path.read_bytes()).ok()["faces"][0], square)


def whole(answer: dict[str, object]) -> None:
    """The answer of train and index as published."""
    assert set(answer) - {"warnings"} == {"personId", "metadata"}
    assert uuid.UUID(str(answer["personId"])).version == 4


# -- index


@pytest.mark.parametrize("square", [True, False], ids=["squared", "squeezed"])
@pytest.mark.parametrize(
    ("path", "strangers"),
    [
        (obama(), [biden(), astronaut()]),
        (biden(), [obama(), astronaut()]),
        (astronaut(), [obama(), biden()]),
        (photographs()["obama3.jpg"], [biden(), astronaut()]),
    ],
    ids=lambda value: value.name if isinstance(value, Path) else "",
)
def test_a_cut_out_face_is_the_person_of_the_photograph(
    client: Client, path: Path, strangers: list[Path], square: bool
) -> None:
    for stranger in strangers:
        client.train(jpeg(stranger)).ok()
    person = client.train(jpeg(path), name="It").ok()["personId"]
    assert client.index(crop_of(client, path, square)).ok() == {
        "personId": person,
        "metadata": {"name": "It"},
    }


@pytest.mark.parametrize("square", [True, False], ids=["squared", "squeezed"])
def test_a_photograph_is_the_person_of_the_cut_out_face(client: Client, square: bool) -> None:
    """The other way round: index enrols, train and identify recognise."""
    person = client.index(crop_of(client, astronaut(), square)).ok()
    whole(person)
    assert person["metadata"] == {"name": "unknown"}
    assert client.index(crop_of(client, astronaut(), square)).ok()["personId"] == person["personId"]
    face = client.identify(astronaut().read_bytes()).ok()["faces"][0]
    assert (face["personId"], face["verdict"]) == (person["personId"], "match")
    assert client.train(jpeg(astronaut()), name="Eileen").ok()["personId"] == person["personId"]
    assert len(client.people()) == 1


def test_index_takes_64_px_and_a_face(client: Client) -> None:
    answer = client.index(jpeg(obama(), 300))
    assert answer.refusal == (422, "wrong_size")
    assert "240x300" in answer.error["message"]
    assert "train" in answer.error["message"]
    coffee = encoded(opened(nobody()).resize((64, 64)), "PNG")
    assert client.index(coffee).refusal == (422, "no_face")
    assert client.people() == []


def test_without_the_train_scope_index_enrols_nobody_and_knows_the_known(
    service: Service, client: Client
) -> None:
    looks = service.with_scopes("looks", "recognise")
    crop = crop_of(client, obama(), square=True)
    assert looks.index(crop).refusal == (422, "unknown_person")
    assert client.people() == []
    person = client.train(obama().read_bytes()).ok()["personId"]
    assert looks.index(crop).ok()["personId"] == person


def test_with_the_setting_off_index_enrols_nobody(tmp_path: Path) -> None:
    with served(tmp_path / "state", enrol_on_index=False) as running:
        client = running.with_scopes("client", "recognise", "train")
        crop = crop_of(client, obama(), square=True)
        assert client.index(crop).refusal == (422, "unknown_person")


# -- identify


def test_identify_says_who_and_enrols_nobody(client: Client) -> None:
    before = client.identify(two_people().read_bytes()).ok()["faces"]
    assert [face["verdict"] for face in before] == ["unknown", "unknown"]
    assert client.people() == []
    person = client.train(obama().read_bytes(), name="Barack").ok()["personId"]
    faces = client.identify(two_people().read_bytes()).ok()["faces"]
    known = next(face for face in faces if face["left"] < 480)
    stranger = next(face for face in faces if face["left"] >= 480)
    assert (known["personId"], known["metadata"], known["verdict"]) == (person, {"name": "Barack"}, "match")
    assert (stranger["personId"], stranger["metadata"]) == (None, {"name": "unknown"})
    assert stranger["verdict"] == "unknown"
    assert 0 <= stranger["similarity"] < known["similarity"] <= 100
    assert {"confidence", "height", "left", "top", "width"} <= set(known)
    assert client.identify(nobody().read_bytes()).ok() == {"faces": []}
    assert len(client.people()) == 1


@pytest.mark.parametrize("enrolled", ["obama.jpg", "obama2.jpg", "obama3.jpg", "obama_partial_face.jpg"])
def test_one_photograph_is_enough_to_know_all_the_others(client: Client, enrolled: str) -> None:
    """And two other people stay strangers."""
    person = client.train(photographs()[enrolled].read_bytes()).ok()["personId"]
    for name in ("obama.jpg", "obama2.jpg", "obama3.jpg", "obama_partial_face.jpg", "32bit.png"):
        assert client.identify(photographs()[name].read_bytes()).ok()["faces"][0]["personId"] == person, name
    for name in ("biden.jpg", "astronaut.png"):
        assert client.identify(photographs()[name].read_bytes()).ok()["faces"][0]["verdict"] == "unknown"


# -- the people


def test_a_merged_id_goes_on_answering_everywhere(client: Client) -> None:
    kept = client.train(obama().read_bytes(), name="Barack").ok()["personId"]
    gone = client.train(photographs()["obama2.jpg"].read_bytes(), person_id="new").ok()["personId"]
    merged = client.post(f"/v1.0/people/{kept}/merge", personId=gone).ok()
    assert (merged["personId"], merged["metadata"]) == (kept, {"name": "Barack"})
    assert client.post(f"/v1.0/people/{kept}/merge", personId=gone).ok() == merged
    assert client.get(f"/v1.0/people/{gone}").ok() == merged
    assert client.train(jpeg(obama(), 500), person_id=gone).ok()["personId"] == kept
    for name in ("obama.jpg", "obama2.jpg"):
        assert client.identify(photographs()[name].read_bytes()).ok()["faces"][0]["personId"] == kept
    assert client.index(crop_of(client, obama(), square=True)).ok()["personId"] == kept
    renamed = client.request("PATCH", f"/v1.0/people/{gone}", b'{"metadata": {"name": "Barack H."}}').ok()
    assert (renamed["personId"], renamed["metadata"]) == (kept, {"name": "Barack H."})
    assert [person["personId"] for person in client.people()] == [kept]
    third = client.train(jpeg(biden(), 800)).ok()["personId"]
    assert client.post(f"/v1.0/people/{third}/merge", personId=gone).ok()["personId"] == third
    for old in (kept, gone):
        assert client.get(f"/v1.0/people/{old}").ok()["personId"] == third


def test_an_erased_person_is_404_and_a_stranger_again(client: Client) -> None:
    person = client.train(obama().read_bytes(), name="Barack").ok()["personId"]
    alias = client.train(jpeg(obama(), 300), person_id="new").ok()["personId"]
    client.post(f"/v1.0/people/{person}/merge", personId=alias).ok()
    erased = client.request("DELETE", f"/v1.0/people/{alias}").ok()
    assert erased["personId"] == person
    assert "backup" in str(erased).lower()
    for gone in (person, alias):
        for method, body in (("GET", None), ("DELETE", None), ("PATCH", b'{"metadata": {"name": "x"}}')):
            answer = client.request(method, f"/v1.0/people/{gone}", body)
            assert answer.refusal == (404, "unknown_person_id")
        answer = client.post(f"/v1.0/people/{NOBODY_ID}/merge", personId=gone)
        assert answer.refusal == (404, "unknown_person_id")
        assert client.train(jpeg(obama(), 300), person_id=gone).refusal == (404, "unknown_person_id")
    assert client.identify(obama().read_bytes()).ok()["faces"][0]["personId"] is None
    assert client.train(obama().read_bytes()).ok()["personId"] not in (person, alias)


def test_the_people_come_in_pages(client: Client) -> None:
    made = {client.train(jpeg(obama(), 300), person_id="new").ok()["personId"] for _ in range(3)}
    first = client.get("/v1.0/people?limit=2").ok()
    rest = client.get(f"/v1.0/people?limit=2&after={first['next']}").ok()
    assert (len(first["people"]), len(rest["people"]), rest["next"]) == (2, 1, None)
    assert {person["personId"] for person in first["people"] + rest["people"]} == made
    assert client.get("/v1.0/people?limit=0").status == 400
    person = first["people"][0]
    assert person["enrolledBy"] == "train"
    assert person["created"].endswith("Z")


def test_a_name_may_be_changed_by_the_administrator(client: Client) -> None:
    person = client.train(jpeg(obama(), 500), name="Barrack").ok()["personId"]
    path = f"/v1.0/people/{person}"
    assert client.request("PATCH", path, b'{"metadata": {"name": "Barack"}}').ok()["metadata"] == {
        "name": "Barack"
    }
    assert client.identify(jpeg(obama(), 500)).ok()["faces"][0]["metadata"] == {"name": "Barack"}
    assert client.request("PATCH", path, b"{}").refusal == (400, "invalid_json")
    assert client.train(jpeg(obama(), 500), name="Barrack").refusal == (409, "name_conflict")
