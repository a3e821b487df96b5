"""Every proposal of many pictures as a row: what is known of it, and whether it is a face."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from detecting.fitting import Flags, Floats, calibration_error, reliability
from detecting.observing import Observation
from edge import heads
from edge.confidence import Fusion
from edge.face import Box, Vector

MET = 0.35
"""Overlap from which on a proposal counts as the annotated face: half of it would cost the small ones."""

EMPTY = 8.0
"""Weight of a proposal in a picture without people: in a home most pictures are. Chosen among 1, 4, 8, 16."""


@dataclass(frozen=True)
class Rows:
    """All proposals: evidence (n x 4), whether each is a face, its weight, the number of its picture, and
    what the recipe would say of it."""

    evidence: Floats
    right: Flags
    weight: Floats
    picture: Floats
    recipe: Floats


def met(observation: Observation, boxes: Vector) -> list[Box | None]:
    """For each proposal the annotated face that it meets and no surer proposal did."""
    left = [Box(*box[:4].tolist()) for box in boxes]
    met: list[Box | None] = []
    for proposal, _ in observation.looks:  # best first
        best = max(left, key=proposal.box.overlap, default=None)
        if best is not None and proposal.box.overlap(best) > MET:
            left.remove(best)
            met.append(best)
        else:
            met.append(None)
    return met


def face_box(observed: list[Observation], truth: list[Vector]) -> tuple[float, float, float, float]:
    """Medians over the faces that the face net is sure of: centre right, down (face sizes), log sizes."""
    off = []
    looks = [look for one in observed for look in one.looks]
    faces = [face for one, boxes in zip(observed, truth, strict=True) for face in met(one, boxes)]
    for (_, seen), face in zip(looks, faces, strict=True):
        if seen is not None and face is not None and seen.landmarks.score > 0.5:
            box = seen.box
            right = (box.left + box.width / 2 - face.left - face.width / 2) / face.width
            down = (box.top + box.height / 2 - face.top - face.height / 2) / face.height
            off.append((right, down, np.log(box.width / face.width), np.log(box.height / face.height)))
    right, down, width, height = np.round(np.median(np.array(off), axis=0), 3).tolist()
    return right, down, width, height


def rows_of(fusion: Fusion, observed: list[Observation], truth: list[Vector]) -> Rows:
    evidence, right, weight, picture, recipe = [], [], [], [], []
    for number, (observation, boxes) in enumerate(zip(observed, truth, strict=True)):
        for (proposal, seen), face in zip(observation.looks, met(observation, boxes), strict=True):
            evidence.append(fusion.evidence(proposal, seen))
            right.append(face is not None)
            weight.append(1.0 if len(boxes) else EMPTY)
            picture.append(number)
            recipe.append(float(heads.sigmoid((evidence[-1][1] + evidence[-1][2]) / 2)))
    return Rows(np.array(evidence), np.array(right), np.array(weight), np.array(picture), np.array(recipe))


def print_reliability(name: str, likely: Floats, rows: Rows) -> None:
    bins = reliability(likely, rows.right, rows.weight)
    print(f"\n{name}: expected calibration error {calibration_error(bins):.3f}\n")
    print("| confidence | proposals | said | seen |\n|---|---|---|---|")
    for part in bins:
        print(f"| {part.low:.1f}-{part.low + 0.1:.1f} | {part.rows} | {part.said:.3f} | {part.seen:.3f} |")
