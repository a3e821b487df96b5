"""What is left in the state folder goes in its time: not before, whatever the clock said, and not never."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from edge.store import open_store
from edge.store.copies import nightly_copies
from edge.store.opening import opening_turn
from tests.backup_help import lived_in, names, night, restoring
from tests.store_help import TODAY, SetClock


@pytest.fixture
def state(tmp_path: Path) -> Path:
    folder = tmp_path / "state"
    lived_in(folder, "Ada", "Ben")
    return folder


def aged(path: Path, seconds: float = 7200.0) -> Path:
    os.utime(path, (time.time() - seconds,) * 2)
    return path


def test_what_a_killed_copy_left_is_taken_away(state: Path) -> None:
    for name in ("scratch.old", "scratch.new"):
        (state / name).write_bytes(b"half")
    aged(state / "scratch.old")
    night(state, TODAY)
    assert [path.name for path in state.glob("scratch.*")] == ["scratch.new"]


def test_what_a_killed_import_left_is_taken_away_and_one_under_way_is_not(state: Path) -> None:
    for name in ("unpacked.old", "unpacked.new", "unpacked.long"):
        lived_in(state / name, "Cid")
    aged(state / "unpacked.old")
    with open_store(state / "unpacked.long", SetClock()):
        aged(state / "unpacked.long")
        night(state, TODAY)
    assert sorted(path.name for path in state.glob("unpacked.*")) == ["unpacked.long", "unpacked.new"]


def test_what_a_killed_restore_prepared_is_taken_away(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (state / "restore.new").mkdir()
    (state / "restore.new" / "people.sqlite").write_bytes(b"half")
    turns = []

    def turn(folder: Path) -> object:
        turns.append(folder)
        return opening_turn(folder)

    monkeypatch.setattr("edge.backup.leavings.opening_turn", turn)
    night(state, TODAY)
    assert not (state / "restore.new").exists()
    assert turns == [state], "while no restore is under way"


def test_files_of_another_release_go_after_a_month(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    aside = state / "people.sqlite.of-9.0.0"
    aside.write_bytes(b"faces")
    night(state, TODAY)
    assert aside.exists()
    later: Callable[[], float] = time.time
    monkeypatch.setattr("edge.backup.leavings.time.time", lambda now=later: now() + 31 * 86_400)
    night(state, TODAY)
    assert not aside.exists()


def put_aside(state: Path, day: float) -> Path:
    """By a restore on that day, as its clock said."""
    night(state, TODAY)
    return restoring(state, day).from_nightly(nightly_copies(state)[0]).former


@pytest.mark.parametrize("day", [TODAY, 0.0, TODAY + 365], ids=["as it was", "never set", "a year ahead"])
def test_what_a_restore_put_aside_goes_after_thirty_nights(state: Path, day: float) -> None:
    former = put_aside(state, day)
    for age in range(1, 31):
        night(state, TODAY + age)
    assert names(former) == ["Ada", "Ben"]
    night(state, TODAY + 30)
    assert former.exists(), "a second run of the same night"
    night(state, TODAY + 31)
    assert list((state / "before-restore").iterdir()) == []


def test_a_night_whose_clock_is_ahead_is_one_night(state: Path) -> None:
    former = put_aside(state, TODAY)
    night(state, TODAY + 365)
    night(state, TODAY + 1)
    assert former.exists()


def test_what_an_update_put_aside_goes_likewise(state: Path) -> None:
    aside = state / "before-restore" / "2026-02-16T00-00-00.update-9.0.0"
    aside.mkdir(parents=True)
    (aside / "nights").write_text("".join(f"{day}\n" for day in range(30)))
    night(state, TODAY)
    assert not aside.exists()
