"""A camera looked through for some seconds: what was seen, in figures."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from edge.camera.escalation import CameraKind
from edge.camera.frame import Frame
from edge.camera.spec import Spec
from edge.camera.supervised import SupervisedCamera
from edge.clock import Clock
from edge.detect import Detector
from edge.errors import CameraAbsent, CameraEnded, CameraStalled
from edge.face import Box, Face, Landmarks
from edge.picture import Picture, Planes
from edge.quality import look_of, sharpness
from edge.settings import Settings

PATIENCE_S = 40.0
"""For the first frame: a new process may import its libraries for long."""

_LOOK_EVERY_S = 0.5
"""So often faces are looked for, by the times of the frames; the frames between measure the rate."""


@dataclass(frozen=True, slots=True)
class Seen:
    """A face. box: pixels of the full frame. confidence, sharpness: 0..1; None without landmarks."""

    box: Box
    confidence: float
    sharpness: float | None


@dataclass(frozen=True, slots=True, eq=False)
class Looked:
    """One frame. width, height, small: pixels of the two streams. sharpness: of its middle, 0..1."""

    width: int
    height: int
    small: tuple[int, int]
    picture: Picture
    sharpness: float
    faces: tuple[Seen, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Survey:
    """best: the frame with the largest faces. fps: frames a second; None: there was one frame. brightness:
    mean of all frames, 0..1."""

    best: Looked
    fps: float | None
    brightness: float


def survey(
    spec: Spec, detector: Callable[[], Detector], settings: Settings, clock: Clock, seconds: float
) -> Survey:
    """Look for so long, by the times of the frames. detector: is made when there is a frame to look at.

    Raises CameraAbsent, CameraStalled: no frame came.
    """
    camera = SupervisedCamera(spec, clock, settings.camera_memory_mib)
    surveyor: _Surveyor | None = None
    try:
        while surveyor is None or surveyor.seen_s < seconds:
            frame = _next(camera, clock, surveyor is None)
            if surveyor is None:
                surveyor = _Surveyor(camera, detector(), settings.min_confidence)
            surveyor.take(frame)
    except CameraEnded:
        pass  # a replay that is shorter
    finally:
        camera.close()
    if surveyor is None or surveyor.best is None:
        raise CameraAbsent(f"{spec.target}: no frame could be looked at")
    return Survey(surveyor.best, surveyor.fps(), float(np.mean(surveyor.lumas)) / 255)


def _next(camera: SupervisedCamera, clock: Clock, first: bool) -> Frame:
    """The next frame. Raises CameraAbsent, CameraStalled; CameraEnded."""
    end = clock.steady() + PATIENCE_S
    while clock.steady() < end:
        frame = camera.next()
        if frame is not None:
            return frame
        state = camera.state
        if state.kind is CameraKind.ABSENT:
            raise CameraAbsent(state.reason)
        if state.kind is CameraKind.STALLED and (not first or state.restarts > 0):
            break
    raise CameraStalled(camera.state.reason or "the camera gave no frame")


class _Surveyor:
    """Adds up what the frames show."""

    def __init__(self, camera: SupervisedCamera, detector: Detector, least: float) -> None:
        self._camera = camera
        self._detector = detector
        self._least = least
        self._first: float | None = None
        self._last: float | None = None
        self._look_at = 0.0
        self._steps: list[float] = []
        self.lumas: list[float] = []
        self.best: Looked | None = None
        self.seen_s = 0.0

    def take(self, frame: Frame) -> None:
        """One frame; look for faces in it when it is time to."""
        if self._first is None:
            self._first = self._look_at = frame.time
        elif self._last is not None:
            self._steps.append(frame.time - self._last)
        self.seen_s = frame.time - self._first
        self.lumas.append(float(frame.small.y.mean()))
        self._last = frame.time
        if frame.time >= self._look_at:
            self._look_at = frame.time + _LOOK_EVERY_S
            self._last = None  # looking takes time in which frames are missed
            looked = self._looked(frame)
            if looked is not None and (self.best is None or _worth(looked) >= _worth(self.best)):
                self.best = looked

    def fps(self) -> float | None:
        """Frames a second; None: not known."""
        total = sum(self._steps)
        if total > 0:
            return len(self._steps) / total
        return (len(self.lumas) - 1) / self.seen_s if self.seen_s > 0 else None

    def _looked(self, frame: Frame) -> Looked | None:
        """None: the camera was lost meanwhile."""
        found = self._detector.detect(frame.small.picture(), self._least)
        part = self._camera.region(Box(0, 0, frame.width, frame.height))
        if part is None:
            return None
        planes = part[0]
        picture = planes.picture()
        by = frame.width / frame.small.width
        faces = tuple(_seen(picture, face, by) for face in found)
        small = frame.small.width, frame.small.height
        return Looked(planes.width, planes.height, small, picture, _middle(planes), faces)


def _worth(looked: Looked) -> float:
    return sum(face.box.width * face.box.height for face in looked.faces)


def _seen(picture: Picture, face: Face, by: float) -> Seen:
    """A face of the small stream in the full one, which is so many times as large."""
    box = Box(face.box.left * by, face.box.top * by, face.box.width * by, face.box.height * by)
    box = box.clip(picture.width, picture.height)
    if face.landmarks is None:
        return Seen(box, face.confidence, None)
    landmarks = Landmarks(face.landmarks.points * by, face.landmarks.score)
    look = look_of(picture, Face(box, face.confidence, landmarks), landmarks, mirror=1.0)
    return Seen(box, face.confidence, look.sharpness)


def _middle(planes: Planes) -> float:
    """Sharpness of the square in the middle."""
    side = min(planes.width, planes.height)
    left, top = (planes.width - side) // 2, (planes.height - side) // 2
    return sharpness(planes.y[top : top + side, left : left + side].astype(np.float32))
