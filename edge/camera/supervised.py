"""A camera that outlives its faults: the capture runs in a process of its own, which may hang, crash or leak.

Nothing here waits longer than about a second (a new process is started in some milliseconds and imports its
libraries by itself).
"""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence

from edge.camera.escalation import CameraKind, CameraState, Escalation, Limits, Step
from edge.camera.frame import Frame
from edge.camera.process import COMMAND, OPENING, CameraProcess
from edge.camera.shared import Half, Message, SharedPlanes, copied
from edge.camera.sizes import even_part
from edge.camera.spec import Spec
from edge.clock import Clock
from edge.errors import CameraEnded, CameraError
from edge.face import Box
from edge.picture import Planes

NEXT_S = 1.0
"""How long next() waits for a frame."""

_ASK_S = 0.5
"""How long the process may wait for one before it says that there is none."""

_GRACE_S, _KILL_S = 1.0, 2.0
_MEMORY_EVERY_S = 2.0
_WRONG = (CameraKind.STALLED, CameraKind.ABSENT)

_log = logging.getLogger(__name__)


class SupervisedCamera:
    """Used by one thread, but for state. That thread must live as long as the camera: the kernel
    kills the process when the thread that started it ends. A replay begins anew in a new process."""

    def __init__(
        self,
        spec: Spec,
        clock: Clock,
        memory_mib: float,
        command: Sequence[str] | None = None,
        limits: Limits | None = None,
    ) -> None:
        """Starts nothing yet: the first next() does. memory_mib: that its process may take."""
        self._spec = spec
        self._clock = clock
        self._memory_mib = memory_mib
        self._command = tuple(command or COMMAND)
        self._limits = limits or Limits()
        self._escalation = Escalation(self._limits, spec.live, spec.fps, clock.steady())
        self._shared = SharedPlanes.made(spec)
        self._process: CameraProcess | None = None
        self._stuck: list[CameraProcess] = []
        self._shown: tuple[int, int] | None = None  # size of the frame last given
        self._weigh_at = 0.0
        self._closed = False

    @property
    def state(self) -> CameraState:
        """How it does. For any thread."""
        return self._escalation.state

    @property
    def pid(self) -> int | None:
        """Of its process, if there is one now."""
        process = self._process
        return None if process is None else process.pid

    def next(self) -> Frame | None:
        """The next frame; None when none came within about a second, or as soon as something is wrong that
        was not before: state says what. Whoever looks at it after each None misses no stall.

        Raises CameraEnded when a replay is over.
        """
        self._shown = None
        end = self._clock.steady() + NEXT_S
        while not self._closed:
            if self.state.kind is CameraKind.ENDED:
                raise CameraEnded(self.state.reason)
            left = end - self._clock.steady()
            if left <= 0:
                break
            was = self.state.kind
            frame = self._turn(self._process, left)
            if frame is not None:
                return frame
            if self.state.kind in _WRONG and self.state.kind is not was:
                break
        return None

    def region(self, box: Box) -> tuple[Planes, int, int] | None:
        """A copy of a part of the last frame in full size, and its left and top.

        box: pixels of the full frame; clipped, and widened to even sides. None: nothing is left of it, or the
        process was lost meanwhile.
        """
        process, shown = self._process, self._shown
        if process is None or shown is None:
            return None
        left, top, width, height = even_part(box, *shown)
        if width < 2 or height < 2:
            return None
        try:
            process.ask("region", left=left, top=top, width=width, height=height)
            while (answer := process.answer(NEXT_S)) is None:
                if self._silent(process) is Step.RESTART:
                    raise CameraError(self.state.reason)
            if answer["is"] != "region":
                raise CameraError(str(answer.get("reason", answer["is"])))
            return copied(self._shared.read(Half.REGION, answer["width"], answer["height"])), left, top
        except (CameraError, KeyError, TypeError) as error:
            self._lose(CameraKind.STALLED, str(error))
            return None

    def close(self) -> None:
        """End the process; next() gives None from then on. For the thread that calls next()."""
        self._closed = True
        process, self._process = self._process, None
        if process is not None and not process.end(_GRACE_S, _KILL_S):
            _log.error("camera: process %d is stuck and cannot be killed", process.pid)
        self._forget_stuck()
        self._shared.close()

    def _turn(self, process: CameraProcess | None, left: float) -> Frame | None:
        """One thing at most: start a process, ask it, or hear from it; within `left` seconds."""
        if process is None:
            self._start(left)
            return None
        try:
            if process.asked is None:
                process.ask("next", wait=_ASK_S)
                self._escalation.asked(process.asked_at)
            answer = process.answer(left)
            if answer is None:
                self._take(self._silent(process))
                return None
            return self._heard(process, answer)
        except CameraError as error:
            self._lose(CameraKind.STALLED, error.message)
        except (KeyError, TypeError, ValueError) as error:
            self._lose(CameraKind.STALLED, f"an answer of the camera's process lacks {error}")
        return None

    def _silent(self, process: CameraProcess) -> Step:
        now = self._clock.steady()
        patience = self._limits.silent_s
        if process.asked == OPENING:
            patience = self._limits.reopen_s if process.opened else self._limits.start_s
        return self._escalation.silent(now, process.asked_at, patience)

    def _start(self, left: float) -> None:
        """A new process, when the back-off is over."""
        waits = self._escalation.start_in(self._clock.steady())
        if waits > 0:
            time.sleep(min(waits, left))
            return
        self._forget_stuck()
        try:
            self._process = CameraProcess(self._command, self._spec, self._shared, self._clock)
        except CameraError as error:
            self._lose(CameraKind.ABSENT, error.message)
            return
        self._escalation.started()

    def _heard(self, process: CameraProcess, answer: Message) -> Frame | None:
        now = self._clock.steady()
        match answer["is"]:
            case "frame":
                return self._frame(process, answer, now)
            case "opened" | "flushed":
                process.opened = True
                self._escalation.tried(now)
            case "stalled":
                self._take(self._escalation.nothing(now))
            case "absent":
                self._lose(CameraKind.ABSENT, str(answer["reason"]))
            case "failed":
                self._lose(CameraKind.STALLED, str(answer["reason"]))
            case "ended":
                self._escalation.ended(now, str(answer["reason"]))
                self._end(process, _GRACE_S)
        return None

    def _frame(self, process: CameraProcess, answer: Message, now: float) -> Frame | None:
        """The frame, if it is a good one."""
        small = self._shared.read(Half.SMALL, *answer["small"])
        width, height = answer["size"]
        was = self.state
        step = self._escalation.frame(now, answer["luma"], answer["digest"])
        if step is not None:
            self._take(step)
            return None
        self._tell(was, now)
        if now >= self._weigh_at:
            self._weigh_at = now + _MEMORY_EVERY_S
            taken = process.memory_mib()
            if taken > self._memory_mib:
                words = f"its process takes {taken:.0f} MiB of memory; it may take {self._memory_mib:.0f}"
                self._lose(CameraKind.STALLED, words)
                return None
        self._shown = width, height
        return Frame(answer["number"], answer["time"], small, width, height)

    def _take(self, step: Step) -> None:
        """Raises CameraError: the process has gone."""
        process = self._process
        if step is Step.WAIT or process is None:
            return
        if step is Step.RESTART:
            self._lose(CameraKind.STALLED, self.state.reason)
            return
        what = "flush" if step is Step.FLUSH else OPENING
        _log.warning("camera: %s: %s", self.state.reason, what)
        process.ask(what)

    def _lose(self, kind: CameraKind, reason: str) -> None:
        """End the process, if there is one, and arrange for another."""
        was = self.state
        waits = self._escalation.lost(self._clock.steady(), kind, reason)
        still_absent = (was.kind, was.reason) == (kind, reason) and kind is CameraKind.ABSENT
        level = logging.DEBUG if still_absent else logging.WARNING
        _log.log(level, "camera: %s: a new process in %g s", reason, waits)
        process = self._process
        if process is not None:
            self._end(process, 0.0)

    def _end(self, process: CameraProcess, grace_s: float) -> None:
        self._process = self._shown = None
        if not process.end(grace_s, _KILL_S):
            _log.error("camera: process %d is stuck and cannot be killed", process.pid)
            self._stuck.append(process)

    def _forget_stuck(self) -> None:
        """Those that have ended after all."""
        self._stuck = [process for process in self._stuck if not process.gone()]

    def _tell(self, was: CameraState, now: float) -> None:
        """A line in the log when a good frame has changed the state."""
        state = self.state
        if state.kind is not was.kind:
            after = "" if was.kind is CameraKind.STARTING else f" after {now - was.since:.1f} s {was.kind}"
            _log.info("camera: %s%s%s", state.kind, after, f": {state.reason}" if state.reason else "")
