"""What must survive: kill -9, a full disk, two servers on one state, a spoiled store."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from edge.store import open_store
from tests.photographs import astronaut, biden, nobody, obama
from tests.pictures import jpeg
from tests.service import Client, Service, command, served
from tests.test_contract_people import crop_of

TRAINS = 200
KILLED_AFTER = 40


@pytest.fixture
def two_servers(tmp_path: Path) -> Iterator[tuple[Service, Service]]:
    """Two processes on one state."""
    state = tmp_path / "state"
    with served(state) as one, served(state) as other:
        yield one, other


def at_another(client: Client, service: Service) -> Client:
    """The same token, another server."""
    return service.client.with_token(client.token)


def test_kill_9_in_the_middle_of_200_trains_loses_none_that_was_answered(tmp_path: Path) -> None:
    answered: list[str] = []
    enough = threading.Event()
    picture = jpeg(obama(), 200)
    with served(tmp_path / "state") as service:
        client = service.with_scopes("client", "recognise", "train", "admin")

        def train(number: int) -> None:
            try:
                answer = client.train(picture, name=f"twin {number}", person_id="new")
            except OSError:  # killed
                return
            answered.append(answer.ok()["personId"])
            if len(answered) >= KILLED_AFTER:
                enough.set()

        with ThreadPoolExecutor(4) as pool:
            for number in range(TRAINS):
                pool.submit(train, number)
            assert enough.wait(120)
            service.kill()
            pool.shutdown(cancel_futures=True)
    assert KILLED_AFTER <= len(answered) < TRAINS
    with served(tmp_path / "state") as service:
        again = at_another(client, service)
        kept = {person["personId"]: person["metadata"]["name"] for person in again.people()}
        assert set(answered) <= set(kept)
        assert len(kept) <= len(answered) + 4, "besides those under way when it was killed"
        assert all(name.startswith("twin ") for name in kept.values())
        assert again.identify(picture).ok()["faces"][0]["verdict"] == "ambiguous"
        assert again.train(picture, person_id=answered[-1]).ok()["personId"] == answered[-1]
    with open_store(tmp_path / "state") as store:
        for person_id in answered:
            person = store.person(person_id)
            assert person is not None
            assert len(store.references(person.row)) == 1


@pytest.mark.parametrize("call", ["train", "index"])
def test_one_stranger_at_many_doors_at_once_is_one_person(
    two_servers: tuple[Service, Service], call: str
) -> None:
    """Two processes, four threads at each."""
    first = two_servers[0].with_scopes("client", "recognise", "train", "admin")
    doors = [first, at_another(first, two_servers[1])] * 4
    crop = crop_of(first, astronaut(), square=True)
    picture = crop if call == "index" else jpeg(astronaut(), 300)
    gate = threading.Barrier(len(doors))

    def knock(client: Client) -> str:
        gate.wait()
        answer = client.train(picture) if call == "train" else client.index(picture)
        return str(answer.ok()["personId"])

    with ThreadPoolExecutor(len(doors)) as pool:
        ids = set(pool.map(knock, doors))
    assert len(ids) == 1
    assert [person["personId"] for person in first.people()] == list(ids)


def test_two_servers_see_each_others_changes(two_servers: tuple[Service, Service]) -> None:
    one = two_servers[0].with_scopes("client", "recognise", "train", "admin")
    two = at_another(one, two_servers[1])
    person = one.train(jpeg(obama(), 500), name="Barack").ok()["personId"]
    assert two.identify(jpeg(obama(), 500)).ok()["faces"][0]["personId"] == person
    two.request("PATCH", f"/v1.0/people/{person}", b'{"metadata": {"name": "B."}}').ok()
    assert one.identify(jpeg(obama(), 500)).ok()["faces"][0]["metadata"] == {"name": "B."}
    two.request("DELETE", f"/v1.0/people/{person}").ok()
    assert one.identify(jpeg(obama(), 500)).ok()["faces"][0]["verdict"] == "unknown"
    assert command("token", "revoke", "client", state=two_servers[0].state).returncode == 0
    assert one.get("/v1.0/usage").status == two.get("/v1.0/usage").status == 401


def test_50_threads_at_two_servers_get_exactly_the_quota_of_20(two_servers: tuple[Service, Service]) -> None:
    one = two_servers[0].with_scopes("twenty", "recognise", quota=20)
    doors = [one, at_another(one, two_servers[1])] * 25
    gate = threading.Barrier(len(doors))

    def knock(client: Client) -> list[int]:
        gate.wait()
        found: list[int] = []
        while not found or found[-1] == 503:  # turned away at the door: not counted, so once more
            found.append(client.detect(jpeg(nobody(), 64)).status)
        return found

    with ThreadPoolExecutor(len(doors)) as pool:
        statuses = [status for found in pool.map(knock, doors) for status in found]
    assert statuses.count(200) == 20
    assert statuses.count(429) == 30
    assert one.get("/v1.0/usage").ok()["used"] == 20


@pytest.mark.skipif(
    os.geteuid() != 0, reason="only root may mount a small disk; test_contract_codes fills one by a limit"
)
def test_a_disk_that_is_full_indeed_loses_nothing_acknowledged(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", str(disk)], check=False)
    if mounted.returncode:
        pytest.skip("no right to mount here; test_contract_codes fills a disk by a limit")
    try:
        with served(disk / "state") as service:
            client = service.with_scopes("client", "recognise", "train", "admin")
            kept = [client.train(jpeg(obama(), 300), name="Barack").ok()["personId"]]
            filler = disk / "filler"
            with filler.open("wb", buffering=0) as file, pytest.raises(OSError, match="No space"):
                while True:
                    file.write(bytes(4096))
            refused = 0
            for number in range(40):
                answer = client.train(jpeg(biden(), 600), name=f"Joe {number}", person_id="new")
                if answer.status == 200:
                    kept.append(answer.json["personId"])
                else:
                    assert answer.refusal == (500, "internal")
                    refused += 1
                    if refused == 3:
                        break
            assert refused
            assert client.get("/health").status in (200, 503)
            filler.unlink()
            kept.append(client.train(jpeg(biden(), 600), name="Joe", person_id="new").ok()["personId"])
            service.kill()
        with served(disk / "state") as service:
            assert {person["personId"] for person in at_another(client, service).people()} == set(kept)
    finally:
        subprocess.run(["umount", str(disk)], check=True)


def spoil_with_noise(path: Path) -> None:
    path.write_bytes(b"noise" * 4000)


def spoil_by_cutting(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def spoil_by_emptying(path: Path) -> None:
    path.write_bytes(b"")


def spoil_with_another_program(path: Path) -> None:
    path.unlink()
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE recipes (cake TEXT)")
    connection.close()


@pytest.mark.parametrize("name", ["people.sqlite", "usage.sqlite", "sightings.sqlite"])
@pytest.mark.parametrize(
    "spoil", [spoil_with_noise, spoil_by_cutting, spoil_by_emptying, spoil_with_another_program]
)
def test_a_spoiled_store_is_refused_in_words_and_left_as_it_was(
    tmp_path: Path, name: str, spoil: Callable[[Path], None]
) -> None:
    state = tmp_path / "state"
    assert command("token", "add", "first", state=state).returncode == 0
    spoil(state / name)
    before = {path.name: path.read_bytes() for path in state.iterdir() if path.is_file()}
    done = command("serve", "--host", "127.0.0.1", "--port", "0", state=state)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    said = [line for line in done.stderr.splitlines() if line.startswith("api-face:")]
    assert len(said) == 1
    assert name in said[0]
    assert "left as it is" in said[0]
    assert {path.name: path.read_bytes() for path in state.iterdir() if path.is_file()} == before
