"""references -> at most so many of a person, the most useful ones."""

from __future__ import annotations

import numpy as np

from edge.gallery import unit
from edge.store import Person, Reference, Store


def cap_references(store: Store, person: Person, most: int) -> None:
    """Drop references, least useful first, until at most `most` are in use and as many again are set aside.

    Of those in use, the ones that the answering embedder has no vector of go first; of those set aside,
    the one that was set aside first. Inside store.writing().
    """
    remembered = store.remembered(person.row)
    known = {reference.row: reference for reference in store.references(person.row)}
    in_use = [one for one in remembered if one.set_aside is None]
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
    aside = sorted((one.set_aside, one.row) for one in remembered if one.set_aside is not None)
    for _, row in aside[: max(len(aside) - most, 0)]:
        store.drop_reference(row)


def least_useful(references: list[Reference]) -> Reference:
    """Of the two references most alike, the one of lower quality: the other says nearly the same."""
    vectors = unit(np.stack([reference.vector for reference in references]))
    alike = vectors @ vectors.T
    np.fill_diagonal(alike, -2.0)
    first, second = np.unravel_index(int(np.argmax(alike)), alike.shape)
    return min(references[int(first)], references[int(second)], key=lambda reference: reference.quality)
