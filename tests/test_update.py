"""What scripts/update asks of a release before it is in force. The rest: scripts/test-device --update."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from edge.store import open_store
from edge.store.schema import USAGE
from tests.service import ROOT, served
from tests.store_help import enrolled

TRIAL = ROOT / "scripts" / "lib" / "trial.py"


def python(*words: str | Path, before: tuple[str, ...] = ()) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*before, sys.executable, *map(str, words)],
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )


def trial(*words: str | Path, blocks: int | None = None) -> subprocess.CompletedProcess[str]:
    """blocks: no file may have more (of 512 bytes)."""
    limit = () if blocks is None else ("sh", "-c", f'ulimit -f {blocks}; exec "$@"', "sh")
    tool = TRIAL if words[0] in ("try", "healthy") else TRIAL.with_name("stores.py")
    return python("-s", tool, *words, before=limit)


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


def test_what_it_would_migrate_is_named(state: Path, settings: Path, tmp_path: Path) -> None:
    done = trial("try", state, settings, tmp_path / "copy")
    assert done.stdout == "\n", "this release changes nothing"
    (state / "usage.sqlite").unlink()
    with closing(sqlite3.connect(state / "usage.sqlite")) as database:  # of a release before the first form
        database.execute(f"PRAGMA application_id = {USAGE.application_id}")
        database.execute("CREATE TABLE empty (of_it)")
    done = trial("try", state, settings, tmp_path / "again")
    assert (done.returncode, done.stdout) == (0, "usage.sqlite\n"), done.stderr


_HANGS = """
import subprocess, sys
sys.path.insert(0, sys.argv.pop(1))
import trial
start = subprocess.Popen
trial._START_S = 3
trial.subprocess.Popen = lambda words, **rest: start(["sleep", "60"] if "serve" in words else words, **rest)
sys.exit(trial.main())
"""


def test_a_release_that_hangs_at_its_start_is_given_up(state: Path, settings: Path, tmp_path: Path) -> None:
    done = python("-sc", _HANGS, TRIAL.parent, "try", state, settings, tmp_path / "copy")
    assert (done.returncode, "it does not start" in done.stderr) == (1, True), done.stderr


def test_a_running_service_is_seen_to_be_healthy_and_none_is_not(tmp_path: Path) -> None:
    settings = tmp_path / "settings.toml"
    with served(tmp_path / "state") as service:
        for host in ("127.0.0.1", "::"):
            settings.write_text(f'host = "{host}"\nport = {service.client.port}\n')
            assert trial("healthy", settings, "20").returncode == 0
        settings.write_text(f'host = "127.0.0.9"\nport = {service.client.port}\n')
        done = trial("healthy", settings, "1")  # it is asked where the settings say
        assert f"at 127.0.0.9 port {service.client.port} within 1 s" in done.stderr
    settings.write_text(f"port = {service.client.port}\n")
    done = trial("healthy", settings, "1")
    assert (done.returncode, "was not healthy at 127.0.0.1" in done.stderr) == (1, True)


def kept(state: Path, before: Path) -> None:
    done = trial("keep", state, before, "people.sqlite", "usage.sqlite")
    assert done.returncode == 0, done.stderr


def test_what_is_kept_has_what_was_in_the_log(state: Path, tmp_path: Path) -> None:
    """Of a service that was killed: its log has not been taken into the file."""
    with open_store(state) as store:
        enrolled(store, "Emma")
        shutil.copytree(state, tmp_path / "killed")
    kept(tmp_path / "killed", tmp_path / "before")
    assert sorted(path.name for path in (tmp_path / "before").iterdir()) == ["people.sqlite", "usage.sqlite"]
    with closing(sqlite3.connect(tmp_path / "before" / "people.sqlite")) as database:
        assert database.execute("SELECT count(*) FROM person").fetchone() == (3,)


def test_without_room_there_is_no_half_of_what_is_kept(state: Path, tmp_path: Path) -> None:
    done = trial("keep", state, tmp_path / "before", "people.sqlite", blocks=8)
    assert done.returncode != 0
    assert not (tmp_path / "before").exists()


def test_only_what_was_migrated_is_put_back_and_nothing_is_thrown_away(state: Path, tmp_path: Path) -> None:
    before = tmp_path / "before"
    kept(state, before)
    with open_store(state) as store:
        enrolled(store, "Emma")
    migrated(state / "people.sqlite")
    usage = (state / "usage.sqlite").read_bytes()
    for _ in range(2):  # the second time, as after a cut, nothing is left to do
        done = trial("put-back", state, before, "9.0.0")
        assert done.returncode == 0, done.stderr
    with open_store(state) as store:
        assert len(list(store.people())) == 2
    (aside,) = (state / "before-restore").iterdir()
    assert aside.name.endswith(".update-9.0.0")
    assert version(aside / "people.sqlite") == version(state / "people.sqlite") + 1
    assert (state / "usage.sqlite").read_bytes() == usage


def test_putting_back_without_room_leaves_what_is_there(state: Path, tmp_path: Path) -> None:
    kept(state, tmp_path / "before")
    migrated(state / "people.sqlite")
    there = (state / "people.sqlite").read_bytes()
    assert trial("put-back", state, tmp_path / "before", "9.0.0", blocks=8).returncode != 0
    assert (state / "people.sqlite").read_bytes() == there


def test_a_damaged_database_of_the_new_release_is_put_back_too(state: Path, tmp_path: Path) -> None:
    kept(state, tmp_path / "before")
    (state / "people.sqlite").write_bytes(b"no database" * 1000)
    assert trial("put-back", state, tmp_path / "before", "9.0.0").returncode == 0
    with open_store(state) as store:
        assert len(list(store.people())) == 2
