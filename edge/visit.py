"""One stay of one person in view, as the loop knows it before it is written down."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from edge.evidence import OPEN, Belief, Evidence, View
from edge.store import Reference
from edge.track import Track

REMEMBERED = 3
"""Views of a stranger that become references: three different ones are worth more than anything else, and
three of one visit seldom are."""


@dataclass(frozen=True, slots=True, eq=False)
class Shot:
    """A view that may be kept: how much it counts, whether it is good, and what would be remembered of it."""

    weight: float
    good: bool
    reference: Reference


@dataclass(slots=True)
class Told:
    """What of a visit stands in the store.

    row, id: of the sighting, once there is one. person_row: whom it was said to be. decided: whether an event
    has said who it is, or that it is a stranger. crop: weight of the shot that is kept. until: `last` of the
    visit when it was written.
    """

    row: int = 0
    id: str = ""
    person_row: int | None = None
    decided: bool = False
    crop: float = 0.0
    until: float = 0.0
    left: bool = False


@dataclass(slots=True, eq=False)
class Visit:
    """Somebody in view, through one track or, when they were lost for a moment, several. Times in steady
    seconds.

    embedded: views taken so far, embedded_at the last one. promising: the best edge.evidence.usable of them.
    person_row: who it is, once that is decided; of a stranger once they are remembered. furniture_since: it
    never moves since then, and is not told of.
    """

    track: Track
    started: float
    evidence: Evidence | None = None
    belief: Belief = OPEN
    person_row: int | None = None
    embedded: int = 0
    embedded_at: float = 0.0
    promising: float = 0.0
    shots: list[Shot] = field(default_factory=list)
    frames: int = 0
    furniture_since: float | None = None
    told: Told = field(default_factory=Told)

    @property
    def last(self) -> float:
        """When it was seen last."""
        return self.track.last

    @property
    def furniture(self) -> bool:
        """Whether it is a face that never moves."""
        return self.furniture_since is not None

    @property
    def best(self) -> Shot | None:
        """The shot that counts most."""
        return max(self.shots, key=lambda shot: shot.weight, default=None)

    def shoot(self, shot: Shot) -> None:
        """Keep it if it is among the best, good ones before others."""
        self.shots.append(shot)
        self.shots.sort(key=lambda one: (one.good, one.weight), reverse=True)
        del self.shots[REMEMBERED:]

    @property
    def views(self) -> Sequence[View]:
        """What the evidence is made of."""
        return () if self.evidence is None else self.evidence.views

    def forget_views(self) -> None:
        """Begin again with what was seen: another embedder answers."""
        self.evidence = None
        self.shots.clear()
        self.promising = 0.0
