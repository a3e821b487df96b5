"""references -> at most so many of a person, the most useful ones."""

from __future__ import annotations

import numpy as np

from edge.gallery import unit
from edge.store import Person, Reference, Store


def cap_references(store: Store, person: Person, most: int) -> None:
    """Drop references, least useful first, until no model has more than `most`. Inside store.writing()."""
    by_model: dict[str, list[Reference]] = {}
    for reference in store.references(person.row):
        by_model.setdefault(reference.model, []).append(reference)
    for references in by_model.values():
        while len(references) > most:
            least = least_useful(references)
            references.remove(least)
            if least.row is not None:
                store.drop_reference(least.row)


def least_useful(references: list[Reference]) -> Reference:
    """Of the two references most alike, the one of lower quality: the other says nearly the same."""
    vectors = unit(np.stack([reference.vector for reference in references]))
    alike = vectors @ vectors.T
    np.fill_diagonal(alike, -2.0)
    first, second = np.unravel_index(int(np.argmax(alike)), alike.shape)
    return min(references[int(first)], references[int(second)], key=lambda reference: reference.quality)
