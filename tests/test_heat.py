"""What the board says of itself, and the pace that follows from it and from requests."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from edge.heat import Strain, strain
from edge.pace import Gait, Pace

CALM = Strain(45.0, throttled=False, undervoltage=False)


class Now:
    """A clock that goes on when it is told to."""

    def __init__(self) -> None:
        self.time = 1000.0

    def now(self) -> float:
        return self.time

    def steady(self) -> float:
        return self.time


class Board:
    """What is felt, and whether requests are under way."""

    def __init__(self) -> None:
        self.strain = CALM
        self.busy = False


def fake_vcgencmd(folder: Path, output: str) -> str:
    program = folder / "vcgencmd"
    program.write_text(f"#!/bin/sh\n{output}\n")
    program.chmod(0o755)
    return str(program)


def zones(folder: Path, *temperatures: str) -> Path:
    for number, text in enumerate(temperatures):
        zone = folder / f"thermal_zone{number}"
        zone.mkdir()
        (zone / "temp").write_text(text)
    return folder


def test_the_hottest_zone(tmp_path: Path) -> None:
    found = strain(zones(tmp_path, "51540\n", "63100\n", "nonsense"), "/nowhere/vcgencmd")
    assert found == Strain(63.1, throttled=False, undervoltage=False)


def test_a_machine_that_feels_nothing(tmp_path: Path) -> None:
    assert strain(tmp_path, "/nowhere/vcgencmd") == Strain(None, throttled=False, undervoltage=False)


@pytest.mark.parametrize(
    ("said", "throttled", "undervoltage"),
    [
        ("echo throttled=0x0", False, False),
        ("echo throttled=0x50000", False, False),  # it was once, and is no longer
        ("echo throttled=0x50005", True, True),
        ("echo throttled=0x8", True, False),
        ("echo throttled=0x1", False, True),
        ("echo nonsense", False, False),
        ("exit 1", False, False),
    ],
)
def test_what_the_firmware_says(tmp_path: Path, said: str, throttled: bool, undervoltage: bool) -> None:
    found = strain(tmp_path, fake_vcgencmd(tmp_path, said))
    assert (found.throttled, found.undervoltage) == (throttled, undervoltage)


@pytest.fixture
def now() -> Now:
    return Now()


@pytest.fixture
def board() -> Board:
    return Board()


@pytest.fixture
def pace(now: Now, board: Board) -> Pace:
    return Pace(10.0, now, lambda: board.strain, lambda: board.busy)


def fps(pace: Pace, now: Now, seconds: float, work: float = 0.0) -> float:
    """Frames per second over that time, each taking so long to work on."""
    end, frames = now.time + seconds, 0
    while now.time < end:
        now.time += pace.pause() + work
        frames += 1
    return frames / seconds


def test_as_fast_as_the_settings_say(pace: Pace, now: Now) -> None:
    assert fps(pace, now, 20) == pytest.approx(10, abs=0.2)
    assert fps(pace, now, 20, work=0.06) == pytest.approx(10, abs=0.2)
    assert str(pace.gait) == "full"


def test_who_is_late_does_not_hurry_afterwards(pace: Pace, now: Now) -> None:
    """A second lost is not made good by ten frames at once."""
    fps(pace, now, 5)
    now.time += 1.0
    pauses = [pace.pause() for _ in range(3)]
    assert pauses == pytest.approx([0.0, 0.1, 0.2])


def test_requests_slow_it_down(pace: Pace, now: Now, board: Board) -> None:
    """And it takes up again when they are over."""
    board.busy = True
    fps(pace, now, 10)
    assert pace.gait is Gait.LOAD
    assert fps(pace, now, 20) == pytest.approx(5, abs=0.2)
    board.busy = False
    fps(pace, now, 20)
    assert str(pace.gait) == "full"


def test_heat_slows_it_down(pace: Pace, now: Now, board: Board, caplog: pytest.LogCaptureFixture) -> None:
    """With some degrees between hot and cool, so that it does not go to and fro; the log says it once."""
    board.strain = Strain(79.0, throttled=False, undervoltage=False)
    with caplog.at_level(logging.INFO):
        fps(pace, now, 20)
        assert fps(pace, now, 20) == pytest.approx(2.5, abs=0.2)
        board.strain = Strain(75.0, throttled=False, undervoltage=False)
        fps(pace, now, 20)
        assert pace.gait is Gait.HEAT
    assert [record.message for record in caplog.records] == [
        "the camera slows down to 2.5 frames/s: the board is at 79.0 °C"
    ]
    board.strain = CALM
    fps(pace, now, 40)
    assert str(pace.gait) == "full"


@pytest.mark.parametrize(
    ("strain", "gait"),
    [
        (Strain(50.0, throttled=False, undervoltage=True), Gait.UNDERVOLTAGE),
        (Strain(None, throttled=True, undervoltage=False), Gait.HEAT),
    ],
)
def test_the_firmware_slows_it_down(pace: Pace, now: Now, board: Board, strain: Strain, gait: Gait) -> None:
    board.strain = strain
    fps(pace, now, 30)
    assert pace.gait is gait
    assert fps(pace, now, 20) == pytest.approx(2.5, abs=0.2)
