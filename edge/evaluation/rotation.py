"""Enrolments that rotate: galleries of random people with random references, tried with the others."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from edge.evaluation.intervals import Ints
from edge.evaluation.openset import Rule, Tries, attempted, enrolled
from edge.face import Vector

STRANGER_TRIES = 3_000
"""At least so many strangers are tried against each size of gallery."""

DRAWS = 30
"""At least so many galleries are drawn of each size: of a small one each tries few known people."""

MOST_DRAWS = 300
KNOWN_PROBES = 3
"""Photographs of each enrolled person that are tried, at most, in each gallery."""

LARGEST_SHARE = 0.75
"""A gallery holds no more of the people than this, so that strangers are left."""


@dataclass(frozen=True, slots=True, eq=False)
class Pool:
    """Photographs to draw galleries from: n x d enrolled as, n x d tried as (the same, or crops of them),
    and whom each shows. None without a face among the first."""

    vectors: Vector
    probes: Vector
    owners: Ints

    def by_person(self) -> dict[int, Ints]:
        """Identity -> rows."""
        order = np.argsort(self.owners, kind="stable")
        people, starts = np.unique(self.owners[order], return_index=True)
        return dict(zip(people.tolist(), np.split(order, starts[1:]), strict=True))


def largest(pool: Pool, references: int) -> int:
    """People of the largest gallery that can be drawn: each needs a photograph more than is enrolled."""
    rows = pool.by_person()
    able = sum(len(own) > references for own in rows.values())
    return min(able, int(len(rows) * LARGEST_SHARE))


def rotated(pool: Pool, people: int, references: int, rule: Rule, seed: int) -> tuple[Tries, int]:
    """Galleries of random people with random references of each, until STRANGER_TRIES and DRAWS are reached;
    how many were drawn. One photograph of each stranger is tried in each."""
    rng = np.random.default_rng((seed, people, references))
    rows = pool.by_person()
    able = [person for person, own in rows.items() if len(own) > references]
    parts: list[Tries] = []
    strangers = draws = 0
    while draws < DRAWS or (strangers < STRANGER_TRIES and draws < MOST_DRAWS):
        chosen = set(rng.choice(able, people, replace=False).tolist())
        shuffled = {person: rng.permutation(own) for person, own in rows.items()}
        gallery = enrolled(
            {person: pool.vectors[shuffled[person][:references]] for person in chosen}, pool.vectors.shape[1]
        )
        end = references + KNOWN_PROBES
        own = np.concatenate([shuffled[person][references:end] for person in chosen])
        others = np.array([own[0] for person, own in shuffled.items() if person not in chosen], np.int64)
        parts.append(attempted(gallery, pool.probes[own], pool.owners[own], True, rule))
        there = others[~np.isnan(pool.probes[others, 0])]
        parts.append(attempted(gallery, pool.probes[there], pool.owners[there], False, rule))
        strangers += len(there)
        draws += 1
    return Tries.joined(parts), draws
