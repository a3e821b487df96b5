"""train, with real photographs through real TLS."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from PIL import ImageFilter

from edge.store import open_store
from tests.photographs import biden, obama, photographs
from tests.pictures import encoded, jpeg, opened
from tests.service import Client, Service, served
from tests.test_contract_codes import NOBODY_ID
from tests.test_contract_people import crop_of, whole


def test_a_stranger_becomes_a_person_named_unknown_and_is_known_from_then_on(client: Client) -> None:
    first = client.train(jpeg(obama(), 500)).ok()
    whole(first)
    assert first["metadata"] == {"name": "unknown"}
    assert client.train(photographs()["obama3.jpg"].read_bytes()).ok()["personId"] == first["personId"]
    other = client.train(jpeg(biden(), 800)).ok()
    assert other["personId"] != first["personId"]
    assert len(client.people()) == 2


def test_a_name_is_given_once(client: Client) -> None:
    unnamed = client.train(jpeg(obama(), 500)).ok()
    named = client.train(jpeg(obama(), 500), name="Barack Obama").ok()
    assert named == {"personId": unnamed["personId"], "metadata": {"name": "Barack Obama"}}
    assert client.train(jpeg(obama(), 500), name="Barack Obama").ok() == named
    assert client.train(jpeg(obama(), 500), name="Somebody").refusal == (409, "name_conflict")
    assert client.train(jpeg(obama(), 500), name="unknown").ok() == named
    assert [person["metadata"]["name"] for person in client.people()] == ["Barack Obama"]


def test_a_face_of_less_than_64_px_is_taken_with_a_warning(client: Client) -> None:
    answer = client.train(jpeg(obama(), 200)).ok()
    assert [warning["code"] for warning in answer["warnings"]] == ["small_face"]
    assert "px" in answer["warnings"][0]["message"]
    assert client.train(jpeg(obama(), 500)).ok()["personId"] == answer["personId"]
    assert "warnings" not in client.train(jpeg(obama(), 500)).ok()


def blurred(radius: float) -> bytes:
    return encoded(opened(obama(), 400).filter(ImageFilter.GaussianBlur(radius)), "PNG")


def test_a_blurred_face_is_taken_with_a_warning_that_says_how_blurred(client: Client) -> None:
    answer = client.train(blurred(2.5)).ok()
    whole(answer)
    assert [warning["code"] for warning in answer["warnings"]] == ["blurred_face"]
    assert re.search(r"is 0\.\d\d; from 0\.\d\d", answer["warnings"][0]["message"])


def test_a_very_blurred_face_of_somebody_known_is_added_only_if_somebody_says_who_it_is(
    service: Service, client: Client
) -> None:
    person = client.train(blurred(3), name="Barack").ok()["personId"]
    answer = client.train(blurred(3.5)).ok()
    assert answer["personId"] == person
    assert [warning["code"] for warning in answer["warnings"]] == ["blurred_face", "not_added"]
    assert "sharpness" in answer["warnings"][1]["message"]
    assert references(service, person) == 1
    answer = client.train(blurred(3.5), person_id=person).ok()
    assert [warning["code"] for warning in answer["warnings"]] == ["blurred_face"]


def references(service: Service, person_id: str) -> int:
    """How many pictures of the person are remembered: the store read by a second process, this one."""
    with open_store(service.state) as store:
        person = store.person(person_id)
        assert person is not None
        return len(store.references(person.row))


def overexposed() -> bytes:
    """Another photograph of him that matches, but not surely."""
    picture = opened(photographs()["obama2.jpg"], 520)
    return encoded(picture.point(lambda level: min(int(level * 3.2), 255)), "PNG")


def test_a_doubtful_match_is_not_added_unless_somebody_says_who_it_is(
    service: Service, client: Client
) -> None:
    person = client.train(obama().read_bytes(), name="Barack").ok()["personId"]
    doubtful = overexposed()
    answer = client.train(doubtful).ok()
    assert answer["personId"] == person
    assert [warning["code"] for warning in answer["warnings"]] == ["not_added"]
    assert references(service, person) == 1
    assert "warnings" not in client.train(doubtful, name="Barack").ok()
    assert references(service, person) == 2
    third = photographs()["obama3.jpg"].read_bytes()
    assert "warnings" not in client.train(third, person_id=person).ok()
    assert references(service, person) == 3


def test_the_same_picture_twice_adds_nothing(service: Service, client: Client) -> None:
    person = client.train(jpeg(obama(), 500)).ok()["personId"]
    for picture in (jpeg(obama(), 500), jpeg(obama(), 490), encoded(opened(obama(), 500), "PNG")):
        assert client.train(picture, person_id=person).ok()["personId"] == person
    assert references(service, person) == 1


def test_person_id_says_whose_face_it_is(client: Client) -> None:
    person = client.train(obama().read_bytes()).ok()["personId"]
    assert client.train(jpeg(biden(), 800), person_id=person).refusal == (422, "face_mismatch")
    assert client.train(jpeg(obama(), 500), person_id=NOBODY_ID).refusal == (404, "unknown_person_id")
    assert client.train(jpeg(obama(), 500), person_id=person).ok()["personId"] == person


def test_new_makes_twins_whom_nobody_guesses_apart(client: Client) -> None:
    one = client.train(jpeg(obama(), 500), name="Castor").ok()["personId"]
    two = client.train(jpeg(obama(), 500), name="Pollux", person_id="new").ok()["personId"]
    assert one != two
    crop = crop_of(client, obama(), square=True)
    for answer in (client.train(jpeg(obama(), 500)), client.index(crop)):
        assert answer.refusal == (422, "ambiguous_person")
        assert set(answer.error["personIds"]) == {one, two}
    face = client.identify(jpeg(obama(), 500)).ok()["faces"][0]
    assert (face["personId"], face["verdict"]) == (None, "ambiguous")
    assert client.train(jpeg(obama(), 500), person_id=two).ok()["personId"] == two
    assert len(client.people()) == 2


def test_at_the_cap_of_references_the_answer_is_the_same(tmp_path: Path) -> None:
    with served(tmp_path / "state", max_references=2) as running:
        client = running.with_scopes("client", "recognise", "train")
        person = client.train(obama().read_bytes(), name="Barack").ok()["personId"]
        for name in ("obama2.jpg", "obama3.jpg", "obama_partial_face.jpg"):
            answer = client.train(photographs()[name].read_bytes(), name="Barack").ok()
            assert answer == {"personId": person, "metadata": {"name": "Barack"}}
            assert references(running, person) <= 2


@pytest.mark.parametrize(
    "fields",
    [
        {"metadata": "Barack"},
        {"metadata": {"name": 7}},
        {"metadata": {"name": ""}},
        {"metadata": {"name": "x" * 101}},
        {"personId": 7},
        {"personId": ""},
    ],
    ids=str,
)
def test_fields_of_the_wrong_kind_write_nothing(client: Client, fields: dict[str, object]) -> None:
    assert client.post("/v1.0/train", jpeg(obama(), 300), **fields).refusal == (400, "invalid_json")
    assert client.people() == []
