"""The switch from one embedder to another, with a real server, real networks and the command line."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import twin
from tests.photographs import astronaut, biden, obama, photographs
from tests.pictures import jpeg
from tests.service import Client, Service, command, served

PATIENCE_S = 60


@pytest.fixture
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The model files with a second embedder, for every process of the test."""
    folder = twin.make(tmp_path / "models")
    monkeypatch.setenv("API_FACE_TWIN", str(folder))
    return folder


@pytest.fixture
def state(tmp_path: Path, models: Path) -> Iterator[Path]:
    """Two people with kept crops, and one without, trained with the usual embedder."""
    path = tmp_path / "state"
    with served(path) as service:
        client = service.with_scopes("client", "recognise", "train", "admin")
        (tmp_path / "token").write_text(str(client.token))
        client.train(jpeg(obama(), 600), name="Barack").ok()
        client.train(jpeg(astronaut()), name="Eileen").ok()
    yield path


def client_of(service: Service) -> Client:
    return service.client.with_token((service.state.parent / "token").read_text())


def train_without_crop(state: Path) -> str:
    with served(state, keep_crops=False) as service:
        return str(client_of(service).train(jpeg(biden(), 900), name="Joe").ok()["personId"])


def names(client: Client) -> list[str]:
    """Who is found in a photograph of each."""
    found = []
    for path in (photographs()["obama2.jpg"], astronaut(), biden()):
        (face,) = client.identify(jpeg(path, 900)).ok()["faces"]
        found.append(face["metadata"]["name"])
    return found


def stands(state: Path, *words: str) -> str:
    done = command("embedder", *words, state=state)
    assert done.returncode == 0, done.stderr
    return done.stdout


def until_twin_answers(state: Path) -> None:
    for _ in range(PATIENCE_S * 5):
        if re.search(r"^answers +twin", stands(state), re.M):
            return
        time.sleep(0.2)
    raise AssertionError(stands(state))


def test_the_setting_is_followed_in_the_background_and_ids_and_names_survive(state: Path) -> None:
    with served(state) as service:
        before = client_of(service).people()
        assert "switch_pending_references 0" in client_of(service).get("/metrics").body.decode()
    with served(state, embedder="twin") as service:
        client = client_of(service)
        assert names(client)[:2] == ["Barack", "Eileen"]
        until_twin_answers(state)
        assert names(client) == ["Barack", "Eileen", "unknown"]
        assert client.people() == before
        client.train(jpeg(obama(), 500), person_id=before[0]["personId"])
        service.kill()
    with served(state, embedder="twin") as service:
        assert names(client_of(service)) == ["Barack", "Eileen", "unknown"]
    shown = "".join(command("people", "show", one["personId"], state=state).stdout for one in before)
    assert twin.REAL not in shown
    assert f"crop kept  {twin.TWIN}" in shown


def test_who_would_be_lost_is_said_beforehand_and_the_old_gallery_goes_on(state: Path) -> None:
    joe = train_without_crop(state)
    check = stands(state, "check", "twin")
    assert f"  {joe}  Joe\n" in check
    assert "1 people would no longer be recognised" in check
    with served(state, embedder="twin") as service:
        client = client_of(service)
        for _ in range(PATIENCE_S * 5):
            metrics = client.get("/metrics").body.decode()
            if "api_face_switch_pending_references 0" in metrics:
                break
            time.sleep(0.2)
        assert "api_face_switch_lost_people 1" in metrics
        assert names(client) == ["Barack", "Eileen", "Joe"]
        assert "1 people would be strangers" in service.log
        refused = command("embedder", "switch", state=state)
        assert refused.returncode == 1
        assert "--lose" in refused.stderr
        assert names(client) == ["Barack", "Eileen", "Joe"]
        # by another process, while the service runs
        assert "told apart by twin" in stands(state, "switch", "--lose")
        assert names(client) == ["Barack", "Eileen", "unknown"]
        assert client.get(f"/v1.0/people/{joe}").ok()["metadata"] == {"name": "Joe"}
        # trained again, with the same id
        assert client.train(jpeg(biden(), 900), person_id=joe).ok()["personId"] == joe
        assert names(client) == ["Barack", "Eileen", "Joe"]


def test_an_embedder_without_its_file_takes_nothing_over(state: Path, models: Path) -> None:
    (models / f"{twin.TWIN}.tflite").unlink()
    with served(state, embedder="twin") as service:
        assert names(client_of(service))[:2] == ["Barack", "Eileen"]
        for _ in range(PATIENCE_S * 5):
            if "the switch to twin waits" in service.log:
                break
            time.sleep(0.2)
        assert "twin.tflite" in service.log
    refused = command("embedder", "check", "twin", state=state)
    assert (refused.returncode, "twin.tflite" in refused.stderr) == (1, True)


def test_when_the_answering_embedder_s_file_is_gone_it_says_the_way_out(state: Path, models: Path) -> None:
    (models / f"{twin.REAL}.tflite").unlink()
    refused = command("serve", "--port", "0", state=state)
    assert refused.returncode == 1
    (state / "settings.toml").write_text('embedder = "twin"\n')
    refused = command("serve", "--port", "0", state=state)
    assert (refused.returncode, "api-face embedder switch" in refused.stderr) == (1, True)
    assert "told apart by twin" in stands(state, "switch")
    with served(state, embedder="twin") as service:
        assert names(client_of(service)) == ["Barack", "Eileen", "unknown"]


def test_commands_embed_with_the_embedder_that_answers(state: Path) -> None:
    (state / "settings.toml").write_text('embedder = "twin"\n')
    for answering in (twin.REAL, twin.TWIN):
        done = command("embed", str(obama()), state=state)
        assert f'"model": "{answering}"' in done.stdout
        done = command("identify", str(photographs()["obama2.jpg"]), state=state)
        assert '"name": "Barack"' in done.stdout
        stands(state, "switch")
