"""`api-face backup` and `restore` as they are typed."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from edge.store.copies import nightly_copies
from tests.backup_help import SETTINGS, lived_in, names
from tests.test_cli import api_face, refused


@pytest.fixture
def state(tmp_path: Path) -> Path:
    folder = tmp_path / "state"
    lived_in(folder, "Ada", "Ben")
    (tmp_path / "passphrase").write_text("correct horse battery\n")
    return folder


def test_there_and_back(state: Path, tmp_path: Path) -> None:
    sealed = ("--passphrase-file", tmp_path / "passphrase")
    done = api_face("backup", tmp_path / "file", *sealed, state=state)
    assert done.stdout == (
        f"{tmp_path / 'file'}: 2 people with 2 references, 1 tokens, settings, identity and CA, sealed\n"
    )
    done = api_face("restore", tmp_path / "file", *sealed, state=tmp_path / "card")
    assert done.returncode == 0, done.stderr
    first, last = done.stdout.splitlines()
    assert first == (
        f"restored: 2 people with 2 references, 1 tokens; settings: {tmp_path / 'card' / 'settings.toml'}"
    )
    assert last.startswith(f"what was there before is in {tmp_path / 'card' / 'before-restore'}")
    assert names(tmp_path / "card") == ["Ada", "Ben"]
    assert (tmp_path / "card" / "settings.toml").read_text() == SETTINGS


def test_without_a_passphrase_it_says_what_is_not_in_it(state: Path, tmp_path: Path) -> None:
    done = api_face("backup", tmp_path / "file", state=state)
    assert "NO people and no CA key are in it" in done.stdout


def test_nights(state: Path, tmp_path: Path) -> None:
    done = api_face("backup", "--nightly", state=state)
    assert done.returncode == 0, done.stderr
    (copy,) = nightly_copies(state)
    assert done.stdout.splitlines()[0] == f"{copy.path}: 2 people with 2 references, 1 tokens"
    assert done.stdout.splitlines()[1].startswith("1 copies, 0.1 MiB; 0 were dropped")
    os.truncate(state / "people.sqlite", 5000)
    words = refused(api_face("people", "list", state=state), 1)
    assert words.endswith(f"`api-face restore --nightly {copy.date}` takes it")
    assert api_face("restore", "--list", state=state).stdout.split() == [copy.date, "0.1", "MiB", "whole"]
    assert api_face("restore", "--nightly", copy.date, state=state).returncode == 0
    assert names(state) == ["Ada", "Ben"]
    words = refused(api_face("restore", "--nightly", "2020-01-01", state=state), 1)
    assert words == f"api-face: there is no whole copy of 2020-01-01; there are: {copy.date}"


@pytest.mark.parametrize(
    "words",
    [
        ("backup",),
        ("backup", "file", "--nightly"),
        ("backup", "--nightly", "--passphrase-file", "file"),
        ("restore",),
        ("restore", "file", "--list"),
        ("restore", "--nightly", "yesterday"),
    ],
)
def test_what_does_not_go_together(tmp_path: Path, words: tuple[str, ...]) -> None:
    done = api_face(*words, state=tmp_path / "state")
    assert (done.returncode, done.stdout) == (2, "")
    assert not (tmp_path / "state").exists()


def test_nothing_to_back_up(tmp_path: Path) -> None:
    (tmp_path / "state").mkdir()
    assert "people.sqlite" in refused(api_face("backup", "--nightly", state=tmp_path / "state"), 1)
    assert "people.sqlite" in refused(api_face("backup", tmp_path / "file", state=tmp_path / "state"), 1)
    assert not (tmp_path / "file").exists()


def test_forgetting_somebody_tells_of_the_copies(state: Path) -> None:
    api_face("backup", "--nightly", state=state)
    ada = next(
        line.split()[0]
        for line in api_face("people", "list", state=state).stdout.splitlines()
        if "Ada" in line
    )
    done = api_face("people", "forget", ada, state=state)
    assert done.stdout == (
        f"{ada} is erased, also from 1 copies on this device\n"
        "backups that were taken away, and events sent out, are not reached; erase them there\n"
    )
    (copy,) = nightly_copies(state)
    assert b"AdaAda" not in copy.path.read_bytes()
