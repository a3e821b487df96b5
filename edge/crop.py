"""cut-out face -> landmarks: undo what a small client did to the box before it sent it.

detect's boxes are about 0.7 as wide as high. A client that scales such a box into a square squeezes
the face; one that cuts a square does not. The crop is read both ways. Which of the two is true shows
in how far apart the eyes are, measured in widths of the crop, and in how sure the landmark net is;
where it does not show, both readings count.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from edge.detect import LandmarkNet, find_landmarks
from edge.errors import NoFace
from edge.face import Box, Landmarks
from edge.picture import Picture

SQUEEZED = 0.7
"""Width / height of detect's boxes: the median over LFW folds 0-1 is 0.706, 0.62..0.79 hold 90 %."""

LEAST_SURE = 0.3
"""Landmark score below which a cut-out picture holds no face."""

_LEAST_WEIGHT = 0.05
"""A reading less likely than this is dropped: it would change the embedding less than JPEG does."""

_PER_LOG_EYES, _PER_LOG_ODDS, _CONSTANT = 22.6, 1.35, 19.9
"""Logistic regression on LFW folds 0-1: squeezed from our own box against cut square (docs/matching.md)."""


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
    likely = _likely_squeezed(squeezed, square, picture.width)
    both = (Reading(squeezed, SQUEEZED, likely), Reading(square, 1.0, 1 - likely))
    kept = [reading for reading in both if reading.weight >= _LEAST_WEIGHT]
    return tuple(sorted(kept, key=lambda reading: -reading.weight))


def _likely_squeezed(squeezed: Landmarks, square: Landmarks, width: int) -> float:
    """Probability that the crop was squeezed into its square."""
    right, left = squeezed.points[0], squeezed.points[1]
    eyes = float(np.hypot(*(right - left))) / width
    odds = math.log(max(eyes, 0.01)) * _PER_LOG_EYES + _CONSTANT
    odds += (_log_odds(squeezed.score) - _log_odds(square.score)) * _PER_LOG_ODDS
    return 1 / (1 + math.exp(-min(max(odds, -30.0), 30.0)))


def _log_odds(score: float) -> float:
    clipped = min(max(score, 0.01), 0.99)
    return math.log(clipped / (1 - clipped))
