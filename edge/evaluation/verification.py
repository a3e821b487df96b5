"""The figures of a pairs.csv: accuracy on its pairs, and rates over all pairs of its photographs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from edge.evaluation.curve import Point, Trials, accepted_at, equal_error, points
from edge.evaluation.embeddings import Embeddings
from edge.evaluation.intervals import Estimate, Floats, resampled
from edge.evaluation.openset import Rule
from edge.evaluation.pairs import Accuracy, Crossed, Side, crossed, fold_accuracy, scores_of
from edge.evaluation.photographs import VARIANTS
from edge.evaluation.tables import Pair, Tables
from edge.match import CLAIM_RATE

FALSE_RATES = (1e-2, 1e-3, 1e-4, 1e-5)
"""False accept rates that are reported, where there are pairs enough."""

GALLERIES = (1, 10, 100, 1000, 10_000)
"""Sizes of the galleries for whose thresholds it is said which pairs pass them."""


@dataclass(frozen=True, slots=True)
class Shipped:
    """What a shipped threshold does with single pairs. people: of the gallery it is for; None: it is the
    one from which a claimed personId is believed. threshold: cosine. expected: the false accept rate that
    the calibration promises; found: what it is here, NaN where that is not known."""

    people: int | None
    threshold: float
    expected: float
    found: float
    accepted: Estimate


@dataclass(frozen=True, slots=True, eq=False)
class Verification:
    """One protocol with one variant of the second side. same, different: pairs compared.

    missing: photographs of the second side without an embedding; their pairs score MISSING. kept: what the
    plots are drawn from.
    """

    protocol: str
    variant: str
    folds: tuple[int, ...]
    pairs: int
    label_errors: int
    photographs: int
    people: int
    missing: int
    across: bool
    same: int
    different: int
    accuracy: Accuracy | None
    points: tuple[Point, ...]
    equal_error: float
    shipped: tuple[Shipped, ...]
    kept: Crossed
    weights: Floats


@dataclass(frozen=True, slots=True)
class Resampling:
    """Of people: how many times, and the seed."""

    times: int
    seed: int


def verification(
    tables: Tables,
    pairs: Sequence[Pair],
    embeddings: Embeddings,
    *,
    variant: int,
    rule: Rule,
    resampling: Resampling,
) -> Verification:
    """One protocol's pairs. variant: of VARIANTS, what the second side is reduced to."""
    firsts, seconds = sorted({pair.a for pair in pairs}), sorted({pair.b for pair in pairs})
    names = sorted({*firsts, *seconds})
    labels = {who: place for place, who in enumerate(sorted({tables.identity(name) for name in names}))}
    weights = resampled(len(labels), resampling.times, resampling.seed)
    across = not set(firsts) & set(seconds)  # such as frontal against profile

    def side(chosen: Sequence[str], variant: int) -> Side:
        rows = {name: row for row, name in enumerate(names)}
        return Side(
            embeddings.of(chosen, variant),
            np.array([labels[tables.identity(name)] for name in chosen], np.int64),
            np.array([rows[name] for name in chosen], np.int64),
        )

    if across:
        found = crossed(side(firsts, 0), side(seconds, variant), len(labels))
    else:
        other = side(names, variant) if variant else None
        found = crossed(side(names, 0), other, len(labels))
    return Verification(
        protocol=pairs[0].protocol,
        variant=VARIANTS[variant],
        folds=tuple(sorted({pair.fold for pair in pairs})),
        pairs=len(pairs),
        label_errors=sum(pair.label_error for pair in pairs),
        photographs=len(names),
        people=len(labels),
        missing=embeddings.missing(seconds if across else names, variant),
        across=across,
        same=len(found.trials.right),
        different=found.trials.wrong_count,
        accuracy=_accuracy(tables, pairs, embeddings, variant=variant, labels=labels, weights=weights),
        points=tuple(points(found.trials, FALSE_RATES, weights)),
        equal_error=equal_error(found.trials),
        shipped=tuple(_shipped(found.trials, rule, weights)),
        kept=found,
        weights=weights,
    )


def _accuracy(
    tables: Tables,
    pairs: Sequence[Pair],
    embeddings: Embeddings,
    *,
    variant: int,
    labels: dict[str, int],
    weights: Floats,
) -> Accuracy | None:
    scores = scores_of(
        embeddings.of([pair.a for pair in pairs]), embeddings.of([pair.b for pair in pairs], variant)
    )
    owners = [[labels[tables.identity(name)] for name in (pair.a, pair.b)] for pair in pairs]
    return fold_accuracy(
        scores,
        np.array([pair.same for pair in pairs]),
        np.array([pair.fold for pair in pairs], np.int64),
        np.array(owners, np.int64),
        weights,
    )


def _shipped(trials: Trials, rule: Rule, weights: Floats) -> list[Shipped]:
    limits: list[tuple[int | None, float, float]] = [
        (people, rule.calibration.threshold(rule.rate, people, 1), rule.rate / people) for people in GALLERIES
    ]
    limits.append((None, rule.calibration.threshold(CLAIM_RATE, 1, 1), CLAIM_RATE))
    return [
        Shipped(people, threshold, expected, *accepted_at(trials, threshold, weights))
        for people, threshold, expected in limits
    ]
