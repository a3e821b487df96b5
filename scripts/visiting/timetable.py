"""When who comes: visits, pairs, passers-by, a poster, empty stretches, changes of light and of room."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from pathlib import Path as File

from visiting import path
from visiting.cast import Cast, Person
from visiting.path import FPS, Path

LEAST_PAUSE = 15.0
"""Seconds of scene between two visits of one person."""


@dataclass(frozen=True, slots=True)
class Size:
    """How long a replay is. visits: of each known person; strangers, returns: how many come, and come again."""

    known: int
    visits: int
    strangers: int
    returns: int
    pairs: int
    passers: int
    rooms: int
    empty: float
    alone: float


FULL = Size(
    known=20, visits=5, strangers=100, returns=50, pairs=24, passers=16, rooms=12, empty=40.0, alone=120.0
)
SHORT = Size(known=6, visits=1, strangers=5, returns=2, pairs=2, passers=1, rooms=2, empty=20.0, alone=30.0)


@dataclass(frozen=True, slots=True, eq=False)
class Visit:
    """One person, once. start: seconds from the beginning. again: a stranger who was here before; "same" or
    "other" says by which photographs. mate: the number of the visit at the same time. blur: radius, pixels;
    shutter: share of a frame's time for which the sensor is exposed.
    """

    number: int
    kind: str
    person: Person
    photographs: tuple[File, ...]
    start: float
    path: Path
    brightness: float
    clothes: tuple[int, int, int]
    blur: float
    shutter: float
    again: str | None = None
    mate: int | None = None
    crossing: bool = False

    @property
    def end(self) -> float:
        """Seconds."""
        return self.start + len(self.path) / FPS


@dataclass(frozen=True, slots=True)
class Chapter:
    """A room from a moment on (seconds). poster: whether one hangs there."""

    start: float
    room: int
    poster: bool


@dataclass
class Timetable:
    """All of it. dark: stretches without light; empty: stretches without anybody (a poster is nobody)."""

    visits: list[Visit] = field(default_factory=list)
    chapters: list[Chapter] = field(default_factory=list)
    dark: list[tuple[float, float]] = field(default_factory=list)
    empty: list[tuple[float, float]] = field(default_factory=list)
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class _Coming:
    """Somebody who will come; when is not settled yet."""

    kind: str
    person: Person
    photographs: tuple[File, ...]
    again: str | None = None


def make(cast: Cast, size: Size, rng: random.Random) -> Timetable:
    """The whole replay."""
    return _Maker(size, rng).make(_comings(cast, size, rng))


def _comings(cast: Cast, size: Size, rng: random.Random) -> list[_Coming]:
    """In the order of coming, which is drawn by chance; who comes again comes again later."""
    drawn = []
    for person in cast.known[: size.known]:
        drawn += [
            (rng.random(), _Coming("known", person, _some(person, person.shown, rng)))
            for _ in range(size.visits)
        ]
    strangers = cast.strangers[: size.strangers]
    returning = set(rng.sample(strangers, size.returns))
    # Half of those who return do so by other photographs, where there are some.
    several = [one for one in strangers if one in returning and len(one.shown) > 1]
    other = set(rng.sample(several, min(len(several), size.returns // 2)))
    for person in strangers:
        first, second = sorted((rng.random() * 0.75, 0.25 + rng.random() * 0.75))
        shown = person.shown if person not in other else person.shown[: (len(person.shown) + 1) // 2]
        once = _some(person, shown, rng)
        drawn.append((first if person in returning else rng.random(), _Coming("stranger", person, once)))
        if person in other:
            rest = _some(person, person.shown[len(shown) :], rng)
            drawn.append((second, _Coming("stranger", person, rest, "other")))
        elif person in returning:
            drawn.append((second, _Coming("stranger", person, once, "same")))
    for number in range(size.passers):
        people = cast.passers if number % 4 else cast.known[: size.known]
        person = people[number % len(people)]
        drawn.append((rng.random(), _Coming("passer", person, person.shown[:1])))
    return [coming for _, coming in sorted(drawn, key=lambda one: one[0])]


def _some(person: Person, photographs: tuple[File, ...], rng: random.Random) -> tuple[File, ...]:
    """The views of one visit: three at most of CFP, one of LFW, whose photographs lie years apart."""
    return tuple(rng.sample(photographs, min(3 if person.source == "cfp" else 1, len(photographs))))


class _Maker:
    def __init__(self, size: Size, rng: random.Random) -> None:
        self._size, self._random = size, rng
        self._table = Timetable()
        self._left: dict[str, float] = {}
        self._now = 0.0

    def make(self, comings: list[_Coming]) -> Timetable:
        """Fill the table."""
        table, rng, size = self._table, self._random, self._size
        pairs = set(rng.sample(range(len(comings) // 2 - 1), size.pairs))
        per_room = -(-len(comings) // size.rooms)
        index = 0
        poster_at = size.rooms // 2
        while index < len(comings):
            room = len(table.chapters)
            if index >= per_room * room:
                self._enter_room(room, poster=room == poster_at)
            together = (
                comings[index : index + 2]
                if index // 2 in pairs and index % 2 == 0
                else comings[index : index + 1]
            )
            if len({one.person.identity for one in together}) < len(together) or any(
                one.kind == "passer" for one in together
            ):
                together = together[:1]
            self._come(together)
            index += len(together)
        self._pause(20.0)
        table.seconds = self._now
        return table

    def _enter_room(self, room: int, poster: bool) -> None:
        """A cut to another room, which is empty for a while; in each third one the light is switched."""
        rng, table = self._random, self._table
        self._pause(rng.uniform(3, 6))
        table.chapters.append(Chapter(self._now, room, poster))
        start, stretch = self._now, self._size.empty * rng.uniform(0.7, 1.3)
        if poster:
            stretch = self._size.alone
        if room % 3 == 0:
            table.dark.append((start + 0.3 * stretch, start + 0.6 * stretch))
        self._pause(stretch)

    def _pause(self, seconds: float) -> None:
        self._table.empty.append((self._now, self._now + seconds))
        self._now += seconds

    def _come(self, together: list[_Coming]) -> None:
        """One visit, or two at the same time."""
        rng = self._random
        gap = min(20.0, 2.0 + rng.expovariate(1 / 2.5))
        earliest = max(self._left.get(one.person.identity, -LEAST_PAUSE) for one in together) + LEAST_PAUSE
        self._pause(max(gap, earliest - self._now))
        crossing = len(together) == 2 and rng.random() < 0.5
        side = rng.choice((-1, 1))
        first = len(self._table.visits)
        for turn, coming in enumerate(together):
            start = self._now + turn * rng.uniform(0.3, 1.5)
            mate = first + 1 - turn if len(together) == 2 else None
            visit = self._visit(coming, start, side if turn == 0 else -side, mate, crossing)
            self._table.visits.append(visit)
            self._left[coming.person.identity] = visit.end
        self._now = max(visit.end for visit in self._table.visits[first:])

    def _visit(self, coming: _Coming, start: float, side: int, mate: int | None, crossing: bool) -> Visit:
        rng = self._random
        blur = rng.choice((0.0, 0.0, rng.uniform(0.3, 1.0)))
        shutter = rng.uniform(0.1, 0.35)
        if coming.kind == "passer":
            if rng.random() < 0.5:
                way, blur = (
                    path.walk(rng, side, rng.uniform(13, 22), rng.uniform(5, 8)),
                    rng.uniform(0.8, 1.4),
                )
            else:
                way, shutter = (
                    path.walk(rng, side, rng.uniform(50, 90), rng.uniform(0.9, 1.4)),
                    rng.uniform(0.5, 0.8),
                )
        elif crossing:
            way = path.walk(rng, side, rng.uniform(65, 140), rng.uniform(4.5, 7))
        else:
            place = rng.uniform(0.25, 0.75) if mate is None else 0.5 + side * rng.uniform(0.16, 0.26)
            largest = 60 * (220 / 60) ** rng.random() if mate is None else rng.uniform(60, 150)
            way = path.stay(rng, side, place, largest, rng.uniform(2.0, 5.5))
        return Visit(
            number=len(self._table.visits),
            kind=coming.kind,
            person=coming.person,
            photographs=coming.photographs,
            start=round(start * FPS) / FPS,
            path=way,
            brightness=rng.uniform(0.7, 1.12),
            clothes=(rng.randrange(30, 170), rng.randrange(30, 150), rng.randrange(30, 170)),
            blur=blur,
            shutter=shutter,
            again=coming.again,
            mate=mate,
            crossing=crossing,
        )
