"""The doctor's line about the nightly copies."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest

from edge.backup.nightly import Keep, copy_nightly
from edge.clock import SystemClock
from edge.doctor import backups
from edge.doctor.finding import Finding
from edge.doctor.patient import Patient
from edge.store import open_store
from tests.doctoring import no_program, patient

DAY_S = 86_400.0
KEEP = Keep(days=7, weeks=4, mib=512, floor_mib=1)


class At(SystemClock):
    """The clock, so many days on."""

    def __init__(self, days: float) -> None:
        self._days = days

    def now(self) -> float:
        return super().now() + self._days * DAY_S


def timer(result: str) -> Callable[[Sequence[str]], str | None]:
    """systemctl of a device whose timer runs; what became of the last run."""
    return lambda command: f"{'active' if 'is-active' in command else result}\n"


def line(one: Patient) -> Finding:
    """The only one."""
    (found,) = backups.look(one)
    assert bool(found.advice) == (found.ok is False)
    return found


def device(folder: Path, program: Callable[[Sequence[str]], str | None], days: float = 0.0) -> Patient:
    """With a store that nobody is in yet."""
    one = patient(folder, program=program, clock=At(days))
    open_store(one.state).close()
    return one


def copied(one: Patient) -> Path:
    """Tonight's copy is made."""
    return copy_nightly(one.state, None, KEEP, SystemClock().now()).copy.path


def test_a_first_day(tmp_path: Path) -> None:
    empty = patient(tmp_path)
    assert "nobody to copy" in line(empty).measured
    one = device(tmp_path, timer("success"))
    assert (line(one).ok, line(one).measured) == (None, "none yet: the first is made tonight")
    without = device(tmp_path, no_program)
    assert line(without).ok is None
    assert "scripts/install" in line(without).measured


@pytest.mark.parametrize(("days", "ok"), [(backups.MOST_DAYS, None), (backups.MOST_DAYS + 1, False)])
def test_a_first_night_that_never_came(tmp_path: Path, days: int, ok: bool | None) -> None:
    """systemd says "success" after each boot, though nothing has run."""
    one = device(tmp_path, timer("success"), days)
    with open_store(one.state):  # as each day's work does
        pass
    found = line(one)
    assert found.ok is ok
    assert (f"the store is there since {datetime.now(UTC):%Y-%m-%d}" in found.measured) == (ok is False)


@pytest.mark.parametrize(
    ("days", "ok"), [(-1, False), (0, True), (backups.MOST_DAYS, True), (backups.MOST_DAYS + 1, False)]
)
def test_the_age_of_the_newest(tmp_path: Path, days: int, ok: bool) -> None:
    one = device(tmp_path, timer("success"), days)
    copied(one)
    found = line(one)
    assert found.ok is ok
    assert f"1 nightly; the newest whole one is of {datetime.now(UTC):%Y-%m-%d}" in found.measured


def test_a_run_that_failed(tmp_path: Path) -> None:
    one = device(tmp_path, timer("exit-code"))
    assert (line(one).ok, line(one).measured) == (False, "none; the last run failed (exit-code)")
    copied(one)
    assert line(one).ok is False
    assert "journalctl -u api-face-housekeeping" in line(one).advice


def test_a_copy_that_is_damaged(tmp_path: Path) -> None:
    one = device(tmp_path, timer("success"))
    with copied(one).open("r+b") as file:
        file.seek(8192)
        file.write(b"\xff" * 64)
    found = line(one)
    assert (found.ok, found.measured) == (False, "none of the 1 nightly copies is whole")
