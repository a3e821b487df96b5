"""landmarks -> steadier landmarks: a second look, upright and nearer.

The first look is at the box as the wide net drew it. The second turns the face upright by what the first
found and sees it larger; the mean of both has less jitter than either (docs/matching.md).
"""

from __future__ import annotations

import numpy as np

from edge.align import apply, invert, similarity_transform
from edge.detect import LandmarkNet
from edge.face import Landmarks, Vector
from edge.picture import Picture

_UPRIGHT: Vector = np.array([[0.4193, 0.4302], [0.5807, 0.4302], [0.5, 0.5281], [0.5, 0.6115]], np.float32)
"""Where the landmarks lie on the second crop, in its sides: MobileFaceNet's template (its card), the eyes a
6.2th apart. That is a crop of 2 heights of a face. On LFW folds 0-1 it did better than 1.6 and 2.67."""

_FACE: Vector = np.array([0.283, 0.296, 0.43, 0.43], np.float32)
"""Left, top, width, height of the net's box there, in sides of the crop (the mean over LFW folds 0-1)."""


def steadied(net: LandmarkNet, picture: Picture, first: Landmarks, squeeze: float = 1.0) -> Landmarks:
    """The mean of the first look's landmarks and a second one's, in picture pixels; the first look's alone
    where the second finds no face. squeeze: as in edge.detect.find_face.
    """
    stretch = np.array([squeeze, 1.0], np.float32)
    matrix = similarity_transform(first.points * stretch, _UPRIGHT * net.size)
    matrix[:, 0] *= squeeze
    second = net.look(picture.crop(matrix, net.size), _FACE * net.size)
    if second is None:
        return first
    points: Vector = (first.points + apply(invert(matrix), second.landmarks)) / np.float32(2)
    return Landmarks(points, first.score)
