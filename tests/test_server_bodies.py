"""The body of a request: JSON and `key`, odd ones too, as the contract wants them."""

from __future__ import annotations

import base64
import contextlib
import json
import tracemalloc
from collections.abc import Iterator
from typing import Any

import pytest

from edge.errors import BodyTooLarge, EdgeError, InvalidBase64, InvalidJson, MissingKey, UnsupportedImage
from edge.server.body import MEMORY_FACTOR
from edge.server.key import picture_of
from edge.server.unpack import unpacked
from tests.serving import Recognizing, Served

DATA = b"\xff\xd8\xff\xe0" + bytes(range(256))
TEXT = base64.b64encode(DATA).decode()


@pytest.fixture(autouse=True)
def recognizing(alone: Served) -> Iterator[Recognizing]:
    """The double as new."""
    alone.recognizing.__init__()  # type: ignore[misc]
    yield alone.recognizing


# -- key, alone -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "key",
    [
        f"data:image/jpeg;base64,{TEXT}",
        f"data:image/png;base64,{TEXT}",
        f"data:image/jpg;base64,{TEXT}",
        f"DATA:IMAGE/JPEG;BASE64,{TEXT}",
        f"data:image/jpeg;charset=utf-8;base64,{TEXT}",
        TEXT,
        "\n".join(TEXT[at : at + 76] for at in range(0, len(TEXT), 76)) + "\r\n",
        f"  data:image/jpeg;base64, {TEXT[:50]} \t{TEXT[50:]}",
    ],
)
def test_what_is_taken(key: str) -> None:
    assert picture_of({"key": key}, 1000) == DATA


@pytest.mark.parametrize(
    ("key", "data"), [("QQ==", b"A"), ("QQ=", b"A"), ("QQ", b"A"), ("QUI=", b"AB"), ("QUI", b"AB")]
)
def test_missing_padding_is_taken(key: str, data: bytes) -> None:
    assert picture_of({"key": key}, 1000) == data


@pytest.mark.parametrize(
    ("key", "error"),
    [
        ("", MissingKey),
        (" \n", MissingKey),
        ("data:image/jpeg;base64,", MissingKey),
        (None, MissingKey),
        (7, MissingKey),
        (["QUJD"], MissingKey),
        ("QUJD!", InvalidBase64),
        ("Q-_Q", InvalidBase64),
        ("QUJDé", InvalidBase64),
        ("\ud800", InvalidBase64),
        ("Q", InvalidBase64),
        ("QQ=Q", InvalidBase64),
        ("QQ==QUJD", InvalidBase64),
        ("=", InvalidBase64),
        ("data:image/jpeg,QUJD", InvalidBase64),
        ("data:image/jpeg;base64", InvalidBase64),
        ("data:" + "x" * 5000, InvalidBase64),
        ("data:image/gif;base64,QUJD", UnsupportedImage),
        ("data:;base64,QUJD", UnsupportedImage),
        ("data:text/html;base64,QUJD", UnsupportedImage),
        ("A" * 1004, BodyTooLarge),
    ],
)
def test_what_is_refused(key: object, error: type[EdgeError]) -> None:
    with pytest.raises(error):
        picture_of({"key": key}, 1000)


def test_length_counts_without_white_space_and_prefix() -> None:
    key = "data:image/jpeg;base64," + "\n".join(["QUJD"] * 250)
    assert len(picture_of({"key": key}, 1000)) == 750
    with pytest.raises(BodyTooLarge, match="1000 characters; at most 999"):
        picture_of({"key": key}, 999)


# -- bodies over HTTPS ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "invalid_json"),
        (b"[]", "invalid_json"),
        (b"null", "invalid_json"),
        (b'"key"', "invalid_json"),
        (b"1", "invalid_json"),
        (b'{"key": "QUJD"', "invalid_json"),
        (b'{"key": "QUJD"} x', "invalid_json"),
        (b'{"key": "QUJD", "x": NaN}', "invalid_json"),
        (b'{"key": "QUJD", "x": -Infinity}', "invalid_json"),
        (b'{"key": "\xff"}', "invalid_json"),
        (b"\x80", "invalid_json"),
        ('{"key": "QUJD"}'.encode("utf-16"), "invalid_json"),
        (b"[" * 100_000, "invalid_json"),
        (b'{"a":' * 100_000, "invalid_json"),
        (b'{"x": ' + b"9" * 100_000 + b"}", "invalid_json"),
        (b"key=QUJD", "invalid_json"),
        (b"{}", "missing_key"),
        (b'{"Key": "QUJD"}', "missing_key"),
        (b'{"key": null}', "missing_key"),
        (b'{"key": {"key": "QUJD"}}', "missing_key"),
        (b'{"key": "\\ud800"}', "invalid_base64"),
        (b'{"key": "QU\\u0000JD"}', "invalid_base64"),
    ],
)
def test_odd_bodies(alone: Served, body: bytes, code: str) -> None:
    reply = alone.request("POST", "/v1.0/detect", body)
    assert (reply.status, reply.code) == (400, code)


@pytest.mark.parametrize(
    "body",
    [
        b'{"key": "QUJD"}',
        b'\xef\xbb\xbf{"key": "QUJD"}',
        b'{"key": "data:image/jpeg;base64,QU\n\tJD\r\n"}',
        b'{"key": "QU\\nJD"}',
        b'{"key": "!", "key": "QUJD"}',
        b'{"deep": ' + b"[" * 500 + b"]" * 500 + b', "key": "QUJD", "\\ud800": 1e999}',
        b' \n{"key":"QUJD"}\n ',
    ],
)
def test_bodies_that_are_taken(alone: Served, recognizing: Recognizing, body: bytes) -> None:
    assert alone.request("POST", "/v1.0/detect", body).status == 200
    assert recognizing.pictures == [b"ABC"]


