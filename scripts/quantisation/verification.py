"""Scores of embeddings against each other: pair accuracy, rates over all pairs, closeness to the float network."""

import csv
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Vectors = NDArray[np.float32]
_RATES = (1e-3, 1e-4)


@dataclass(frozen=True)
class Pairs:
    """The official pairs: positions of both photographs, whether they show one person, the fold of each."""

    first: NDArray[np.int64]
    second: NDArray[np.int64]
    same: NDArray[np.bool_]
    fold: NDArray[np.int64]


@dataclass(frozen=True)
class Scores:
    """cosine: mean and lowest to the float network, chips unmirrored; accuracy and rates: fractions."""

    cosine: float
    lowest: float
    accuracy: float
    rates: tuple[float, ...]


def photographs(lfw: Path) -> list[str]:
    """Every photograph that a pair names, once, as pairs.csv spells it."""
    return sorted({row[side] for row in _rows(lfw) for side in ("a", "b")})


def pairs(lfw: Path, names: list[str]) -> Pairs:
    """The pairs whose two photographs are among names."""
    position = {name: number for number, name in enumerate(names)}
    rows = [row for row in _rows(lfw) if row["a"] in position and row["b"] in position]
    return Pairs(
        np.array([position[row["a"]] for row in rows]),
        np.array([position[row["b"]] for row in rows]),
        np.array([row["same"] == "1" for row in rows]),
        np.array([int(row["fold"]) for row in rows]),
    )


def _rows(lfw: Path) -> list[dict[str, str]]:
    with (lfw / "pairs.csv").open() as file:
        return list(csv.DictReader(file))


def scores(found: Vectors, exact: Vectors, official: Pairs, names: list[str]) -> Scores:
    """found and exact: [2, photographs, dimensions], chips and mirrored chips, unit vectors."""
    near = (found[0] * exact[0]).sum(1)
    averaged = found.sum(0)
    averaged /= np.linalg.norm(averaged, axis=1, keepdims=True)
    return Scores(
        float(near.mean()), float(near.min()), _accuracy(averaged, official), _rates(averaged, names)
    )


def _accuracy(vectors: Vectors, official: Pairs) -> float:
    """Each fold judged at the threshold that is best on the others."""
    score = (vectors[official.first] * vectors[official.second]).sum(1)
    right = []
    for fold in np.unique(official.fold):
        others = official.fold != fold
        steps = np.unique(score[others])
        hits = [np.mean((score[others] >= step) == official.same[others]) for step in steps]
        threshold = steps[int(np.argmax(hits))]
        right.append((score[~others] >= threshold) == official.same[~others])
    return float(np.concatenate(right).mean())


def _rates(vectors: Vectors, names: list[str]) -> tuple[float, ...]:
    """How many pairs of one person pass the threshold that _RATES of all pairs of two people pass."""
    people = np.array([Path(name).parent.name for name in names])
    upper = np.triu_indices(len(names), 1)
    score = (vectors @ vectors.T)[upper]
    same = (people[:, None] == people[None, :])[upper]
    strangers = np.sort(score[~same])
    limits = [strangers[int(len(strangers) * (1 - rate))] for rate in _RATES]
    return tuple(float(np.mean(score[same] > limit)) for limit in limits)
