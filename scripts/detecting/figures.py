"""Average precision, recall by size, and their intervals. Faces are rows: left, top, width, height, score."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from detecting.fitting import Flags, Floats
from edge.face import Vector
from edge.heads import overlap

SIZES = ((0.02, 0.05), (0.05, 0.1), (0.1, 0.2), (0.2, 1.01))
"""Longer side of a face in long sides of its picture."""


@dataclass(frozen=True)
class Ranked:
    """All answers of one level, surest first: right or not, the number of the picture; and how many faces
    each picture has."""

    right: Flags
    picture: Floats
    wanted: Floats


def ranked(found: list[Vector], truth: list[Vector], level: int) -> Ranked:
    """The official protocol of WIDER FACE: IoU .5, a box that the level ignores neither rewards nor punishes.

    truth rows end in the three level flags.
    """
    scores, right, picture = [], [], []
    for number, (faces, boxes) in enumerate(zip(found, truth, strict=True)):
        used = np.zeros(len(boxes), bool)
        for face in faces[np.argsort(-faces[:, 4])]:
            shared = overlap(face, boxes)
            best = int(np.argmax(shared))
            hit = bool(shared[best] >= 0.5)
            if hit and (used[best] or boxes[best, 4 + level] == 0):
                continue
            used[best] |= hit
            scores.append(face[4])
            right.append(hit)
            picture.append(number)
    order = np.argsort(-np.array(scores), kind="stable")
    wanted = np.array([(boxes[:, 4 + level] > 0).sum() for boxes in truth], np.float64)
    return Ranked(np.array(right)[order], np.array(picture)[order], wanted)


def average_precision(answers: Ranked, times: Floats | None = None) -> float:
    """Area under the precision-recall curve. times: how often each picture is drawn (bootstrap)."""
    times = np.ones(len(answers.wanted)) if times is None else times
    weight = times[answers.picture.astype(int)]
    right, all_of_them = np.cumsum(weight * answers.right), np.cumsum(weight)
    recall, precision = right / (answers.wanted @ times), right / np.maximum(all_of_them, 1e-9)
    envelope = np.maximum.accumulate(precision[::-1])[::-1]
    return float(np.sum(np.diff(recall, prepend=0.0) * envelope))


def draws(pictures: int, count: int = 1000) -> Floats:
    """count x pictures: how often each picture is drawn in a bootstrap over pictures."""
    draw = np.random.default_rng(0)
    return np.array(
        [np.bincount(draw.integers(0, pictures, pictures), minlength=pictures) for _ in range(count)]
    )


def interval(values: list[float]) -> tuple[float, float]:
    """The middle 95 %."""
    low, high = np.quantile(values, [0.025, 0.975])
    return float(low), float(high)


def met_by_size(found: list[Vector], truth: list[Vector], sides: list[int], threshold: float) -> list[Flags]:
    """For each size class whether each face is met (IoU .4) by an answer at or above the threshold."""
    met: list[list[bool]] = [[] for _ in SIZES]
    for faces, boxes, side in zip(found, truth, sides, strict=True):
        sure = faces[faces[:, 4] >= threshold]
        for box in boxes:
            share = max(box[2], box[3]) / side
            for number, (low, high) in enumerate(SIZES):
                if low <= share < high:
                    met[number].append(bool((overlap(box, sure) > 0.4).any()))
    return [np.array(group) for group in met]


def wilson(hits: int, tries: int) -> tuple[float, float]:
    """The 95 % interval of a rate: Wilson, "Probable inference", JASA 22, 1927."""
    if tries == 0:
        return 0.0, 1.0
    z, rate = 1.96, hits / tries
    middle = (rate + z * z / (2 * tries)) / (1 + z * z / tries)
    half = z / (1 + z * z / tries) * math.sqrt(rate * (1 - rate) / tries + z * z / (4 * tries * tries))
    return max(0.0, middle - half), min(1.0, middle + half)
