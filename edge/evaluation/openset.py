"""Open-set identification: is a known person found, and does a stranger stay one?

Galleries are those of edge.gallery, verdicts those of edge.match: what is measured is what the service does.
"""

from __future__ import annotations

import enum
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge.calibration import Calibration
from edge.evaluation.curve import Point, Trials, points
from edge.evaluation.intervals import Estimate, Floats, Ints, clustered
from edge.face import Vector
from edge.gallery import Candidate, Gallery
from edge.match import LEAST_PEOPLE, Kind, decide

FALSE_RATES = (1e-1, 3e-2, 1e-2, 3e-3, 1e-3)
"""False positive identification rates at which the curve is reported."""


class Outcome(enum.IntEnum):
    """What became of one try."""

    UNKNOWN = 0
    RIGHT = 1
    WRONG = 2
    """A name that is not theirs: somebody else's, or a stranger's."""
    AMBIGUOUS = 3


@dataclass(frozen=True, slots=True, eq=False)
class Tries:
    """owners: the identity of each probe. known: whether it was enrolled. outcomes: of Outcome.

    rarity: -log10 of how often strangers come so near as this probe came to the nearest person, -inf when
    it can get no name at all. nearest_right: whether that person is the right one.
    """

    owners: Ints
    known: NDArray[np.bool_]
    outcomes: NDArray[np.int8]
    rarity: Floats
    nearest_right: NDArray[np.bool_]

    @classmethod
    def joined(cls, parts: Sequence[Tries]) -> Tries:
        """All of them, one after the other."""
        return cls(
            np.concatenate([part.owners for part in parts]),
            np.concatenate([part.known for part in parts]),
            np.concatenate([part.outcomes for part in parts]),
            np.concatenate([part.rarity for part in parts]),
            np.concatenate([part.nearest_right for part in parts]),
        )


def enrolled(references: Mapping[int, Vector], dimensions: int) -> Gallery:
    """A gallery of people (identity -> n x d embeddings); who has none is left out."""
    gallery = Gallery(dimensions)
    for identity, vectors in references.items():
        gallery.update(identity, vectors)
    return gallery


def attempted(gallery: Gallery, probes: Vector, owners: Ints, known: bool, rule: Rule) -> Tries:
    """The verdict on each probe (n x d). One without a face (NaN) is "unknown"."""
    outcomes = np.zeros(len(probes), np.int8)
    rarity = np.full(len(probes), -math.inf)
    right = np.zeros(len(probes), bool)
    for place, (probe, owner) in enumerate(zip(probes, owners.tolist(), strict=True)):
        if np.isnan(probe[0]):
            continue
        nearest = gallery.nearest(probe)
        verdict = decide(rule.calibration, nearest, len(gallery), rule.rate)
        if verdict.kind is Kind.AMBIGUOUS:
            outcomes[place] = Outcome.AMBIGUOUS
        elif verdict.kind is Kind.MATCH:
            outcomes[place] = Outcome.RIGHT if verdict.person_row == owner else Outcome.WRONG
        rarity[place], person = rule.nearness(nearest, len(gallery))
        right[place] = person == owner
    return Tries(owners, np.full(len(probes), known), outcomes, rarity, right)


@dataclass(frozen=True, slots=True)
class Rule:
    """What decides: the thresholds of the embedder, and how many strangers may be named (0..1)."""

    calibration: Calibration
    rate: float

    def nearness(self, nearest: Sequence[Candidate], people: int) -> tuple[float, int]:
        """Of the person that edge.match.decide would name at a rate lax enough: the rarity (-log10 of the
        rate from which on it would; -inf when another is too near to name anybody), and the row."""
        if not nearest:
            return -math.inf, -1
        people = max(people, LEAST_PEOPLE)
        rates = [self.calibration.log_rate(one.score, people, one.references) for one in nearest]
        order = sorted(range(len(nearest)), key=lambda place: (rates[place], -nearest[place].score))
        best = nearest[order[0]]
        if len(order) > 1 and best.score - nearest[order[1]].score < self.calibration.margin:
            return -math.inf, best.person_row
        return -rates[order[0]], best.person_row


# -- what came of it ------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Result:
    """One gallery size (or one list of roles) at the shipped threshold; counts, and shares of the tries.

    people, references: in each gallery, references of one person at most. threshold: cosine. curve:
    detection and identification rate at false positive identification rates, whatever the threshold.
    """

    people: int
    references: int
    threshold: float
    galleries: int
    known_tries: int
    known_people: int
    found: Estimate
    wrong_name: Estimate
    ambiguous: Estimate
    stranger_tries: int
    stranger_people: int
    strangers_named: Estimate
    strangers_named_count: int
    curve: tuple[Point, ...]


@dataclass(frozen=True, slots=True)
class Drawn:
    """How many people, at most how many references of each, in how many galleries."""

    people: int
    references: int
    galleries: int


def result(tries: Tries, drawn: Drawn, rule: Rule, weights: Floats) -> Result:
    """weights: of all identities, see intervals.resampled."""
    known, strangers = tries.known, ~tries.known

    def share(outcome: Outcome, chosen: NDArray[np.bool_]) -> Estimate:
        return clustered(tries.outcomes[chosen] == outcome, tries.owners[chosen], weights)

    return Result(
        people=drawn.people,
        references=drawn.references,
        threshold=rule.calibration.threshold(rule.rate, max(drawn.people, LEAST_PEOPLE), drawn.references),
        galleries=drawn.galleries,
        known_tries=int(known.sum()),
        known_people=len(np.unique(tries.owners[known])),
        found=share(Outcome.RIGHT, known),
        wrong_name=share(Outcome.WRONG, known),
        ambiguous=share(Outcome.AMBIGUOUS, known),
        stranger_tries=int(strangers.sum()),
        stranger_people=len(np.unique(tries.owners[strangers])),
        strangers_named=share(Outcome.WRONG, strangers),
        strangers_named_count=int((tries.outcomes[strangers] == Outcome.WRONG).sum()),
        curve=tuple(dir_fpir(tries, FALSE_RATES, weights)),
    )


def dir_fpir(tries: Tries, false_rates: Sequence[float], weights: Floats) -> list[Point]:
    """Detection and identification rate (the right person nearest, and near enough) at rates of strangers
    who get any name. Thresholds are rarities. Nothing without strangers or without known people."""
    known, strangers = tries.known, ~tries.known
    if not known.any() or not strangers.any():
        return []
    order = np.argsort(-tries.rarity[strangers], kind="stable")
    owners = tries.owners[strangers]
    counts = np.bincount(owners, minlength=weights.shape[1]).astype(np.float64)
    trials = Trials(
        np.where(tries.nearest_right, tries.rarity, -math.inf)[known],
        tries.owners[known],
        tries.rarity[strangers][order],
        owners[order, np.newaxis],
        lambda rows: rows @ counts,
        weights.shape[1],
    )
    return points(trials, false_rates, weights)
