"""picture -> faces: a wide net proposes boxes, a face net looks at each and finds the landmarks.

FaceBoxes on the letterboxed picture proposes; MediaPipe's full-range BlazeFace sees each proposal
on a square crop, confirms it and gives its landmarks. edge.confidence makes one opinion of the two: the
second throws out most of what is no face, and sharpens the box (docs/detection.md).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from edge import heads
from edge.align import Matrix, apply, invert, square_crop
from edge.confidence import Fusion, Proposal, Seen
from edge.face import Box, Face, Landmarks, Pixels, Vector
from edge.interpreter import Model
from edge.picture import Picture

PROPOSAL_THRESHOLD = 0.25
"""Probability at which FaceBoxes proposes; the fused confidence decides later."""

MOST_PROPOSALS = 600
"""Proposals looked at in one picture: a class photograph has 40, a crowd is cut off here."""

MOST_ENLARGED = 2
LEAST_CANVAS = 512
"""Pixels: the largest anchor fills it."""

NMS_IOU = 0.3
CROP_FACTOR = 2.67
"""Side of the second net's square, in longer sides of the proposed box."""


@dataclass(frozen=True, slots=True, eq=False)
class Glimpse:
    """The surest face on one crop, in pixels of the crop. box: left, top, width, height; landmarks: 4 x 2.

    probability: 0..1.
    """

    probability: float
    box: Vector
    landmarks: Vector


class LandmarkNet:
    """Full-range BlazeFace on one square crop."""

    def __init__(self, model: Model) -> None:
        self._model = model
        self.size = model.shape[0]
        self._anchors = heads.blazeface_anchors(self.size)

    def look(self, pixels: Pixels, expected: Vector, least: float = 0.1) -> Glimpse | None:
        """The surest face that overlaps the expected box (crop pixels).

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
        return Glimpse(float(probability[best]), mean[:4], landmarks)


class Detector:
    """The two nets together."""

    def __init__(self, proposer: Model, landmark_net: LandmarkNet) -> None:
        self.proposer = proposer
        self._landmarks = landmark_net
        self._fusion = Fusion.of(proposer.calibration)

    def detect(
        self, picture: Picture, min_confidence: float, most_enlarged: int = MOST_ENLARGED
    ) -> tuple[Face, ...]:
        """The faces of a picture, highest confidence first, boxes clipped to the picture.

        most_enlarged: see canvas_side; 1 finds no face below the smallest anchor, for a third of the time.
        """
        looked = self.look(picture, most_enlarged)
        faces = [self._face(picture, proposal, seen) for proposal, seen in looked]
        kept = [face for face in faces if face.confidence >= min_confidence and not _empty(face.box)]
        return tuple(sorted(kept, key=lambda face: -face.confidence))

    def look(
        self, picture: Picture, most_enlarged: int = MOST_ENLARGED
    ) -> list[tuple[Proposal, Seen | None]]:
        """What the wide net proposes, and what the face net sees there."""
        proposals = self.propose(picture, most_enlarged)
        return [(proposal, find_face(self._landmarks, picture, proposal.box)) for proposal in proposals]

    def propose(self, picture: Picture, most_enlarged: int = MOST_ENLARGED) -> list[Proposal]:
        """What the wide net alone takes for faces, best first."""
        step = int(self.proposer.card["multiple"])
        side = canvas_side(picture.width, picture.height, self.proposer.shape[0], step, most_enlarged)
        pixels, letterbox = picture.letterbox(side, multiple=step)
        outputs = self.proposer.run(pixels)
        head = self.proposer.card["head"]
        chosen, probability = heads.select(outputs["scores"], head, PROPOSAL_THRESHOLD)
        anchors = heads.faceboxes_anchors(pixels.shape[1], pixels.shape[0])[chosen]
        boxes = heads.decode_faceboxes(heads.unscale(outputs["boxes"], chosen, head), anchors)
        kept = heads.nms(boxes, probability, NMS_IOU, MOST_PROPOSALS)
        return [
            Proposal(
                letterbox.box(*boxes[index].tolist()),
                float(probability[index]),
                float(boxes[index, 2:].max()),
            )
            for index in kept
        ]

    def _face(self, picture: Picture, proposal: Proposal, seen: Seen | None) -> Face:
        box = self._fusion.box(proposal, seen).clip(picture.width, picture.height)
        landmarks = None if seen is None else seen.landmarks
        return Face(box, self._fusion.confidence(proposal, seen), landmarks)


def canvas_side(width: int, height: int, square: int, step: int, most_enlarged: int = MOST_ENLARGED) -> int:
    """Long side of the canvas for a picture of that size, a multiple of step.

    As long as the canvas has no more pixels than the square of the network: a wide picture is seen larger at
    the same cost. And no longer than most_enlarged times the picture's (LEAST_CANVAS at least): a small
    picture costs less, and shows nothing more when it is blown up.
    """
    long_side, short_side = max(width, height), min(width, height)
    most = max(LEAST_CANVAS, -(-most_enlarged * long_side // step) * step)
    side = step
    while side < min(most, 2 * square):
        wider = side + step
        narrow = -(-max(1, int(short_side * wider / long_side + 1e-6)) // step) * step
        if wider * narrow > square * square:
            break
        side = wider
    return side


def find_face(net: LandmarkNet, picture: Picture, box: Box, squeeze: float = 1.0) -> Seen | None:
    """The face in a box, in picture pixels. squeeze: true width / height of a picture pixel, other than 1
    when somebody scaled a crop without keeping its proportions.
    """
    matrix = _crop_matrix(net.size, box, squeeze)
    corner, far = apply(matrix, np.array([[box.left, box.top], [box.right, box.bottom]], np.float32))
    pixels = picture.crop(matrix, net.size)
    look = net.look(pixels, np.concatenate([corner, far - corner]))
    if look is None:
        return None
    back = invert(matrix)
    (left, top), (right, bottom) = apply(back, np.stack([look.box[:2], look.box[:2] + look.box[2:]])).tolist()
    landmarks = Landmarks(apply(back, look.landmarks), look.probability)
    return Seen(landmarks, Box(left, top, right - left, bottom - top))


def find_landmarks(net: LandmarkNet, picture: Picture, box: Box, squeeze: float = 1.0) -> Landmarks | None:
    """The landmarks of find_face."""
    seen = find_face(net, picture, box, squeeze)
    return None if seen is None else seen.landmarks


def _crop_matrix(size: int, box: Box, squeeze: float) -> Matrix:
    centre_x, centre_y = (box.left + box.width / 2) * squeeze, box.top + box.height / 2
    side = max(box.width * squeeze, box.height, 1.0) * CROP_FACTOR
    matrix = square_crop(centre_x, centre_y, side, size)
    matrix[:, 0] *= squeeze
    return matrix


def _empty(box: Box) -> bool:
    return box.width < 1 or box.height < 1
