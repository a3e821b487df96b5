"""frame -> faces -> close-ups: what the networks see of a camera's frame, in pixels of the full frame."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from edge.camera.frame import Frame
from edge.embed import kept_crop
from edge.engine import Engine
from edge.evidence import View, weight
from edge.face import Box, Face, Landmarks, Pixels
from edge.picture import Planes
from edge.portrait import Portrait, portrait_on
from edge.quality import flaws, usefulness

Cut = tuple[Planes, int, int]
"""A part of a frame in full size, and its left and top."""

Region = Callable[[Box], Cut | None]
"""Cuts a box out of the last frame; None when it is gone."""

LEAST_SIDE = 32
"""Shorter side of a face, pixels of the full frame: below it nobody is told apart (train refuses it, too)."""

GOOD_SIDE = 48
"""From this side on a face may be what a stranger is remembered by."""

_REACH = 3.0
"""Side of what is cut out, in longer sides of the face: the second look at the landmarks sees 2, turned by 45
degrees 2.8."""

_SAME_FACE = 0.4
"""Intersection over union of two boxes from which they are one face. The detector's own suppression (0.3)
looks at the boxes that the wide net proposed, before the face net has moved them."""

_TOLERATED = frozenset({"small_face"})


@dataclass(frozen=True, slots=True, eq=False)
class CloseUp:
    """A face that was embedded. view: for the evidence. portrait: its embedding and look. chip: what would be
    kept of it (see edge.embed.kept_crop), and landmarks on it.
    """

    view: View
    portrait: Portrait
    chip: Pixels
    landmarks: Landmarks


def faces_in(engine: Engine, frame: Frame, min_confidence: float) -> tuple[Face, ...]:
    """The faces of a frame that have landmarks, looked for in its small stream."""
    found = engine.detector.detect(frame.small.picture(), min_confidence, most_enlarged=1)
    across, down = frame.width / frame.small.width, frame.height / frame.small.height
    faces: list[Face] = []
    for face in found:  # the surest first: two proposals may have come to the same face
        if face.landmarks is not None and all(face.box.overlap(other.box) < _SAME_FACE for other in faces):
            faces.append(face)
    return tuple(_scaled(face, across, down) for face in faces)


def cut_out(region: Region, face: Face) -> Cut | None:
    """The face and what is around it, from the last frame. None: the frame is gone."""
    box = face.box
    side = max(box.width, box.height) * _REACH
    return region(Box(box.left + box.width / 2 - side / 2, box.top + box.height / 2 - side / 2, side, side))


def close_up(engine: Engine, cut: Cut, face: Face, time: float) -> CloseUp:
    """Embed one face, which has landmarks. cut: as from cut_out."""
    if face.landmarks is None:
        raise ValueError("a face without landmarks cannot be aligned")
    planes, left, top = cut
    picture = planes.picture()
    shift = np.array([left, top], np.float32)
    landmarks = Landmarks(face.landmarks.points - shift, face.landmarks.score)
    portrait = portrait_on(engine, picture, face, landmarks)
    look, embedding = portrait.look, portrait.embedding
    useful = usefulness(face.confidence, embedding.mirror, embedding.model)
    good = look.side >= GOOD_SIDE and all(flaw.code in _TOLERATED for flaw in flaws(look, embedding.model))
    view = View(embedding.vector, weight(useful, look.sharpness, look.side), good, time)
    kept = kept_crop(picture, portrait.landmarks)
    return CloseUp(view, portrait, kept.pixels, Landmarks(kept.landmarks, landmarks.score))


def _scaled(face: Face, across: float, down: float) -> Face:
    box, landmarks = face.box, face.landmarks
    if landmarks is not None:
        landmarks = Landmarks(landmarks.points * np.array([across, down], np.float32), landmarks.score)
    larger = Box(box.left * across, box.top * down, box.width * across, box.height * down)
    return Face(larger, face.confidence, landmarks)
