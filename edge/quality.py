"""face -> Look: what can be measured of it before anybody compares it, and which of that is too little.

What each measure predicts, and how the limits were chosen: docs/quality.md.
"""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge import heads
from edge.calibration import Mirror, calibration_of
from edge.embed import Template
from edge.errors import ModelError
from edge.face import Face, Landmarks, Look, Vector
from edge.picture import Picture
from edge.wording import told

Luminance = NDArray[np.float32]
"""Height x width, 0..255."""

MARKS = ("small_face", "blurred_face", "turned_face", "uneven_face")
"""The codes that a flaw may have."""

SMALL_FACE = 64
"""Shorter side of a face, pixels: a smaller one is marked, as the published API promises."""

BLURRED, VERY_BLURRED = 0.22, 0.15
"""Sharpness below which a face is marked, and below which it is learnt from only if somebody vouches: a
person with a very blurred reference is what blurred strangers resemble."""

TURNED = 40.0
"""Degrees of yaw beyond which a face is marked. It is learnt from: the person is found turned away then."""


_UNMEASURED = Mirror(0.99, -1.0)
"""Of an embedder that nobody measured: none of its faces is marked."""

_PER_CONFIDENCE, _PER_MIRROR = 0.37, 1.6
"""Logistic regression of misses of two embedders, on LFW folds 0-1 and CFP (docs/quality.md)."""

_CHIP = Template(np.array([[20.0, 20.0], [44.0, 20.0], [32.0, 34.3], [32.0, 46.3]], np.float32), 64)
"""Where sharpness is measured: the eyes 24 px apart. A face of SMALL_FACE has them 27 px apart (the median of
LFW folds 0-1 is 0.43 of the box's width), so it is not enlarged, and its size does not count as blur."""

_NOSE = 0.58
"""How far the nose tip stands before the line of the eyes, in distances of the eyes."""

_BLUR = 5
"""Side of the mean that a face is blurred with, pixels of the chip; odd."""

_LUMA = np.array([0.299, 0.587, 0.114], np.float32)
"""Rec. ITU-R BT.601, as JPEG has it."""


@dataclass(frozen=True, slots=True)
class Flaw:
    """What makes a face a poor reference.

    code: of the warning. message: the measured value and the limit. grave: nothing is learnt from such a
    face by itself.
    """

    code: str
    message: str
    grave: bool


def look_of(picture: Picture, face: Face, landmarks: Landmarks, mirror: float, squeeze: float = 1.0) -> Look:
    """The measures of one face of a picture. mirror: as in Embedding. squeeze: as in Portrait."""
    chip = picture.crop(_CHIP.alignment(landmarks, squeeze), _CHIP.size)
    return Look(
        side=min(face.box.width, face.box.height),
        sharpness=sharpness(chip @ _LUMA),
        yaw=yaw(landmarks.points * np.array([squeeze, 1.0], np.float32)),
        mirror=mirror,
    )


def usefulness(confidence: float, mirror: float, model: str) -> float:
    """How readily a face is recognised again, 0..1, by the two measures that predict it best: the detector's
    confidence (0..1) and the agreement with its mirror image (cosine, of that embedder)."""
    unevenness = math.log(max(1 - mirror, 1e-4) / (1 - _mirror(model).typical))
    odds = _PER_CONFIDENCE * float(heads.logit(confidence)) - _PER_MIRROR * unevenness
    return 1 / (1 + math.exp(-odds))


def yaw(points: Vector) -> float:
    """How far a head is turned, degrees, from its landmarks (4 x 2); positive: the nose points to the right.

    Seen from afar, a head turned by a shows its eyes cos a times as far apart, and its nose tip sin a times
    _NOSE beside their middle: tan a = shift / distance / _NOSE. Roll is undone by measuring along the
    line of the eyes.
    """
    right, left, nose = points[0], points[1], points[2]
    eyes = left - right
    distance = max(float(np.hypot(*eyes)), 1e-6)
    shift = float((nose - (left + right) / 2) @ eyes) / distance
    return math.degrees(math.atan2(shift, _NOSE * distance))


def sharpness(face: Luminance) -> float:
    """How much detail a face shows, 0 (none) to 1: the share of the differences between neighbouring pixels
    that a blur takes away, in the direction where it takes less.

    1 - the measure of Crete et al., "The blur effect: perception and estimation with a new no-reference
    perceptual blur metric", SPIE 6492, 2007, with a mean over _BLUR pixels in the place of 9 (the chip is
    small) and inside an oval, where hair and background do not count. Contrast and brightness cancel out.
    The weaker direction counts, so that motion shows.
    """
    return min(_lost(face, _oval(face.shape[0])), _lost(face.T, _oval(face.shape[0]).T))


def _lost(face: Luminance, counted: NDArray[np.bool_]) -> float:
    """The share lost between rows."""
    half = _BLUR // 2
    sums = np.cumsum(np.pad(face, ((half + 1, half), (0, 0)), mode="edge"), axis=0, dtype=np.float64)
    before = np.abs(np.diff(face, axis=0))[counted[1:]]
    after = np.abs(np.diff((sums[_BLUR:] - sums[:-_BLUR]) / _BLUR, axis=0))[counted[1:]]
    return float(np.maximum(before - after, 0).sum() / max(float(before.sum()), 1e-6))


@functools.cache
def _oval(size: int) -> NDArray[np.bool_]:
    """The face on the chip: brow to chin."""
    down, across = (np.mgrid[:size, :size] + 0.5) / size - 0.5
    inside: NDArray[np.bool_] = (across / 0.36) ** 2 + (down / 0.46) ** 2 < 1
    return inside


def flaws(look: Look, model: str) -> tuple[Flaw, ...]:
    """What makes a face a poor reference for that embedder."""
    found = []
    if look.side < SMALL_FACE:
        text = (
            f"the face is only {told(look.side, SMALL_FACE)} px wide or high; "
            f"from {SMALL_FACE} px it is recognised better"
        )
        found.append(Flaw("small_face", text, False))
    if look.sharpness < BLURRED:
        text = (
            f"the sharpness of the face is {told(look.sharpness, BLURRED, 2)}; "
            f"from {BLURRED:.2f} it is recognised better"
        )
        found.append(Flaw("blurred_face", text, look.sharpness < VERY_BLURRED))
    if abs(look.yaw) > TURNED:
        text = (
            f"the head is turned by {told(abs(look.yaw), TURNED)} degrees; "
            f"up to {TURNED:.0f} it is recognised better"
        )
        found.append(Flaw("turned_face", text, False))
    if look.mirror is not None and look.mirror < (least := _mirror(model).uneven):
        text = (
            f"the face and its mirror image agree by {told(look.mirror, least, 3)}; "
            f"from {least:.3f} it is recognised better"
        )
        found.append(Flaw("uneven_face", text, False))
    return tuple(found)


def _mirror(model: str) -> Mirror:
    """Of a model whose file is amiss, too: that may be mended meanwhile, so it is not remembered."""
    try:
        return _measured(model)
    except ModelError:
        return _UNMEASURED


@functools.cache
def _measured(model: str) -> Mirror:
    return calibration_of(model).mirror
