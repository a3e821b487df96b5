"""The enrolled people of one device, tested against each other: does the gallery keep what was promised?

Each reference is a stranger to everybody but its own person: it is searched among all the others, as a new
face would be. It is compared with its own person's other references, too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np

from edge.calibration import Calibration
from edge.evaluation.intervals import poisson_at_least
from edge.face import Vector
from edge.gallery import Candidate, unit
from edge.match import AT_THRESHOLD, LEAST_PEOPLE, similarity_percent

TIGHT_FROM = 90_000
"""People; the largest gallery that was measured has 100,000."""

SIGNIFICANCE = 0.01
"""A gallery is tight when chance alone would explain its look-alikes in fewer than one in 100 galleries."""

MOST_TESTED = 5_000
"""References searched among the others; of more, so many are drawn at random."""


@dataclass(frozen=True, slots=True)
class Standing:
    """One person (row in the store).

    own_score: the lowest cosine of a reference with the others' mean; None for a single reference, which
    cannot be tested. agrees: whether it reaches the threshold; None as above. stranger_score: the highest
    cosine of a tested reference with another person's template, stranger_row theirs; None: none tested.
    """

    row: int
    references: int
    own_score: float | None
    agrees: bool | None
    stranger_score: float | None
    stranger_similarity: float | None
    stranger_row: int | None


@dataclass(frozen=True, slots=True)
class GalleryReport:
    """Scores are cosines, similarities percent. head_room: threshold minus the highest stranger's score;
    negative when somebody is taken for another; None with fewer than two people.

    hits: pairs of people of whom one's reference would be named as the other. expected_hits: how many the
    chosen rate explains. chance: the probability (0..1) of so many pairs or more.
    """

    people: int
    references: int
    tested: int
    rate: float
    threshold: float
    head_room: float | None
    closest_similarity: float | None
    closest: tuple[int, int] | None
    hits: int
    expected_hits: float
    chance: float
    disagreeing: int
    single: int
    tight: bool
    standings: tuple[Standing, ...]

    @property
    def similarity_room(self) -> float | None:
        """Percent between the threshold and the highest stranger."""
        return None if self.closest_similarity is None else AT_THRESHOLD - self.closest_similarity


@dataclass(frozen=True, slots=True)
class Examined:
    """How references are examined. nearest: the people most similar to a face, and how many of them, as
    edge.gallery.Gallery.nearest gives them. rate: strangers who may be named (0..1)."""

    nearest: Callable[[Vector, int], list[Candidate]]
    people: int
    calibration: Calibration
    rate: float
    seed: int = 0
    most: int = MOST_TESTED


def examine(references: Iterable[tuple[int, Vector]], how: Examined) -> GalleryReport:
    """The report on a gallery. references: each person's row and n x d references in use.

    Tight is a gallery of TIGHT_FROM people and more, and one whose look-alikes (`hits`) the chosen rate
    does not explain: the number of pairs is held against a Poisson distribution with the number of tests
    times the rate as its mean, and is significant below SIGNIFICANCE. A pair counts once, however many
    references of the two are alike, so the mean is rather too high and the verdict slow to come.

    Memory: the tested references and a few numbers for each person. The references are gone through first
    and searched for afterwards, so that a store's cursor does not stay open meanwhile.
    """
    people, sample = _gone_through(references, how)
    strangers = _searched(sample, how)
    standings = [_standing(row, own, strangers.get(row), how) for row, own in people.items()]
    return _report(standings, strangers, len(sample), how)


@dataclass(frozen=True, slots=True)
class _Own:
    references: int
    lowest: float | None


@dataclass(frozen=True, slots=True)
class _Stranger:
    """The nearest other person to one reference. room: threshold - score, cosine."""

    row: int
    score: float
    log_rate: float
    room: float


def leave_one_out(vectors: Vector) -> Vector:
    """Cosine of each reference (n x d, n at least 2) with the template of the others; n float32."""
    looks = unit(vectors)
    others = unit(looks.sum(axis=0)[np.newaxis] - looks)
    scores: Vector = np.einsum("ij,ij->i", looks, others)
    return scores


def _gone_through(
    references: Iterable[tuple[int, Vector]], how: Examined
) -> tuple[dict[int, _Own], list[tuple[int, Vector]]]:
    """What each person's own references say, and an evenly drawn sample of (row, reference): reservoir
    sampling, Vitter, ACM TOMS 1985, algorithm R."""
    rng = np.random.default_rng(how.seed)
    people: dict[int, _Own] = {}
    sample: list[tuple[int, Vector]] = []
    seen = 0
    for row, vectors in references:
        if len(vectors) == 0:
            continue
        people[row] = _Own(len(vectors), float(leave_one_out(vectors).min()) if len(vectors) > 1 else None)
        for vector in unit(vectors):
            seen += 1
            if len(sample) < how.most:
                sample.append((row, vector.copy()))
            elif (place := int(rng.integers(seen))) < how.most:
                sample[place] = (row, vector.copy())
    return people, sample


def _searched(sample: list[tuple[int, Vector]], how: Examined) -> dict[int, list[_Stranger]]:
    """For each person the nearest other one of each tested reference."""
    found: dict[int, list[_Stranger]] = {}
    people = max(how.people - 1, LEAST_PEOPLE)
    for row, vector in sample:
        others = [one for one in how.nearest(vector, 3) if one.person_row != row]
        strangers = [
            _Stranger(
                one.person_row,
                one.score,
                how.calibration.log_rate(one.score, people, one.references),
                how.calibration.threshold(how.rate, people, one.references) - one.score,
            )
            for one in others
        ]
        if strangers:
            found.setdefault(row, []).append(min(strangers, key=lambda one: (one.log_rate, -one.score)))
    return found


def _standing(row: int, own: _Own, strangers: list[_Stranger] | None, how: Examined) -> Standing:
    agrees = None
    if own.lowest is not None:
        people = max(how.people, LEAST_PEOPLE)
        agrees = own.lowest >= how.calibration.threshold(how.rate, people, own.references - 1)
    nearest = min(strangers or (), key=lambda one: (one.log_rate, -one.score), default=None)
    if nearest is None:
        return Standing(row, own.references, own.lowest, agrees, None, None, None)
    similarity = similarity_percent(nearest.log_rate, how.rate)
    return Standing(row, own.references, own.lowest, agrees, nearest.score, similarity, nearest.row)


def _report(
    standings: list[Standing], strangers: dict[int, list[_Stranger]], tested: int, how: Examined
) -> GalleryReport:
    met = [(row, one) for row, found in strangers.items() for one in found]
    row, nearest = min(met, key=lambda entry: (entry[1].log_rate, -entry[1].score), default=(0, None))
    pairs = {frozenset((row, one.row)) for row, one in met if one.room <= 0}
    # A gallery smaller than LEAST_PEOPLE is searched at the threshold of one that large.
    share = min((len(standings) - 1) / LEAST_PEOPLE, 1.0)
    expected = how.rate * tested * max(share, 0.0)
    chance = poisson_at_least(len(pairs), expected)
    return GalleryReport(
        people=len(standings),
        references=sum(one.references for one in standings),
        tested=tested,
        rate=how.rate,
        threshold=how.calibration.threshold(how.rate, max(how.people, LEAST_PEOPLE), 1),
        head_room=min((one.room for _, one in met), default=None),
        closest_similarity=None if nearest is None else similarity_percent(nearest.log_rate, how.rate),
        closest=None if nearest is None else (row, nearest.row),
        hits=len(pairs),
        expected_hits=expected,
        chance=chance,
        disagreeing=sum(one.agrees is False for one in standings),
        single=sum(one.references == 1 for one in standings),
        tight=len(standings) >= TIGHT_FROM or chance < SIGNIFICANCE,
        standings=tuple(standings),
    )
