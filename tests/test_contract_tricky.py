"""Odd, broken and hostile picture files, posted to all four endpoints: never a 5xx, bounded memory."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.photographs import nobody, obama
from tests.pictures import claiming, encoded, jpeg, opened
from tests.service import Answer, Client, Service, served
from tests.test_contract_codes import CLOSED_LIST
from tests.tricky import EITHER, Tricky, big_files, bomb, tricky_files

PICTURE_MIB = 96
"""What the decoding of one picture may take (the default)."""

ALL_MIB = 128
"""What all requests together may take (the default)."""

KEY_CHARS = {"detect": 8_000_000, "identify": 8_000_000, "train": 1_000_000, "index": 1_000_000}


def expected(endpoint: str, tricky: Tricky) -> set[str | int]:
    """What the endpoint may say of the file."""
    if not tricky.data:
        return {"missing_key"}
    if -(-len(tricky.data) // 3) * 4 > KEY_CHARS[endpoint]:
        return {"body_too_large"}
    seen: set[str | int] = {1}
    if endpoint == "index":
        seen = {"wrong_size"}
    elif tricky.code == EITHER or "1 bit" in tricky.name:  # which may leave nothing of the face
        seen = {1, "no_face"} if endpoint == "train" else {0, 1}
    if tricky.code is None:
        return seen
    # The size stands in the header, so index need not unpack what has another one.
    refused: set[str | int] = {"bad_image" if tricky.code == EITHER else tricky.code}
    return refused | seen if endpoint == "index" or tricky.code == EITHER else refused


def posted(client: Client, data: bytes) -> dict[str, str | int]:
    """What each endpoint says: the code of an error; else how many faces there are."""
    calls = {
        "detect": client.detect,
        "identify": client.identify,
        "train": client.train,
        "index": client.index,
    }
    with ThreadPoolExecutor(2) as pool:
        answers = pool.map(lambda call: described(call(data)), calls.values())
        return dict(zip(calls, answers, strict=True))


def described(answer: Answer) -> str | int:
    assert answer.status < 500, answer.body
    if answer.status != 200:
        status, code = answer.refusal
        assert code in CLOSED_LIST[status]
        return code
    return len(answer.json["faces"]) if "faces" in answer.json else 1


@pytest.mark.parametrize("tricky", tricky_files(), ids=lambda tricky: tricky.name)
def test_a_tricky_file_is_answered_as_the_contract_says(client: Client, tricky: Tricky) -> None:
    """What is decoded shows a portrait, so it has a face, unless the damage hides it."""
    for endpoint, found in posted(client, tricky.data).items():
        assert found in expected(endpoint, tricky), endpoint


@pytest.mark.parametrize(
    "picture",
    [
        Image.new("RGB", (1, 1)),
        Image.new("RGB", (1, 3000), "white"),
        Image.new("L", (3000, 2)),
        Image.new("RGB", (640, 480), (127, 127, 127)),
        Image.new("RGBA", (300, 300)),
        Image.fromarray(np.random.default_rng(1).integers(0, 256, (300, 300, 3), np.uint8)),
        opened(nobody(), 300).convert("1"),
    ],
    ids=["1x1", "1x3000", "3000x2", "flat", "transparent", "noise", "black and white"],
)
def test_a_picture_without_anything_in_it(client: Client, picture: Image.Image) -> None:
    answers = posted(client, encoded(picture, "PNG"))
    assert answers == {"detect": 0, "identify": 0, "train": "no_face", "index": "wrong_size"}


@pytest.fixture(scope="module")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A server whose memory nothing else has touched."""
    with served(tmp_path_factory.mktemp("fresh") / "state") as running:
        yield running


def test_bombs_are_refused_and_cost_no_memory(fresh: Service) -> None:
    """Small files that ask for gigabytes: refused by their headers."""
    client = fresh.with_scopes("bombs", "recognise", "train")
    posted(client, jpeg(obama(), 400))
    before = fresh.peak_mib()
    progressive = jpeg(obama(), 400, progressive=True)
    for data in (bomb(50_000), claiming(progressive, 16_000, 16_000), claiming(progressive, 65_500, 65_500)):
        for endpoint, found in posted(client, data).items():
            assert found in expected(endpoint, Tricky("bomb", data, "image_too_large"))
    # A baseline JPEG is reduced while it is unpacked, so this one may be decoded: mostly gray, no face.
    claims_much = claiming(jpeg(obama(), 400), 20_000, 15_000)
    assert described(client.detect(claims_much)) in (0, "bad_image", "image_too_large")
    assert fresh.peak_mib() < before + PICTURE_MIB


def test_big_pictures_all_at_once_wait_their_turn_and_stay_inside_the_budget(tmp_path: Path) -> None:
    """12 and 24 megapixels, progressive ones and PNG, from 8 clients: nobody is turned away."""
    files = [tricky for tricky in big_files() if len(tricky.data) < 5_900_000]
    assert any(tricky.code is None for tricky in files)
    with served(tmp_path / "state", queue_seconds=120) as running:
        client = running.with_scopes("client", "recognise", "train")
        with ThreadPoolExecutor(2) as pool:  # both workers load their models and see the largest canvas
            list(pool.map(client.detect, [jpeg(obama())] * 4))
        before = running.rss_mib()
        with ThreadPoolExecutor(8) as pool:
            answers = list(pool.map(client.detect, [tricky.data for tricky in files] * 3))
        for tricky, answer in zip(files * 3, answers, strict=True):
            assert described(answer) == (1 if tricky.code is None else tricky.code), tricky.name
        assert running.peak_mib() < before + ALL_MIB + 32
        assert running.rss_mib() < before + 48
