"""two opinions -> confidence: what both nets say of a proposal, as one calibrated probability, and one box.

The constants stand in the calibration file of the wide net; scripts/calibrate-detection fits and writes them.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from edge.errors import ModelError
from edge.face import Box, Landmarks
from edge.heads import logit

LEAST_SECOND = 0.05
"""A face net that sees nothing counts as this probability: a strong proposal may still stand."""

LARGE = 64.0
"""Pixels of the wide net's input from which on it counts against a face that the face net sees none: smaller
ones it often misses, but what it does not see at that size is mostly an animal."""


@dataclass(frozen=True, slots=True)
class Proposal:
    """What the wide net alone takes for a face: a box (pixels of the upright picture), its probability
    (0..1), and its longer side in pixels of the net's input."""

    box: Box
    probability: float
    input_side: float


@dataclass(frozen=True, slots=True, eq=False)
class Seen:
    """What the face net saw there; pixels of the picture. landmarks.score: its probability."""

    landmarks: Landmarks
    box: Box


@dataclass(frozen=True, slots=True)
class Fusion:
    """The calibration. weights: of evidence()'s numbers. face_box: where the face net's box lies to a face as
    it is annotated: centre right and down (face sizes), logarithm of width and height ratio."""

    weights: tuple[float, ...]
    face_box: tuple[float, float, float, float]

    @classmethod
    def of(cls, calibration: Mapping[str, Any]) -> Fusion:
        """From the calibration file. Raises ModelError."""
        try:
            weights = tuple(float(weight) for weight in calibration["weights"])
            right, down, width, height = (float(number) for number in calibration["face_box"])
        except (KeyError, TypeError, ValueError) as error:
            raise ModelError(f"the detector's calibration cannot be read: {error!r}") from error
        if len(weights) != len(EVIDENCE):
            raise ModelError(f"the detector's calibration has {len(weights)} weights, not {len(EVIDENCE)}")
        return cls(weights, (right, down, width, height))

    def confidence(self, proposal: Proposal, seen: Seen | None) -> float:
        """How likely the proposal is a face, 0..1."""
        numbers = self.evidence(proposal, seen)
        odds = sum(weight * number for weight, number in zip(self.weights, numbers, strict=True))
        return 1 / (1 + math.exp(-min(max(odds, -30.0), 30.0)))

    def evidence(self, proposal: Proposal, seen: Seen | None) -> tuple[float, ...]:
        """The numbers that EVIDENCE names."""
        second = LEAST_SECOND if seen is None else max(seen.landmarks.score, LEAST_SECOND)
        unseen = max(0.0, math.log2(max(proposal.input_side, 1.0) / LARGE)) if seen is None else 0.0
        return 1.0, float(logit(proposal.probability)), float(logit(second)), unseen

    def box(self, proposal: Proposal, seen: Seen | None) -> Box:
        """Half way between the boxes of both nets: their errors differ."""
        one = proposal.box
        if seen is None:
            return one
        other = self.as_annotated(seen.box)
        return Box(
            (one.left + other.left) / 2,
            (one.top + other.top) / 2,
            (one.width + other.width) / 2,
            (one.height + other.height) / 2,
        )

    def as_annotated(self, box: Box) -> Box:
        """The face net's box (from the brows down, square) as annotators draw it, from the hairline down."""
        right, down, log_width, log_height = self.face_box
        width, height = box.width / math.exp(log_width), box.height / math.exp(log_height)
        x, y = box.left + box.width / 2 - right * width, box.top + box.height / 2 - down * height
        return Box(x - width / 2, y - height / 2, width, height)


EVIDENCE = (
    "one",
    "log-odds of the wide net",
    "log-odds of the face net",
    "doublings of the size above LARGE, where the face net sees nothing",
)
"""What the weights belong to, in order."""
