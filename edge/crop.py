"""cut-out face -> landmarks: undo what a small client did to the box before it sent it.

detect's boxes are about 3:4. A client that scales such a box into 64 x 64 squeezes the face; one
that cuts a square does not. Both are tried, and the shape whose landmarks are surest is believed.
"""

from __future__ import annotations

from edge.detect import LandmarkNet, find_landmarks
from edge.errors import NoFace
from edge.face import Box, Landmarks
from edge.picture import Picture

SQUEEZES = (0.75, 1.0)
"""True width / height of a crop's pixel that are tried: a box of 3:4 made square, a square box."""

LEAST_SURE = 0.3
"""Landmark score below which a cut-out picture holds no face."""


def find_in_crop(net: LandmarkNet, picture: Picture) -> tuple[Landmarks, float]:
    """The surest landmarks of a cut-out face, in its pixels, and the squeeze they were seen at.

    Raises NoFace, with the best score.
    """
    box = Box(0.0, 0.0, picture.width, picture.height)
    squeezes = SQUEEZES if picture.width == picture.height else (1.0,)
    tried = [(find_landmarks(net, picture, box, squeeze), squeeze) for squeeze in squeezes]
    found = [(landmarks, squeeze) for landmarks, squeeze in tried if landmarks is not None]
    if not found:
        raise NoFace("no face was found in the crop")
    landmarks, squeeze = max(found, key=lambda pair: pair[0].score)
    if landmarks.score < LEAST_SURE:
        raise NoFace(
            f"no face was found in the crop (surest at {landmarks.score:.0%}, least is {LEAST_SURE:.0%})"
        )
    return landmarks, squeeze
