"""references -> at most so many of a person, the most useful ones."""

from __future__ import annotations

import numpy as np

from edge.gallery import unit
from edge.store import Person, Reference, Store


def cap_references(store: Store, person: Person, most: int) -> None:
    """Drop references in use, least useful first, until at most `most` are; those set aside stay.

    The ones that the answering embedder has no vector of go first. Inside store.writing().
    """
    known = {reference.row: reference for reference in store.references(person.row)}
    in_use = [one for one in store.remembered(person.row) if one.set_aside is None]
    dormant = [one.row for one in in_use if one.row not in known]
    useful = [known[one.row] for one in in_use if one.row in known]
    while len(dormant) + len(useful) > most:
        if dormant:
            store.drop_reference(dormant.pop(0))
            continue
        least = least_useful(useful)
        useful.remove(least)
        if least.row is not None:
            store.drop_reference(least.row)


def least_useful(references: list[Reference]) -> Reference:
    """Of the two references most alike, the one of lower quality: the other says nearly the same."""
    vectors = unit(np.stack([reference.vector for reference in references]))
    alike = vectors @ vectors.T
    np.fill_diagonal(alike, -2.0)
    first, second = np.unravel_index(int(np.argmax(alike)), alike.shape)
    return min(references[int(first)], references[int(second)], key=lambda reference: reference.quality)
