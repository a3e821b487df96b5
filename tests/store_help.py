"""What the tests of the store share."""

from __future__ import annotations

import numpy as np

from edge.access import DAY_S
from edge.face import Vector
from edge.store import Person, Reference, Store

TODAY = 20_500
"""A GMT day in 2026."""


class SetClock:
    """A clock that stands where it was set."""

    def __init__(self, day: float = TODAY) -> None:
        self.time = day * DAY_S
        self.steady_s = 0.0

    def now(self) -> float:
        return self.time

    def steady(self) -> float:
        return self.steady_s

    def set_day(self, day: float) -> None:
        """Midnight GMT, or with a fraction some time after it."""
        self.time = day * DAY_S


def vector(seed: int, length: int = 128) -> Vector:
    """A vector that no other seed gives."""
    return np.random.default_rng(seed).standard_normal(length).astype(np.float32)


def reference(seed: int, model: str = "m1", crop: bytes | None = None) -> Reference:
    """A reference with that vector."""
    points = None if crop is None else vector(seed, 8).reshape(4, 2)
    return Reference(None, vector(seed), model, 0.5, 1.0, crop, points)


def enrolled(store: Store, name: str | None, *seeds: int) -> Person:
    """A person with a reference per seed."""
    with store.writing():
        person = store.create_person(name)
        for seed in seeds:
            store.add_reference(person, reference(seed))
    found = store.person(person.id)
    assert found is not None
    return found
