"""`api-face camera`: what somebody wants to know who mounts a camera and aims it."""

from __future__ import annotations

import argparse
import logging
from pathlib import Path

from edge.camera.light import light_in_words
from edge.camera.spec import Spec
from edge.clock import SystemClock
from edge.commands.camera_look import Looked, Seen, Survey, survey
from edge.commands.place import Place
from edge.detect import Detector
from edge.engine import Engine
from edge.errors import CameraAbsent, SettingsError
from edge.face import Box
from edge.picture import Outline, outlined_jpeg
from edge.quality import BLURRED
from edge.settings import EMBEDDERS

PICTURE = Path("camera-test.jpg")

GOOD_SIDE, POOR_SIDE = 64, 32
"""Shorter side of a face in the full frame, pixels: from the first it is recognised well, below the second it
is not recognised."""

_GREEN, _ORANGE, _RED = (0, 220, 0), (255, 170, 0), (255, 60, 60)
_MOST_S = 600


def arguments(parser: argparse.ArgumentParser) -> None:
    """test."""
    actions = parser.add_subparsers(required=True, metavar="ACTION")
    summary = "look through the camera: its mode, brightness, sharpness, how large faces are; take a picture"
    test = actions.add_parser("test", help=summary, description=f"{summary.capitalize()}.")
    test.add_argument(
        "--camera", metavar="CAMERA", help="pi, v4l2:DEVICE or file:PATH (default: the setting camera)"
    )
    test.add_argument(
        "--seconds", metavar="S", type=float, default=5.0, help="how long to look (default: %(default)g)"
    )
    test.add_argument(
        "--picture",
        metavar="FILE",
        type=Path,
        default=PICTURE,
        help="where to write the best frame, with the faces marked (a JPEG; default: %(default)s)",
    )


def run(args: argparse.Namespace, place: Place) -> int:
    """Look, and tell."""
    if not 0 < args.seconds <= _MOST_S:
        raise SettingsError(f"--seconds is a number up to {_MOST_S}, not {args.seconds:g}")
    settings = place.settings(camera=args.camera)
    spec = Spec.of(settings)
    if spec is None:
        raise CameraAbsent('there is no camera: the setting camera is "none"; name one with --camera')
    logging.getLogger("edge.camera").addHandler(logging.NullHandler())  # what goes wrong is told below

    def detector() -> Detector:
        return Engine.load(settings.model_threads, EMBEDDERS[settings.embedder]).detector

    found = survey(spec, detector, settings, SystemClock(), args.seconds)
    for name, words in described(spec, found):
        print(f"{name:11} {words}")
    args.picture.write_bytes(annotated(found.best))
    print(f"{'picture':11} {args.picture}")
    return 0


def described(spec: Spec, found: Survey) -> list[tuple[str, str]]:
    """The lines of the answer: a name and words."""
    best = found.best
    rate = "rate unknown (one frame)" if found.fps is None else f"{found.fps:.1f} frames/s"
    lines = [
        ("camera", f"{spec.kind}: {spec.target}"),
        ("mode", f"{best.width}x{best.height} px; small stream {best.small[0]}x{best.small[1]} px; {rate}"),
        ("brightness", f"{100 * found.brightness:.0f} % ({light_in_words(found.brightness)})"),
        (
            "sharpness",
            f"{best.sharpness:.2f} in the middle of the picture; turn the lens until it is highest",
        ),
    ]
    if not best.faces:
        lines.append(("faces", "none seen; let somebody stand where people will stand"))
    return lines + [(f"face {number}", _face(face)) for number, face in enumerate(best.faces, 1)]


def size_in_words(box: Box) -> str:
    """Whether a face is large enough. box: pixels of the full frame."""
    side = min(box.width, box.height)
    if side >= GOOD_SIDE:
        return "large enough"
    if side >= POOR_SIDE:
        return f"poor: recognised well from {GOOD_SIDE} px; come nearer, zoom, or raise camera_width"
    return f"too small: at least {POOR_SIDE} px are needed; come nearer, zoom, or raise camera_width"


def annotated(looked: Looked) -> bytes:
    """The frame as a JPEG with its faces marked by how well their size will do."""
    outlines = []
    for face in looked.faces:
        side = min(face.box.width, face.box.height)
        colour = _GREEN if side >= GOOD_SIDE else _ORANGE if side >= POOR_SIDE else _RED
        text = f"{face.box.width:.0f}x{face.box.height:.0f} px  {100 * face.confidence:.0f} %"
        outlines.append(Outline(face.box, text, colour))
    return outlined_jpeg(looked.picture, outlines)


def _face(face: Seen) -> str:
    box = face.box
    words = (
        f"{box.width:.0f}x{box.height:.0f} px at {box.left:.0f},{box.top:.0f} ({size_in_words(box)}); "
        f"confidence {100 * face.confidence:.1f} %"
    )
    if face.sharpness is None:
        return words
    return f"{words}; sharpness {face.sharpness:.2f} ({'blurred' if face.sharpness < BLURRED else 'ok'})"
