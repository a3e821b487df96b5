"""detect and the `key` field, with real photographs through real TLS."""

from __future__ import annotations

import base64
import itertools
import json
from collections.abc import Callable

import pytest

from tests.photographs import astronaut, biden, nobody, obama, photographs, two_people
from tests.pictures import encoded, jpeg, opened, oriented, overlap
from tests.service import Answer, Client, key_of

FIELDS = {"confidence", "height", "left", "top", "width"}


def raw(client: Client, body: bytes) -> Answer:
    return client.request("POST", "/v1.0/detect", body)


def with_key(client: Client, key: str, **fields: object) -> Answer:
    return raw(client, json.dumps({"key": key, **fields}).encode())


@pytest.mark.parametrize(
    ("name", "size"),
    [
        ("obama.jpg", (910, 1137)),
        ("obama2.jpg", (626, 1200)),
        ("obama3.jpg", (1434, 2333)),
        ("biden.jpg", (970, 2204)),
        ("astronaut.png", (512, 512)),
        ("32bit.png", (626, 1200)),
    ],
)
def test_a_portrait_has_one_face_in_whole_pixels_inside_the_picture(
    everything: Client, name: str, size: tuple[int, int]
) -> None:
    faces = everything.detect(photographs()[name].read_bytes()).ok()["faces"]
    assert len(faces) == 1
    face = faces[0]
    assert set(face) == FIELDS
    assert all(type(value) is int for value in face.values())
    assert 80 <= face["confidence"] <= 100
    assert 0 <= face["left"] < face["left"] + face["width"] <= size[0]
    assert 0 <= face["top"] < face["top"] + face["height"] <= size[1]
    assert face["height"] >= 100


def test_a_face_cut_off_by_the_edge_has_a_box_inside_the_picture(everything: Client) -> None:
    face = everything.detect(photographs()["obama_partial_face.jpg"].read_bytes()).ok()["faces"][0]
    assert face["left"] == 0
    assert face["left"] + face["width"] <= 491


def test_two_people_come_surest_first(everything: Client) -> None:
    faces = everything.detect(two_people().read_bytes()).ok()["faces"]
    assert len(faces) == 2
    assert faces[0]["confidence"] >= faces[1]["confidence"]
    assert {face["left"] < 480 for face in faces} == {True, False}


@pytest.mark.parametrize("name", ["coffee.png", "chelsea.png", "rocket.jpg"])
def test_no_face_is_an_empty_list_and_no_error(everything: Client, name: str) -> None:
    assert everything.detect(photographs()[name].read_bytes()).ok() == {"faces": []}


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_gives_the_boxes_that_a_person_sees(everything: Client, orientation: int) -> None:
    picture = opened(two_people())
    upright = everything.detect(encoded(picture, "JPEG", quality=95)).ok()["faces"]
    turned = everything.detect(oriented(picture, orientation)).ok()["faces"]
    assert len(turned) == len(upright) == 2
    for face in upright:
        assert max(overlap(face, other) for other in turned) > 0.85


@pytest.mark.parametrize("progressive", [False, True], ids=["baseline", "progressive"])
def test_a_phone_photograph_of_12_megapixels(everything: Client, progressive: bool) -> None:
    """Many people stand far away in it: its faces are small parts of a big picture."""
    small = everything.detect(two_people().read_bytes()).ok()["faces"]
    picture = opened(two_people())
    factor = 4032 / picture.width
    big = picture.resize((4032, round(picture.height * factor)))
    faces = everything.detect(encoded(big, "JPEG", quality=85, progressive=progressive)).ok()["faces"]
    scaled = [{key: round(value * factor) for key, value in face.items()} for face in small]
    assert len(faces) == 2
    for face in scaled:
        assert max(overlap(face, other) for other in faces) > 0.8


def test_the_faces_of_a_class_photograph(everything: Client) -> None:
    """Eight people far away: the smallest face is 25 px of a picture 1024 px wide."""
    room = opened(nobody()).resize((1024, 768))
    places = list(itertools.product((50, 350, 650, 900), (50, 400)))
    for number, place in enumerate(places):
        room.paste(opened((obama, biden, astronaut)[number % 3](), 200), place)
    faces = everything.detect(encoded(room, "JPEG", quality=92)).ok()["faces"]
    assert len(faces) == len(places)
    assert min(face["width"] for face in faces) <= 25


# -- the key field


