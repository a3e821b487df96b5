"""The camera loop: frames, one after the other, for months."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from typing import Protocol

from edge.attention import Attention
from edge.camera.escalation import CameraKind, CameraState
from edge.camera.frame import Frame
from edge.clock import Clock
from edge.closeup import Region
from edge.errors import CameraEnded, EdgeError
from edge.event import EventKind
from edge.pace import Gait, Pace
from edge.sightings import Sightings
from edge.turn import Turn

_STUMBLED_S = 1.0
"""Pause after a frame that failed (seconds): the next one probably fails as well."""

_SAY_AGAIN_S = 60.0
"""So often a failure that goes on is logged (seconds)."""

_TURN_EVERY_S = 2.0

_LOST = (CameraKind.STALLED, CameraKind.ABSENT)

_log = logging.getLogger(__name__)


class Camera(Protocol):
    """edge.camera.supervised.SupervisedCamera."""

    @property
    def state(self) -> CameraState: ...
    @property
    def region(self) -> Region: ...
    def next(self) -> Frame | None: ...
    def close(self) -> None: ...


class Watch:
    """Looks through one camera until it is stopped. run() is for one thread; the rest for any."""

    def __init__(
        self,
        camera: Camera,
        attention: Attention,
        sightings: Sightings,
        *,
        pace: Pace | None,
        clock: Clock,
        turn: Turn,
    ) -> None:
        """pace: None goes as fast as frames come (a replay at full speed). turn: see
        edge.upkeep.camera_turn."""
        self._camera = camera
        self._attention = attention
        self._sightings = sightings
        self._pace = pace
        self._clock = clock
        self.steps = attention.steps
        self._held = self._waiting = self._over = False
        self._lost_since: float | None = None
        self._said_at = float("-inf")
        self._turn = turn
        self.first_frame: float | None = None

    def run(self, stop: threading.Event) -> None:
        """Look until then, or until a replay has come to its end. A frame that fails is not the end."""
        try:
            self._await_turn(stop)
            while not (stop.is_set() or self._over):
                if self._pace is not None and stop.wait(self._pace.pause()):
                    break
                if not self._carefully(self._once):
                    stop.wait(_STUMBLED_S)
        finally:
            self._carefully(self._attention.end)
            self._carefully(self._sightings.catch_up)
            self._camera.close()
            self._turn.give_back()

    def state(self) -> str:
        """What health says of the camera."""
        return str(CameraKind.ABSENT if self._waiting else self._camera.state.kind)

    def gauges(self) -> Mapping[str, float]:
        """Figures for the metrics."""
        counts, state = self.steps.counts, self._camera.state
        found = {
            "camera_up": float(state.kind not in _LOST),
            "camera_restarts": state.restarts,
            "camera_frames": counts["frames"],
            "camera_frames_yielded": counts["yielded"],
            "camera_visits": len(self._attention.visits),
        }
        for name, step in self.steps.steps.copy().items():
            found[f"camera_{name}_runs"] = step.calls
            found[f"camera_{name}_cpu_seconds"] = step.cpu
        if self._pace is not None:
            found["camera_slowed"] = float(self._pace.gait is not Gait.FULL)
            if self._pace.strain.celsius is not None:
                found["board_celsius"] = self._pace.strain.celsius
        return found

    # -- one frame ----------------------------------------------------------------------------------

    def _once(self) -> None:
        try:
            frame = self._camera.next()
        except CameraEnded:
            self._over = True
        else:
            self._take(frame)

    def _take(self, frame: Frame | None) -> None:
        self._tell(self._camera.state)
        self._sightings.catch_up()
        if frame is None:
            self._attention.expire(self._clock.steady())
        else:
            if self.first_frame is None:
                self.first_frame = frame.time
            self._attention.look(frame, self._camera.region)

    def _await_turn(self, stop: threading.Event) -> None:
        """Two processes that write as one camera would end each other's sightings."""
        while not (self._carefully(self._ask_for_turn) and self._held) and not stop.is_set():
            if not self._waiting:
                _log.warning("another process watches as this camera already; its end is waited for")
            self._waiting = True
            stop.wait(_TURN_EVERY_S)
        if self._waiting and self._held:  # the other may have been killed
            self._carefully(self._sightings.close_former)
        self._waiting = False

    def _ask_for_turn(self) -> None:
        self._held = self._turn.taken()

    def _tell(self, state: CameraState) -> None:
        """Events for the camera's going and coming."""
        lost = state.kind in _LOST
        if lost and self._lost_since is None:
            self._lost_since = self._clock.steady()
            self._sightings.camera(EventKind.CAMERA_STALLED, {"reason": state.reason})
        elif self._lost_since is not None and state.kind in {CameraKind.OK, CameraKind.DARK}:
            away = self._clock.steady() - self._lost_since
            self._lost_since = None
            self._sightings.camera(EventKind.CAMERA_RECOVERED, {"seconds": round(away, 1)})

    def _carefully(self, work: Callable[[], None]) -> bool:
        """Whether it went well. What fails is logged, but not with every frame."""
        try:
            work()
        except Exception as error:
            if self._clock.steady() - self._said_at >= _SAY_AGAIN_S:
                self._said_at = self._clock.steady()
                if isinstance(error, EdgeError):
                    _log.error("the camera loop: %s", error.message)
                else:
                    _log.exception("the camera loop failed")
            return False
        return True
