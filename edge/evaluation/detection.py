"""Detection: average precision, recall by size, and pictures without people in which something is found.

Boxes are rows (left, top, width, height), in pixels; found ones end in the confidence (0..1).
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge.evaluation.intervals import NOTHING, Estimate, Floats, Ints, clustered, percentiles, widened
from edge.face import Vector
from edge.heads import overlap

MET = 0.5
"""Intersection over union from which a face found is a face that is there: Everingham et al., "The PASCAL
Visual Object Classes Challenge", IJCV 2010; also WIDER FACE's protocol."""

MET_BY_SIZE = 0.4
"""The same for the recall by size: on a box of 12 pixels half a pixel is a tenth of the overlap."""

SIZES = ((0.02, 0.05), (0.05, 0.1), (0.1, 0.2), (0.2, 1.01))
"""Classes of the longer side of a box, as a share of the long side of the picture."""


@dataclass(frozen=True, slots=True, eq=False)
class Pictured:
    """One picture: found faces n x 5, true boxes m x 4, which of these count (the others neither reward nor
    punish) for each difficulty (m x levels), and the long side in pixels."""

    found: Vector
    boxes: Vector
    counted: NDArray[np.bool_]
    side: int


@dataclass(frozen=True, slots=True, eq=False)
class Judged:
    """All found faces of one difficulty that count, surest first: hits, and the picture each is in; and how
    many boxes each picture has."""

    confidences: Floats
    hits: NDArray[np.bool_]
    pictures: Ints
    wanted: Ints


def judged(pictures: Sequence[Pictured], level: int) -> Judged:
    """Each face found is met with the box it overlaps most; a box is met once, by its surest face."""
    confidences: list[float] = []
    hits: list[bool] = []
    places: list[int] = []
    for place, picture in enumerate(pictures):
        used = np.zeros(len(picture.boxes), bool)
        for face in picture.found[np.argsort(-picture.found[:, 4], kind="stable")]:
            shared = overlap(face, picture.boxes)
            best = int(np.argmax(shared)) if len(shared) else -1
            met = best >= 0 and shared[best] >= MET
            if met and not picture.counted[best, level]:
                continue
            hits.append(bool(met and not used[best]))
            confidences.append(float(face[4]))
            places.append(place)
            if met:
                used[best] = True
    order = np.argsort(-np.array(confidences), kind="stable")
    wanted = np.array([int(picture.counted[:, level].sum()) for picture in pictures], np.int64)
    return Judged(
        np.array(confidences, np.float64)[order],
        np.array(hits, bool)[order],
        np.array(places, np.int64)[order],
        wanted,
    )


def average_precision(found: Judged, weights: Floats) -> Estimate:
    """Area under precision (the best at this recall or more) against recall. weights: of the pictures."""
    once = area(found, np.ones(len(found.wanted)))
    again = np.array([area(found, row) for row in weights])
    return widened(percentiles(once, again), int((found.wanted > 0).sum()))


def area(found: Judged, weights: Floats) -> float:
    """The average precision of one drawing: how often each picture is drawn."""
    wanted = float(weights @ found.wanted)
    if wanted == 0:
        return float("nan")
    each = weights[found.pictures]
    right, seen = np.cumsum(each * found.hits), np.cumsum(each)
    precision = right / np.maximum(seen, 1e-9)
    envelope = np.maximum.accumulate(precision[::-1])[::-1]
    return float(np.sum(np.diff(right / wanted, prepend=0.0) * envelope))


def recall_by_size(
    pictures: Sequence[Pictured], threshold: float, weights: Floats
) -> list[tuple[int, Estimate]]:
    """For each of SIZES the number of boxes, and the share of them met by a face of that confidence.

    Boxes that count at no difficulty are left out.
    """
    met: list[list[bool]] = [[] for _ in SIZES]
    where: list[list[int]] = [[] for _ in SIZES]
    for place, picture in enumerate(pictures):
        sure = picture.found[picture.found[:, 4] >= threshold]
        for box in picture.boxes:
            share = max(box[2], box[3]) / picture.side
            number = next((n for n, (low, high) in enumerate(SIZES) if low <= share < high), None)
            if number is not None:
                met[number].append(bool(len(sure)) and bool((overlap(box, sure) > MET_BY_SIZE).any()))
                where[number].append(place)
    return [
        (len(hits), clustered(np.array(hits, bool), np.array(places, np.int64), weights) if hits else NOTHING)
        for hits, places in zip(met, where, strict=True)
    ]


def reliability(found: Judged, edges: Floats) -> list[tuple[float, float, int]]:
    """For each bin of the confidence: its mean, the share that were faces, and how many fell into it."""
    rows = []
    for low, high in itertools.pairwise(edges):
        inside = (found.confidences >= low) & (found.confidences < high)
        if inside.any():
            count = int(inside.sum())
            rows.append((float(found.confidences[inside].mean()), float(found.hits[inside].mean()), count))
    return rows
