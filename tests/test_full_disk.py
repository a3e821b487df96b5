"""Others fill the disk: requests are counted all the same, and the service ends and starts."""

from __future__ import annotations

import contextlib
import errno
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge.access import DEFAULT_SCOPES
from edge.errors import StoreError
from edge.store import open_store
from edge.store.ballast import FILE, SIZE, room_kept
from tests.service import Service
from tests.store_help import TODAY, SetClock


def test_the_ballast_is_there_while_the_service_is_not(tmp_path: Path) -> None:
    service = Service(tmp_path / "state")
    ballast = service.state / FILE
    assert not ballast.exists()
    assert service.stop() == 0
    assert 512 * ballast.stat().st_blocks >= SIZE
    assert ballast.stat().st_mode & 0o777 == 0o600
    with pytest.raises(RuntimeError), room_kept(service.state):
        assert not ballast.exists()
        raise RuntimeError
    assert ballast.stat().st_size == SIZE


def test_of_little_room_all_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    taken = os.posix_fallocate

    def little(descriptor: int, start: int, size: int) -> None:
        if size > 40_000:
            raise OSError(errno.ENOSPC, "No space left on device")
        taken(descriptor, start, size)

    monkeypatch.setattr("os.posix_fallocate", little)
    with room_kept(tmp_path):
        pass
    assert 36_000 < (tmp_path / FILE).stat().st_size <= 40_000
    with room_kept(tmp_path / "gone"):  # the store says so, and nothing else does
        pass


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Path]:
    """A disk of 8 MiB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=8M", "none", str(folder)]
    try:
        mounted = subprocess.run(command, capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        mounted = False
    if not mounted:
        pytest.skip("root alone can mount")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def fill(folder: Path) -> None:
    """To the last byte."""
    with contextlib.suppress(OSError), (folder / "others").open("ab", buffering=0) as file:
        while True:
            file.write(bytes(4096))


def test_counting_goes_on_over_restarts(small: Path) -> None:
    state = small / "state"
    with open_store(state, SetClock()) as store:
        grant = store.add_token("door", b"1" * 32, DEFAULT_SCOPES)
    for turn in range(4):
        with room_kept(state), open_store(state, SetClock()) as store:
            fill(small)
            for person_row in range(200):
                store.saw(200 * turn + person_row, TODAY)
            for number in range(1500):
                store.spend(grant, TODAY + number // 500)
            assert store.used(grant, TODAY) == 500 * (turn + 1)
            with pytest.raises(StoreError, match="full"), store.writing():
                for _ in range(1000):
                    store.create_person("Ada")
        fill(small)
