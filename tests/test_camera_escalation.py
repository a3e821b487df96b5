"""What is done about a camera, at which second; nothing here waits."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from edge.camera.escalation import CameraKind, Escalation, Limits, Step

LIMITS = Limits()
BRIGHT = 100.0


class Told:
    """An escalation and the time."""

    def __init__(self, live: bool = True, fps: float = 10.0) -> None:
        self.now = 0.0
        self.fps = fps
        self.it = Escalation(LIMITS, live, fps, self.now)
        self.digest = 0
        self.it.started()
        self.it.tried(self.now)

    def kind(self) -> CameraKind:
        return self.it.state.kind

    def plays(self, seconds: float, luma: float = BRIGHT, same: bool = False) -> list[tuple[float, Step]]:
        """Frames at the camera's rate; what was to be done, when."""
        return self._until(seconds, 1 / self.fps, lambda: self._frame(luma, same))

    def stalls(self, seconds: float) -> list[tuple[float, Step]]:
        """The process says twice a second that there is none."""
        return self._until(seconds, 0.5, self._nothing)

    def _until(
        self, seconds: float, step_s: float, what: Callable[[], Step | None]
    ) -> list[tuple[float, Step]]:
        done: list[tuple[float, Step]] = []
        end = self.now + seconds
        while self.now < end - 1e-6:
            self.it.asked(self.now)
            self.now += step_s
            step = what()
            if step is not None and step is not Step.WAIT:
                done.append((round(self.now, 3), step))
                if step in (Step.FLUSH, Step.REOPEN):
                    self.it.tried(self.now)
                else:
                    self.it.lost(self.now, CameraKind.STALLED, "x")
        return done

    def _frame(self, luma: float, same: bool) -> Step | None:
        self.digest += 0 if same else 1
        return self.it.frame(self.now, luma, self.digest)

    def _nothing(self) -> Step:
        return self.it.nothing(self.now)


def test_each_step_when_the_last_did_not_help() -> None:
    told = Told()
    assert told.plays(10) == []
    steps = told.stalls(8)
    assert [step for _, step in steps] == [Step.FLUSH, Step.REOPEN, Step.RESTART]
    assert steps[0][0] - 10 <= 5  # what the device promises
    assert told.kind() is CameraKind.STALLED


def test_a_slow_camera_is_given_two_frames_time() -> None:
    told = Told(fps=0.5)
    assert told.stalls(4) == []
    assert told.stalls(0.5) == [(4.5, Step.FLUSH)]


def test_nobody_asked() -> None:
    """A consumer that was busy for long does not blame the camera."""
    told = Told()
    told.plays(5)
    told.now += 100
    assert told.stalls(2) == []
    assert told.kind() is CameraKind.OK


def test_a_replay_owes_no_frame() -> None:
    """But a process that does not answer is replaced."""
    told = Told(live=False)
    assert told.stalls(100) == []
    assert told.plays(100, same=True) == []
    assert told.it.silent(told.now + 3, told.now, 3.5) is Step.WAIT
    assert told.it.silent(told.now + 4, told.now, 3.5) is Step.RESTART
    assert "not answered for 4 s" in told.it.state.reason


def test_frozen() -> None:
    """The same picture, again and again. One other picture is enough to be well."""
    told = Told()
    told.plays(5)
    assert told.plays(2.9, same=True) == []
    told.plays(0.1)
    assert told.plays(2.9, same=True) == []
    assert told.kind() is CameraKind.OK
    steps = told.plays(6, same=True)
    assert [step for _, step in steps][:3] == [Step.FLUSH, Step.REOPEN, Step.RESTART]
    assert told.kind() is CameraKind.STALLED
    told.plays(0.1)
    assert told.kind() is CameraKind.OK


def test_dark() -> None:
    """A state, after a while; black pictures may be the same."""
    told = Told()
    told.plays(3)
    assert told.plays(5, luma=2, same=True) == []
    assert told.kind() is CameraKind.OK
    assert told.plays(30, luma=2, same=True) == []
    assert told.kind() is CameraKind.DARK
    assert "2.0 of 255" in told.it.state.reason
    began = told.it.state.since
    told.plays(5, luma=2)
    assert told.it.state.since == began
    told.plays(0.1)
    assert (told.kind(), told.it.state.reason) == (CameraKind.OK, "")


def test_back_off_doubles_and_begins_anew_after_a_good_minute() -> None:
    told = Told()
    told.plays(1)

    def waits() -> float:
        return told.it.lost(told.now, CameraKind.ABSENT, "gone")

    assert [waits() for _ in range(7)] == [1, 2, 4, 8, 16, 30, 30]
    assert told.it.start_in(told.now + 10) == pytest.approx(20)
    assert told.it.start_in(told.now + 31) == 0
    told.plays(59)
    assert waits() == 30
    told.plays(61)
    assert waits() == 1


def test_a_flush_that_helps_again_and_again_does_not_help() -> None:
    """The next stall within a minute goes one step further."""
    told = Told()
    for expected in (Step.FLUSH, Step.REOPEN, Step.RESTART):
        told.plays(20)
        assert [step for _, step in told.stalls(2.5)] == [expected]
    told.plays(70)
    assert [step for _, step in told.stalls(2.5)] == [Step.FLUSH]


def test_restarts_are_counted() -> None:
    told = Told()
    assert told.it.state.restarts == 0
    told.it.started()
    told.it.started()
    assert told.it.state.restarts == 2