def published_example(picture: bytes) -> bytes:
    """As the documentation prints it: raw line breaks inside the JSON string."""
    lines = base64.encodebytes(picture).decode()
    return ('{"key": "data:image/jpeg;base64,' + lines + '"}').encode()


TOLERATED: dict[str, Callable[[Client, bytes], Answer]] = {
    "data URI": lambda client, picture: with_key(client, key_of(picture)),
    "bare": lambda client, picture: with_key(client, base64.b64encode(picture).decode()),
    "no padding": lambda client, picture: with_key(client, base64.b64encode(picture).decode().rstrip("=")),
    "raw line breaks": lambda client, picture: raw(client, published_example(picture)),
    "escaped line breaks": lambda client, picture: with_key(client, base64.encodebytes(picture).decode()),
    "spaces": lambda client, picture: with_key(
        client,
        " ".join(
            base64.b64encode(picture).decode()[i : i + 99] for i in range(0, len(picture) * 4 // 3 + 4, 99)
        ),
    ),
    "declared jpg": lambda client, picture: with_key(
        client, "data:image/jpg;base64," + base64.b64encode(picture).decode()
    ),
    "declared png, is jpeg": lambda client, picture: with_key(
        client, "data:image/png;base64," + base64.b64encode(picture).decode()
    ),
    "extra fields": lambda client, picture: with_key(client, key_of(picture), version=7, nested={"a": []}),
    "other content type": lambda client, picture: client.request(
        "POST",
        "/v1.0/detect",
        json.dumps({"key": key_of(picture)}).encode(),
        {"Content-Type": "application/x-www-form-urlencoded"},
    ),
}


@pytest.mark.parametrize("form", TOLERATED)
def test_every_form_of_key_that_is_tolerated(everything: Client, form: str) -> None:
    picture = jpeg(obama(), 301)
    assert len(picture) % 3, "so that there is padding"
    assert len(TOLERATED[form](everything, picture).ok()["faces"]) == 1


@pytest.mark.parametrize(
    ("key", "refusal"),
    [
        (None, (400, "missing_key")),
        ("", (400, "missing_key")),
        ("  \n ", (400, "missing_key")),
        (17, (400, "missing_key")),
        ([], (400, "missing_key")),
        ("data:image/jpeg;base64,", (400, "missing_key")),
        ("data:image/jpeg,abcd", (400, "invalid_base64")),
        ("data:image/jpeg;base64,ab*d", (400, "invalid_base64")),
        ("päivää", (400, "invalid_base64")),
        ("data:image/webp;base64,/9j/4AAQ", (415, "unsupported_image")),
        ("data:;base64,/9j/4AAQ", (415, "unsupported_image")),
        ("data:text/html;base64,/9j/4AAQ", (415, "unsupported_image")),
        ("AAAAAAAA", (415, "unsupported_image")),
        ("https://example.org/photo.jpg", (400, "invalid_base64")),
        ("/etc/passwd", (415, "unsupported_image")),
    ],
)
def test_every_form_of_key_that_is_refused(everything: Client, key: object, refusal: tuple[int, str]) -> None:
    assert raw(everything, json.dumps({"key": key}).encode()).refusal == refusal


@pytest.mark.parametrize(
    "body",
    [b"", b"null", b"[]", b'"key"', b"17", b"true", b"{", b'{"key": NaN}', b"\xff\xfe{}", b"[" * 100_000],
    ids=lambda body: repr(body[:12]),
)
def test_what_is_not_a_json_object(everything: Client, body: bytes) -> None:
    assert raw(everything, body).refusal == (400, "invalid_json")


def test_the_limits_are_counted_without_white_space(everything: Client) -> None:
    """train takes 1e6 characters of base 64; detect 8e6, a phone's photograph."""
    picture = jpeg(obama(), 300)
    filled = picture + bytes(750_000 - len(picture))
    assert len(base64.b64encode(filled)) == 1_000_000
    lines = base64.encodebytes(filled).decode()
    assert everything.post("/v1.0/train", key=lines).status == 200
    assert everything.train(filled + b"\0").refusal == (413, "body_too_large")
    assert everything.detect(picture + bytes(6_000_000 - len(picture))).status == 200
    assert everything.detect(picture + bytes(6_000_001 - len(picture))).refusal == (413, "body_too_large")
    assert everything.detect(picture + bytes(12_100_000)).refusal == (413, "body_too_large")