BIG = 15_900_000


@pytest.mark.parametrize(
    "body",
    [
        b'{"x": [' + b"{}," * (BIG // 3) + b"{}]}",
        b'{"x": [' + b"1," * (BIG // 2) + b"1]}",
        b'{"x": ' + b"[" * BIG,
        b'{"x": "' + b"A" * BIG + "\N{GRINNING FACE}".encode() + b'"}',
        b'{"x": "' + b"A" * BIG + b'\\ud83d\\ude00"}',
        '{"x": "\N{GRINNING FACE}"'.encode() + b" " * BIG + b"}",
        b'{"x": "' + "\N{GRINNING FACE}".encode() * (BIG // 4) + b'"}',
        b'{"x": "' + "é".encode() * (BIG // 2) + b'"}',
    ],
    ids=["objects", "numbers", "arrays", "wide", "escaped", "aside", "all wide", "all foreign"],
)
def test_what_the_parser_makes_of_a_body_stays_within_its_reservation(body: bytes) -> None:
    tracemalloc.start()
    raw = bytearray(body)
    with contextlib.suppress(InvalidJson):
        unpacked(raw)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1.1 * MEMORY_FACTOR * len(body) + (1 << 20)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b'{"x": [' + b"1," * 5000 + b"1]}", "5002 commas"),
        (b'{"x": "' + "é".encode() * 40_000 + b'"}', "80000 bytes outside ASCII"),
        (b'{"x": ["' + b"A" * 170_000 + b'\\u00e9", "' + b"A" * 100_000 + b'\\u00e9"]}', "270012 characters"),
        (b'{"x": "\\' + "é".encode() + b'"}', "escape"),
        (b"\xff\xd8\xff" + b"," * 5000, "not UTF-8: byte 0 is 0xff"),
    ],
)
def test_refused_by_counting(alone: Served, body: bytes, words: str) -> None:
    reply = alone.request("POST", "/v1.0/detect", body)
    assert (reply.status, reply.code) == (400, "invalid_json")
    assert words in reply.json["error"]["message"]


def test_fields_outside_ascii_and_a_long_key(alone: Served, recognizing: Recognizing) -> None:
    data = bytes(5_900_000)
    key = base64.b64encode(data).decode()
    name = 'Zoë "\\" 王 \N{GRINNING FACE}'
    for ascii_only in (True, False):
        text = json.dumps(
            {"metadata": {"name": name}, "note": "é" * 20_000, "key": key}, ensure_ascii=ascii_only
        )
        assert alone.request("POST", "/v1.0/detect", text.encode()).status == 200
        assert unpacked(bytearray(text.encode())) == json.loads(text)
    assert recognizing.pictures == [data] * 2


def test_escapes_in_a_long_key(alone: Served, recognizing: Recognizing) -> None:
    """As .NET and PHP write base 64."""
    key = base64.b64encode(b"\xfb\xff\xfe" * 30_000).decode()
    text = json.dumps({"key": key}).replace("+", "\\u002B").replace("/", "\\/")
    assert alone.request("POST", "/v1.0/detect", text.encode()).status == 200
    assert recognizing.pictures == [b"\xfb\xff\xfe" * 30_000]


def test_the_content_type_does_not_matter(alone: Served) -> None:
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    assert alone.request("POST", "/v1.0/detect", b'{"key": "QUJD"}', headers=headers).status == 200


def test_a_chunked_body(alone: Served, recognizing: Recognizing) -> None:
    data = bytes(range(256)) * 8000
    body = json.dumps({"key": base64.b64encode(data).decode()}).encode()
    for size in (5000, 300_000, len(body)):
        chunks = (body[at : at + size] for at in range(0, len(body), size))
        assert alone.request("POST", "/v1.0/detect", chunks).status == 200
    assert recognizing.pictures == [data] * 3


def test_a_chunked_body_that_is_too_long(alone: Served) -> None:
    chunks = (b" " * 65_536 for _ in range(40))
    reply = alone.request("POST", "/v1.0/train", chunks)
    assert (reply.status, reply.code) == (413, "body_too_large")
    assert reply.headers["connection"] == "close"
    assert alone.budget.bodies.used == 0


def test_a_long_key_on_a_kept_connection(alone: Served, recognizing: Recognizing) -> None:
    data = bytes(5_900_000)
    body = json.dumps({"key": base64.b64encode(data).decode()}).encode()
    connection = alone.connect()
    for _ in range(3):
        connection.request("POST", "/v1.0/detect", body, {"Authorization": f"Bearer {alone.token}"})
        response = connection.getresponse()
        assert response.status == 200
        response.read()
    connection.close()
    assert recognizing.pictures == [data] * 3


def test_memory_is_given_back_whatever_happens(alone: Served, recognizing: Recognizing) -> None:
    def held(failure: Any) -> int:
        recognizing.failure = failure
        alone.request("POST", "/v1.0/detect", b'{"key": "QUJD"}')
        return alone.budget.bodies.used

    assert [held(None), held(RuntimeError("bug"))] == [0, 0]
    alone.request("POST", "/v1.0/detect", b"[")
    assert alone.budget.bodies.used == 0
