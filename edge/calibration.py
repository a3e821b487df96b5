"""What a score is worth: how rarely a stranger reaches it, measured for one embedder.

The numbers stand in `models/NAME.calibration.json`, with the command that measured them; docs/matching.md
tells on what and how.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edge.errors import ModelError
from edge.interpreter import MODELS, read_card

FITTED_FROM = -2.0
"""log10 of the share of strangers from which on downwards the parabola was fitted. Before, where more of them
get, it would turn: there its tangent goes on."""

_HIGHEST = 0.999
"""A threshold never asks for more: two JPEGs of one picture may differ by as much."""


@dataclass(frozen=True, slots=True)
class Tail:
    """log10 of the share of strangers whose cosine with one person's template is above s:
    constant + linear * s + square * s * s, falling where it is at most FITTED_FROM.
    """

    constant: float
    linear: float
    square: float

    def log_share(self, score: float) -> float:
        """At most 0, never rising with the score (cosine, -1..1)."""
        edge, slope = self.edge()
        if score >= edge:
            return min(self.constant + self.linear * score + self.square * score * score, 0.0)
        return min(FITTED_FROM + slope * (score - edge), 0.0)

    def score(self, log_share: float) -> float:
        """The cosine that this share of strangers (log10, at most 0) exceeds."""
        edge, slope = self.edge()
        if log_share > FITTED_FROM:
            return edge + (log_share - FITTED_FROM) / slope
        return self._parabola(log_share)

    def edge(self) -> tuple[float, float]:
        """The score where the tangent begins, and its slope."""
        edge = self._parabola(FITTED_FROM)
        return edge, self.linear + 2 * self.square * edge

    def _parabola(self, log_share: float) -> float:
        if self.square == 0:
            return (log_share - self.constant) / self.linear
        root = self.linear**2 - 4 * self.square * (self.constant - log_share)
        return (-self.linear - math.sqrt(max(root, 0.0))) / (2 * self.square)


@dataclass(frozen=True, slots=True)
class Mirror:
    """Agreement of faces with their own mirror image (cosine): the median of an embedder's faces, and below
    which one is marked (docs/quality.md)."""

    typical: float
    uneven: float


@dataclass(frozen=True, slots=True)
class Calibration:
    """The thresholds of one embedder. Scores and margins are cosines."""

    tails: tuple[tuple[int, Tail], ...]
    """By the number of references behind a template, fewest first."""

    margin: float
    """How much nearer the nearest person must be than the next one."""

    duplicate: float
    """From here two references are the same picture again."""

    mirror: Mirror

    def tail(self, references: int) -> Tail:
        """The tail for a template of so many references: between two that were measured, interpolated
        in their logarithm; beyond them, the nearest."""
        lower = max((entry for entry in self.tails if entry[0] <= references), default=self.tails[0])
        upper = min((entry for entry in self.tails if entry[0] >= references), default=self.tails[-1])
        if lower[0] >= upper[0]:
            return lower[1]
        part = math.log(references / lower[0]) / math.log(upper[0] / lower[0])
        low, high = lower[1], upper[1]
        return Tail(
            low.constant + (high.constant - low.constant) * part,
            low.linear + (high.linear - low.linear) * part,
            low.square + (high.square - low.square) * part,
        )

    def log_rate(self, score: float, people: int, references: int) -> float:
        """log10 of how often a stranger reaches the score in a gallery of so many people, at most 0."""
        return min(self.tail(references).log_share(score) + math.log10(max(people, 1)), 0.0)

    def threshold(self, rate: float, people: int, references: int) -> float:
        """The score that a stranger reaches at that rate (0..1) in a gallery of so many people."""
        log_share = math.log10(rate) - math.log10(max(people, 1))
        return min(self.tail(references).score(min(log_share, 0.0)), _HIGHEST)


def calibration_of(model: str, folder: Path = MODELS) -> Calibration:
    """The calibration of an embedder. Raises ModelError: never calibrated, damaged, nonsense."""
    try:
        found = read_card(f"{model}.calibration", folder)
    except ModelError as error:
        raise ModelError(f"embedder {model} has no calibrated thresholds: {error.message}") from error
    try:
        return _parsed(found)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise ModelError(f"calibration of {model}: {error!r}") from error


def _parsed(found: Mapping[str, Any]) -> Calibration:
    tails = sorted((int(number), _tail(curve)) for number, curve in found["tails"].items())
    if not tails or tails[0][0] < 1:
        raise ValueError("no tails, or one for less than 1 reference")
    margin, duplicate = _number(found["margin"]), _number(found["duplicate"])
    if margin < 0 or not 0 < duplicate <= 1:
        raise ValueError(f"margin {margin} or duplicate {duplicate} is none")
    mirror = Mirror(_number(found["mirror"]["typical"]), _number(found["mirror"]["uneven"]))
    if not -1 <= mirror.uneven <= 1 or not -1 <= mirror.typical < 1:
        raise ValueError(f"{mirror} is no agreement")
    return Calibration(tuple(tails), margin, duplicate, mirror)


def _tail(curve: list[object]) -> Tail:
    """One that falls from FITTED_FROM on, up to a cosine of 1."""
    tail = Tail(*map(_number, curve))
    if tail.square == 0 and tail.linear >= 0:
        raise ValueError(f"{tail} does not fall")
    edge, slope = tail.edge()
    there = tail.constant + tail.linear * edge + tail.square * edge * edge
    if not math.isclose(there, FITTED_FROM, abs_tol=1e-6):
        raise ValueError(f"{tail} never reaches {FITTED_FROM}")
    if slope >= 0 or tail.linear + 2 * tail.square * max(edge, 1.0) >= 0:
        raise ValueError(f"{tail} does not fall")
    return tail


def _number(value: Any) -> float:
    number = float(value)
    if not math.isfinite(number):
        raise ValueError(f"{value} is no number")
    return number
