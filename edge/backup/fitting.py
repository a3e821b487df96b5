"""What of a pack can be used here: vectors of the embedders of this release, as long as theirs are."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from edge.errors import BackupError, ModelError
from edge.face import Vector
from edge.interpreter import read_card
from edge.settings import EMBEDDERS
from edge.store.carrying import CarriedLook, CarriedPerson
from edge.store.embeddings import check_stored, vector_of


def known_dimensions(models: Iterable[str] = EMBEDDERS.values()) -> dict[str, int]:
    """How long the vectors of each embedder are, of those whose files are here."""
    found = {}
    for model in models:
        try:
            found[model] = int(read_card(model)["dimensions"])
        except ModelError:
            continue
    return found


def fitted(carried: CarriedPerson, dimensions: Mapping[str, int]) -> tuple[CarriedPerson, tuple[str, ...]]:
    """Somebody without the vectors of other embedders, and without looks of which nothing is left; and what
    was left out, in words.

    Raises BackupError: a vector of another length. StoreError: one that is none.
    """
    strange: set[str] = set()
    looks = []
    for look in carried.looks:
        strange |= look.vectors.keys() - dimensions.keys()
        vectors = {model: look.vectors[model] for model in look.vectors if model in dimensions}
        for model, (vector, _) in vectors.items():
            if vector is not None:
                _check(carried, model, vector, dimensions[model])
        if vectors or look.crop is not None:
            looks.append(replace(look, vectors=vectors))
    words = tuple(f"vectors of {model} are left out: it is not here" for model in sorted(strange))
    return replace(carried, looks=tuple(looks)), words


def vectors_in_use(looks: Iterable[CarriedLook], model: str) -> list[Vector]:
    """Those that an embedder made of looks that are not set aside."""
    stored = (look.vectors.get(model, (None, None))[0] for look in looks if look.numbers[-1] is None)
    return [vector_of(vector) for vector in stored if vector is not None]


def _check(carried: CarriedPerson, model: str, vector: bytes, dimensions: int) -> None:
    if len(vector) != 4 * dimensions:
        raise BackupError(
            f"{carried.id} has a vector of {model} of {len(vector)} bytes; they have {4 * dimensions}"
        )
    check_stored(vector)
