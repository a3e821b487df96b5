"""From answers to figures: who is found, which pairs are judged rightly, and how sure all that is.

A photograph without a vector resembles nobody: its score is -inf. So a pair of one person is then wrong
and a pair of two people right, for no stranger gets a name by it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge.commands.peers.album import Album
from edge.commands.peers.child import Answer, Hello
from edge.evaluation.central import central_box

Scores = NDArray[np.float64]
"""One for each pair; the higher, the more alike."""

Flags = NDArray[np.bool_]

DRAWS = 1000
_SEED = 1


@dataclass(frozen=True, slots=True, eq=False)
class Comparison:
    """The scores of an album's pairs, and of all its cross pairs, by what they show."""

    pairs: Scores
    genuine: Scores
    genuine_people: NDArray[np.intp]
    """Whose each genuine score is, as an index."""
    impostor: Scores


def central(answer: Answer) -> int | None:
    """Which box is the face in the centre: the nearest to it, larger ones first; None where the nearest,
    grown to twice its size, does not reach the centre of the picture.
    """
    place = central_box(answer.boxes, answer.width, answer.height)
    if place is None:
        return None
    box = answer.boxes[place]
    reached = abs(box.left + box.width / 2 - answer.width / 2) <= box.width
    return place if reached and abs(box.top + box.height / 2 - answer.height / 2) <= box.height else None


def compare(album: Album, answers: Sequence[Answer], metric: str) -> Comparison | None:
    """Every photograph's central face with every other's; None when no photograph has a vector."""
    places = [central(answer) for answer in answers]
    vectors = [
        None if place is None else answer.vectors[place]
        for answer, place in zip(answers, places, strict=True)
    ]
    length = next((len(vector) for vector in vectors if vector is not None), None)
    if length is None:
        return None
    missing = (float("nan"),) * length
    matrix = np.array([missing if vector is None else vector for vector in vectors], np.float64)
    scores = _all_scores(matrix, metric)
    _, people = np.unique(album.people, return_inverse=True)
    first, second = np.triu_indices(len(people), 1)
    same, values = people[first] == people[second], scores[first, second]
    pairs = np.array([scores[pair.first, pair.second] for pair in album.pairs])
    return Comparison(pairs, values[same], people[first][same], values[~same])


def _all_scores(matrix: Scores, metric: str) -> Scores:
    """n x n: the cosine, or the distance with its sign turned."""
    if metric == "cosine":
        matrix = matrix / np.linalg.norm(matrix, axis=1, keepdims=True)
    products = matrix @ matrix.T
    if metric == "distance":
        squares = np.diag(products)
        products = -np.sqrt(np.maximum(squares[:, np.newaxis] + squares - 2 * products, 0.0))
    return np.where(np.isnan(products), -np.inf, products)


def own_limit(hello: Hello) -> float | None:
    """The least score that the peer itself takes for the same person."""
    if hello.threshold is None:
        return None
    return -hello.threshold if hello.metric == "distance" else hello.threshold


def judged(album: Album, scores: Scores) -> Flags:
    """Whether each pair is judged rightly, at the threshold that is best on the other folds."""
    same = np.array([pair.same for pair in album.pairs])
    folds = np.array([pair.fold for pair in album.pairs])
    right = np.zeros(len(same), np.bool_)
    for fold in np.unique(folds):
        others = folds != fold
        limit = best_limit(scores[others], same[others])
        right[~others] = (scores[~others] >= limit) == same[~others]
    return right


def best_limit(scores: Scores, same: Flags) -> float:
    """The score from which on "the same" is most often right: the middle between two neighbouring scores."""
    order = np.argsort(scores)
    ordered, kind = scores[order], same[order]
    # With the limit before place k: the different ones below it and the same ones from it on are right.
    right = np.concatenate([[0], np.cumsum(~kind)]) + np.concatenate([np.cumsum(kind[::-1])[::-1], [0]])
    tied = np.concatenate([[False], ordered[1:] == ordered[:-1], [False]])
    place = int(np.argmax(np.where(tied, -1, right)))
    if place == len(ordered):
        return float(np.nextafter(ordered[-1], np.inf))
    if place == 0 or np.isinf(ordered[place - 1]):
        return float(ordered[place])
    return float((ordered[place - 1] + ordered[place]) / 2)


def limit_at(impostor: Scores, rate: float) -> float | None:
    """The score that at most a share `rate` of the impostors exceed; None when they are too few to tell."""
    allowed = int(rate * len(impostor))
    if allowed < 1:
        return None
    return float(np.partition(impostor, -allowed - 1)[-allowed - 1])


class Resampling:
    """Draws of the people of an album with replacement: how figures vary with who happens to be in it."""

    def __init__(self, people: int) -> None:
        draw = np.random.default_rng(_SEED)
        self._counts = draw.multinomial(people, np.full(people, 1 / people), DRAWS).astype(np.float64)

    def interval(
        self, values: NDArray[np.float64], first: NDArray[np.intp], second: NDArray[np.intp]
    ) -> tuple[float, float]:
        """The mean's 95 % interval; first, second: whose the two sides of each value are, as indices.

        Pairs of one person and pairs of two keep their shares in every draw.
        """
        own = first == second
        ours = self._counts[:, first]
        weights = np.where(own, ours, ours * self._counts[:, second])
        means, usable = np.zeros(DRAWS), np.ones(DRAWS, np.bool_)
        for kind in (own, ~own):
            if kind.any():
                totals = weights[:, kind].sum(axis=1)
                usable &= totals > 0
                means += kind.mean() * (weights[:, kind] @ values[kind]) / np.maximum(totals, 1e-9)
        low, high = np.percentile(means[usable], (2.5, 97.5))
        return float(low), float(high)
