"""The camera: is there one, does a frame come, is there light?"""

from __future__ import annotations

from collections.abc import Iterator

from edge.camera.escalation import CameraKind
from edge.camera.light import light_in_words
from edge.camera.spec import Spec
from edge.camera.supervised import SupervisedCamera
from edge.doctor.answer import Answer
from edge.doctor.finding import Finding, failed, not_applicable, passed
from edge.doctor.patient import Patient

FRAME_S = 40.0
"""For the first frame: a new process may import its libraries for long."""

_AIM = "aim it with `api-face camera test`"
_BUSY = "stop the service to have it tested here: systemctl stop api-face"


def look(patient: Patient) -> Iterator[Finding]:
    """Of a service that has it, its word; else a frame. Raises SettingsError."""
    spec = Spec.of(patient.settings)
    if spec is None:
        yield not_applicable("camera", 'none: the setting camera is "none"')
        return
    answer = patient.answer
    word = answer.fields.get("camera", "none") if isinstance(answer, Answer) else "none"
    yield _told(spec, word) if word != "none" else _tried(patient, spec)


def _told(spec: Spec, word: str) -> Finding:
    """Only one process can have it."""
    measured = f"{spec.kind}: {spec.target}: the service says {word}"
    if word in ("ok", "dark", "starting", "ended"):
        return passed("camera", measured)
    return failed("camera", measured, f"see the log: journalctl -u api-face | grep camera; {_BUSY}")


def _tried(patient: Patient, spec: Spec) -> Finding:
    camera = SupervisedCamera(spec, patient.clock, patient.settings.camera_memory_mib)
    try:
        end = patient.clock.steady() + FRAME_S
        while patient.clock.steady() < end:
            frame = camera.next()
            if frame is not None:
                light = float(frame.small.y.mean()) / 255
                words = f"{spec.kind}: {spec.target}: a frame of {frame.width}x{frame.height} px, brightness"
                words = f"{words} {100 * light:.0f} % ({light_in_words(light)})"
                return passed("camera", words) if light_in_words(light) == "ok" else _poor(words)
            if camera.state.kind is CameraKind.ABSENT:
                break
        reason = camera.state.reason or f"no frame within {FRAME_S:g} s"
        return failed("camera", f"{spec.kind}: {spec.target}: {reason}", f"{_AIM}, which tells more")
    finally:
        camera.close()


def _poor(words: str) -> Finding:
    """Night is no fault; but who asks by day wants to know."""
    return passed("camera", f"{words}; {_AIM}")
