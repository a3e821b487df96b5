"""cut-out face -> landmarks: undo what a small client did to the box before it sent it.

detect's boxes are about 0.76 as wide as high. A client that scales such a box into a square squeezes
the face; one that cuts a square does not. The crop is read both ways. Which of the two is true shows
in how far apart the eyes are, measured in widths of the crop; where it does not show, both readings count.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from edge.detect import LandmarkNet, find_landmarks
from edge.errors import NoFace
from edge.face import Box, Landmarks
from edge.picture import Picture

SQUEEZED = 0.75
"""Width / height of detect's boxes: the median over LFW is 0.76, 0.72..0.80 hold 90 %; and 3:4 is what others
squeeze from."""

LEAST_SURE = 0.3
"""Landmark score below which a cut-out picture holds no face."""

_LEAST_WEIGHT = 0.05
"""A reading less likely than this is dropped: it would change the embedding less than JPEG does."""

_PER_LOG_EYES, _PER_NOSE, _CONSTANT = 38.0, 15.4, 34.7
"""Logistic regression on LFW folds 0-1: squeezed from our own box or from 3:4 against cut square
(scripts/fit-crops, docs/matching.md)."""


@dataclass(frozen=True, slots=True)
class Reading:
    """One way to see a crop: landmarks in its pixels, the true width / height of a pixel, and how
    likely this way is (all readings of a crop: 1)."""

    landmarks: Landmarks
    squeeze: float
    weight: float


def read_crop(net: LandmarkNet, picture: Picture) -> tuple[Reading, ...]:
    """How a cut-out face may be read, likeliest first. Raises NoFace, with the best score."""
    box = Box(0.0, 0.0, picture.width, picture.height)
    square = find_landmarks(net, picture, box)
    squeezed = find_landmarks(net, picture, box, SQUEEZED) if picture.width == picture.height else None
    surest = max((seen.score for seen in (square, squeezed) if seen is not None), default=0.0)
    if surest < LEAST_SURE:
        raise NoFace(
            f"no face was found in the crop (surest at {surest:.0%}, at least {LEAST_SURE:.0%} needed)"
        )
    if square is None or squeezed is None:
        return tuple(
            Reading(seen, squeeze, 1.0)
            for seen, squeeze in ((square, 1.0), (squeezed, SQUEEZED))
            if seen is not None
        )
    likely = _likely_squeezed(squeezed, picture.width)
    both = (Reading(squeezed, SQUEEZED, likely), Reading(square, 1.0, 1 - likely))
    kept = [reading for reading in both if reading.weight >= _LEAST_WEIGHT]
    return tuple(sorted(kept, key=lambda reading: -reading.weight))


def _likely_squeezed(squeezed: Landmarks, width: int) -> float:
    """Probability that the crop was squeezed into its square. A head that is turned has its eyes nearer
    together, too: the nose tells of that.
    """
    right, left, nose = squeezed.points[0], squeezed.points[1], squeezed.points[2]
    eyes = max(float(np.hypot(*(left - right))), 1.0)
    aside = abs(float(nose[0] - (left[0] + right[0]) / 2)) / eyes
    odds = math.log(eyes / width) * _PER_LOG_EYES + aside * _PER_NOSE + _CONSTANT
    return 1 / (1 + math.exp(-min(max(odds, -30.0), 30.0)))
