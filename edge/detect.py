"""picture -> faces: a wide net proposes boxes, a face net looks at each and finds the landmarks.

FaceBoxes on the letterboxed picture proposes; MediaPipe's full-range BlazeFace sees each proposal
on a square crop, confirms it and gives its landmarks. Their probabilities are fused: the second
opinion throws out most of what is no face, and costs little recall (docs/detection.md).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from edge import heads
from edge.align import Matrix, apply, invert, square_crop
from edge.face import Box, Face, Landmarks, Pixels, Vector
from edge.interpreter import Model
from edge.picture import Picture

PROPOSAL_THRESHOLD = 0.25
"""Probability at which FaceBoxes proposes; the fused confidence decides later."""

MOST_PROPOSALS = 600
"""Proposals looked at in one picture: a class photograph has 40, a crowd is cut off here."""

NMS_IOU = 0.3
CROP_FACTOR = 2.67
"""Side of the second net's square, in longer sides of the proposed box."""

_LEAST_SECOND = 0.05
"""A second net that sees nothing counts as this probability: a strong proposal may still stand."""

_CROP_FILL = 127


@dataclass(frozen=True, slots=True)
class Proposal:
    """A box (pixels of the upright picture) and the first net's probability, 0..1."""

    box: Box
    probability: float


def fuse(first: float, second: float) -> float:
    """Two probabilities as one: the mean of their log-odds."""
    mean = (heads.logit(first) + heads.logit(second)) / 2
    return float(1 / (1 + np.exp(-mean)))


class LandmarkNet:
    """Full-range BlazeFace on one square crop."""

    def __init__(self, model: Model) -> None:
        self._model = model
        self.size = model.shape[0]
        self._anchors = heads.blazeface_anchors(self.size)

    def look(self, pixels: Pixels, expected: Vector, least: float = 0.1) -> tuple[float, Vector] | None:
        """The surest face that overlaps the expected box (crop pixels): probability, 4 x 2 landmarks.

        Overlapping answers are averaged by their probability, as MediaPipe does. None: no face there.
        """
        outputs = self._model.run(pixels)
        head = self._model.card["head"]
        chosen, probability = heads.select(outputs["scores"], head, least)
        if len(chosen) == 0:
            return None
        points = heads.decode_blazeface(heads.unscale(outputs["boxes"], chosen, head), self._anchors[chosen])
        near = heads.overlap(expected, points[:, :4]) > NMS_IOU
        if not near.any():
            return None
        points, probability = points[near], probability[near]
        best = int(np.argmax(probability))
        same = heads.overlap(points[best, :4], points[:, :4]) > NMS_IOU
        weight = probability[same, np.newaxis]
        mean: Vector = (points[same] * weight).sum(axis=0) / weight.sum()
        landmarks = mean[4:12].reshape(4, 2)
        if np.abs(landmarks[0] - landmarks[1]).max() < 1:
            return None  # both eyes in one place: nothing could be aligned by it
        return float(probability[best]), landmarks


class Detector:
    """The two nets together."""

    def __init__(self, proposer: Model, landmark_net: LandmarkNet) -> None:
        self._proposer = proposer
        self._landmarks = landmark_net
        self._anchors = heads.faceboxes_anchors(proposer.shape[0])

    def detect(self, picture: Picture, min_confidence: float) -> tuple[Face, ...]:
        """The faces of a picture, highest confidence first, boxes clipped to the picture."""
        faces = [self._confirm(picture, proposal) for proposal in self.propose(picture)]
        kept = [face for face in faces if face.confidence >= min_confidence and not _empty(face.box)]
        return tuple(sorted(kept, key=lambda face: -face.confidence))

    def propose(self, picture: Picture) -> list[Proposal]:
        """What the wide net alone takes for faces, best first."""
        pixels, letterbox = picture.letterbox(self._proposer.shape[0])
        outputs = self._proposer.run(pixels)
        head = self._proposer.card["head"]
        chosen, probability = heads.select(outputs["scores"], head, PROPOSAL_THRESHOLD)
        boxes = heads.decode_faceboxes(heads.unscale(outputs["boxes"], chosen, head), self._anchors[chosen])
        kept = heads.nms(boxes, probability, NMS_IOU, MOST_PROPOSALS)
        return [Proposal(letterbox.box(*boxes[index].tolist()), float(probability[index])) for index in kept]

    def _confirm(self, picture: Picture, proposal: Proposal) -> Face:
        seen = find_landmarks(self._landmarks, picture, proposal.box)
        second = max(seen.score if seen is not None else 0.0, _LEAST_SECOND)
        fused = fuse(proposal.probability, second)
        return Face(proposal.box.clip(picture.width, picture.height), fused, seen)


def find_landmarks(net: LandmarkNet, picture: Picture, box: Box, squeeze: float = 1.0) -> Landmarks | None:
    """Landmarks of the face in a box, in picture pixels. squeeze: true width / height of a picture
    pixel, other than 1 when somebody scaled a crop without keeping its proportions.
    """
    matrix = _crop_matrix(net.size, box, squeeze)
    corner, far = apply(matrix, np.array([[box.left, box.top], [box.right, box.bottom]], np.float32))
    pixels = picture.crop(matrix, net.size)
    seen = net.look(pixels, np.concatenate([corner, far - corner]))
    if seen is None:
        return None
    return Landmarks(apply(invert(matrix), seen[1]), seen[0])


def _crop_matrix(size: int, box: Box, squeeze: float) -> Matrix:
    centre_x, centre_y = (box.left + box.width / 2) * squeeze, box.top + box.height / 2
    side = max(box.width * squeeze, box.height, 1.0) * CROP_FACTOR
    matrix = square_crop(centre_x, centre_y, side, size)
    matrix[:, 0] *= squeeze
    return matrix


def _empty(box: Box) -> bool:
    return box.width < 1 or box.height < 1
