"""What is done about a camera that gives no frames, and what is told about it. Pure: times are arguments.

Flush, then reopen, then a new process, each when the one before did not help within step_s. A new process
waits a back-off that doubles each time. Both begin anew after settled_s of good frames: a camera that is
flushed again and again has not been helped. All times are steady seconds.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, replace


class CameraKind(enum.StrEnum):
    """How a camera does."""

    STARTING = "starting"
    """No frame has come yet, and nothing is known to be wrong."""
    OK = "ok"
    DARK = "dark"
    """Frames come, and are black: a fact about the room or the lens, nothing to restart for."""
    STALLED = "stalled"
    """It was there, and gives no frames, or the same one again and again."""
    ABSENT = "absent"
    """There is none, or it cannot be opened."""
    ENDED = "ended"
    """A replay is over."""


@dataclass(frozen=True, slots=True)
class CameraState:
    """reason: in words, "" when all is well. since: steady seconds at which this kind began. restarts:
    processes started after the first."""

    kind: CameraKind
    reason: str
    since: float
    restarts: int


class Step(enum.Enum):
    """What to do now."""

    WAIT = enum.auto()
    FLUSH = enum.auto()
    REOPEN = enum.auto()
    RESTART = enum.auto()


_SEEN = (CameraKind.OK, CameraKind.DARK)
_STEPS = (Step.FLUSH, Step.REOPEN, Step.RESTART)


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Patience, in seconds where nothing else is said."""

    quiet_s: float = 2.0
    """Without a frame, of a device: it has stalled. Two frames' time at least."""
    frozen_s: float = 3.0
    """With the same picture. Sensors are noisy: two frames are never the same."""
    step_s: float = 1.5
    """From one step to the next."""
    silent_s: float = 3.5
    """Without an answer: the process hangs. It answers within a second, unless the processor is very busy."""
    start_s: float = 30.0
    """Without an answer from a new process: on a Zero, importing picamera2 takes many seconds."""
    reopen_s: float = 8.0
    """Without an answer from one that reopens its camera."""
    dark_s: float = 5.0
    dark_luma: float = 8.0
    """Mean of the small picture, 0..255, below which it is dark."""
    back_off_s: float = 1.0
    most_back_off_s: float = 30.0
    settled_s: float = 60.0


class Escalation:
    """live: a device; a replay is not expected to give a frame at any time, nor always another one."""

    def __init__(self, limits: Limits, live: bool, fps: float, now: float) -> None:
        self._limits = limits
        self._live = live
        self._quiet_s = max(limits.quiet_s, 2 / fps)
        self.state = CameraState(CameraKind.STARTING, "", now, 0)
        self._starts = 0
        self._start_at = now
        self._back_off = limits.back_off_s
        self._level = 0
        self._step_at = now
        self._waiting: float | None = None  # since when somebody has waited for a frame
        self._good_since: float | None = None
        self._digest: int | None = None
        self._changed = now
        self._repeats = 0
        self._dark_since: float | None = None

    def start_in(self, now: float) -> float:
        """Seconds until a process may be started."""
        return max(0.0, self._start_at - now)

    def started(self) -> None:
        """A process was."""
        self._starts += 1
        self.state = replace(self.state, restarts=self._starts - 1)

    def tried(self, now: float) -> None:
        """The camera was opened, or flushed: it has step_s to show that it helped."""
        self._waiting = None
        self._step_at = now + self._limits.step_s

    def asked(self, now: float) -> None:
        """Somebody waits for a frame. Time in which nobody wants one is not the camera's fault."""
        self._waiting = now if self._waiting is None else self._waiting

    def frame(self, now: float, luma: float, digest: int) -> Step | None:
        """A frame has come. None: it is good; else what to do, for it is the same as many before."""
        self._waiting = None
        dark = luma < self._limits.dark_luma
        # Black is the same as black, also where nothing is wrong: a lens cap, a webcam that smooths.
        if self._live and digest == self._digest and not dark:
            self._repeats += 1
            same = now - self._changed
            if same > self._limits.frozen_s and self._repeats > 1:
                return self._trouble(now, f"the picture has not changed for {same:.0f} s")
        else:
            self._digest, self._changed, self._repeats = digest, now, 0
        self._good(now, luma if dark else None)
        return None

    def nothing(self, now: float) -> Step:
        """The process answers, and has no frame."""
        quiet = self._quiet(now)
        if not self._live or quiet <= self._quiet_s:
            return Step.WAIT
        return self._trouble(now, f"no frame for {quiet:.0f} s")

    def silent(self, now: float, asked_at: float, patience_s: float) -> Step:
        """The process has not answered yet."""
        silence, quiet = now - asked_at, self._quiet(now)
        if silence > patience_s:
            self._show(CameraKind.STALLED, f"the camera's process has not answered for {silence:.0f} s", now)
            return Step.RESTART
        if self._live and self.state.kind in _SEEN and quiet > self._quiet_s:
            self._show(CameraKind.STALLED, f"no frame for {quiet:.0f} s", now)
        return Step.WAIT

    def lost(self, now: float, kind: CameraKind, reason: str) -> float:
        """The process has ended, or is ended now. Seconds until another may be started."""
        self._show(kind, reason, now)
        self._level = 0
        self._good_since = None
        waits, self._back_off = self._back_off, min(2 * self._back_off, self._limits.most_back_off_s)
        self._start_at = now + waits
        return waits

    def ended(self, now: float, reason: str) -> None:
        """A replay is over."""
        self._show(CameraKind.ENDED, reason, now)

    def _quiet(self, now: float) -> float:
        return 0.0 if self._waiting is None else now - self._waiting

    def _trouble(self, now: float, reason: str) -> Step:
        self._good_since = None
        self._show(CameraKind.STALLED, reason, now)
        if now < self._step_at:
            return Step.WAIT
        step = _STEPS[min(self._level, len(_STEPS) - 1)]
        self._level += 1
        self._step_at = now + self._limits.step_s
        return step

    def _good(self, now: float, dark_luma: float | None) -> None:
        if self._good_since is None:
            self._good_since = now
        elif now - self._good_since >= self._limits.settled_s:
            self._level, self._back_off = 0, self._limits.back_off_s
        if dark_luma is None:
            self._dark_since = None
            self._show(CameraKind.OK, "", now)
            return
        self._dark_since = now if self._dark_since is None else self._dark_since
        if now - self._dark_since > self._limits.dark_s:
            self._show(CameraKind.DARK, f"the picture is black (brightness {dark_luma:.1f} of 255)", now)
        elif self.state.kind is not CameraKind.DARK:
            self._show(CameraKind.OK, "", now)

    def _show(self, kind: CameraKind, reason: str, now: float) -> None:
        since = self.state.since if kind is self.state.kind else now
        self.state = CameraState(kind, reason, since, self.state.restarts)
