"""Which source plays which spec."""

from __future__ import annotations

from pathlib import Path

from edge.camera.frame import Capture
from edge.camera.replay import Replay
from edge.camera.spec import Spec
from edge.clock import Clock, SystemClock


def open_capture(spec: Spec, clock: Clock | None = None) -> Capture:
    """The camera or replay, opened. Raises CameraAbsent. The libraries that one needs are imported here, so
    that a process holds only those of its own camera."""
    match spec.kind:
        case "pi":
            from edge.camera.pi import PiCamera

            return PiCamera(spec)
        case "v4l2":
            from edge.camera.v4l2 import Webcam

            return Webcam(spec)
        case "file" if Path(spec.target).is_dir():
            from edge.camera.folder import Folder

            return Replay(Folder(spec), spec, clock or SystemClock())
        case "file":
            from edge.camera.clip import Clip

            return Replay(Clip(spec), spec, clock or SystemClock())
