"""What scripts/update asks of a release before it is in force. The rest: scripts/test-device --update."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from edge.store import open_store
from tests.service import ROOT, served
from tests.store_help import enrolled

TRIAL = ROOT / "scripts" / "lib" / "trial.py"


def trial(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-s", TRIAL, *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """Two people, whom nobody serves."""
    folder = tmp_path / "state"
    with open_store(folder) as store:
        enrolled(store, "Anna")
        enrolled(store, "Otto")
    return folder


@pytest.fixture
def settings(tmp_path: Path) -> Path:
    path = tmp_path / "settings.toml"
    path.write_text(
        'workers = 1\ncamera = "v4l2:/dev/video9"\nmqtt_host = "broker.example"\nmqtt_tls = false\n'
    )
    return path


def version(path: Path) -> int:
    with closing(sqlite3.connect(path)) as database:
        return int(database.execute("PRAGMA user_version").fetchone()[0])


def migrated(path: Path) -> None:
    """As a newer release would leave it."""
    with closing(sqlite3.connect(path)) as database:
        database.execute(f"PRAGMA user_version = {version(path) + 1}")


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.suffix == ".sqlite"}


def test_this_release_works_with_a_copy_and_leaves_the_state_alone(
    state: Path, settings: Path, tmp_path: Path
) -> None:
    before = contents(state)
    done = trial("try", state, settings, tmp_path / "copy")
    assert done.returncode == 0, done.stderr
    assert contents(state) == before
    copied = (tmp_path / "copy" / "settings.toml").read_text()
    assert copied == "workers = 1\nmqtt_tls = false\n", "a copy tells nobody anything, and takes no camera"


def test_a_state_that_it_cannot_read_is_a_reason(state: Path, settings: Path, tmp_path: Path) -> None:
    migrated(state / "people.sqlite")
    done = trial("try", state, settings, tmp_path / "copy")
    assert done.returncode == 1
    assert "the new release: its command line does not work" in done.stderr
    assert "written by a newer release" in done.stderr


def test_settings_that_it_does_not_know_are_a_reason(state: Path, settings: Path, tmp_path: Path) -> None:
    settings.write_text("of_another_release = 1\n")
    done = trial("try", state, settings, tmp_path / "copy")
    assert done.returncode == 1
    assert "of_another_release" in done.stderr


def test_a_running_service_is_seen_to_be_healthy_and_none_is_not(tmp_path: Path) -> None:
    settings = tmp_path / "settings.toml"
    with served(tmp_path / "state") as service:
        settings.write_text(f"port = {service.client.port}\n")
        assert trial("healthy", settings, "20").returncode == 0
    done = trial("healthy", settings, "1")
    assert (done.returncode, done.stderr) == (1, "the service was not healthy within 1 s\n")


def test_only_what_was_migrated_is_put_back_and_nothing_is_thrown_away(state: Path, tmp_path: Path) -> None:
    before = tmp_path / "before"
    before.mkdir()
    for name, data in contents(state).items():
        (before / name).write_bytes(data)
    with open_store(state) as store:
        enrolled(store, "Emma")
    migrated(state / "people.sqlite")
    usage = (state / "usage.sqlite").read_bytes()
    done = trial("put-back", state, before, "9.0.0")
    assert done.returncode == 0, done.stderr
    assert "people.sqlite is as it was before" in done.stderr
    with open_store(state) as store:
        assert len(list(store.people())) == 2
    assert version(state / "people.sqlite.of-9.0.0") == version(state / "people.sqlite") + 1
    assert (state / "usage.sqlite").read_bytes() == usage
