"""Labelled photographs: which of a folder are looked at, whose they are, and which are compared in pairs."""

from __future__ import annotations

import csv
import itertools
import random
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from edge.errors import SettingsError

_SUFFIXES = {".jpg", ".jpeg", ".png"}
_LEAST_PEOPLE = 4
"""Two in each half, so that each half has pairs of the same person and of different people."""

_SEED = 1


@dataclass(frozen=True, slots=True)
class Pair:
    """Two photographs, as indices; a threshold is chosen on the other folds."""

    fold: int
    same: bool
    first: int
    second: int


@dataclass(frozen=True, slots=True)
class Album:
    """Photographs, the person in the centre of each, and pairs of them."""

    paths: tuple[Path, ...]
    people: tuple[str, ...]
    pairs: tuple[Pair, ...]


def open_album(place: Path, most: int) -> Album:
    """At most `most` photographs of a folder (one subfolder for each person), or of a list of pairs.

    The list is a CSV with the columns fold, same, a and b, its paths relative to its own folder; a
    folder's pairs.csv is taken when there is one. The choice is random, and the same every time.
    Raises SettingsError when too little is there to compare.
    """
    pairs = place / "pairs.csv" if place.is_dir() else place
    if pairs.is_file():
        return _listed(pairs, most)
    if not place.is_dir():
        raise SettingsError(f"{place}: there is no such folder and no such list of pairs")
    return _foldered(place, most)


def _listed(file: Path, most: int) -> Album:
    """Pairs of the same person and of different people by turns, until there are enough photographs."""
    try:
        with file.open(encoding="utf-8", newline="") as stream:
            rows = [
                (int(row["fold"]), row["same"] == "1", row["a"], row["b"]) for row in csv.DictReader(stream)
            ]
    except (KeyError, TypeError, ValueError) as error:
        raise SettingsError(
            f"{file}: needs the columns fold, same, a and b in every row ({error})"
        ) from error
    names: dict[str, int] = {}
    pairs = []
    for fold, same, first, second in _by_turns(rows):
        if len(names.keys() | {first, second}) > most:
            break
        places = [names.setdefault(name, len(names)) for name in (first, second)]
        pairs.append(Pair(fold, same, *places))
    _check_pairs(pairs, file)
    for name in names:
        if not (file.parent / name).is_file():
            raise SettingsError(f"{file}: there is no {file.parent / name}")
    return Album(tuple(file.parent / name for name in names), _owners(list(names)), tuple(pairs))


def _by_turns(rows: Sequence[tuple[int, bool, str, str]]) -> Iterator[tuple[int, bool, str, str]]:
    same, different = ([row for row in rows if row[1] is kind] for kind in (True, False))
    for kind in (same, different):
        # A choice that must repeat, not one that must not be guessed.
        random.Random(_SEED).shuffle(kind)  # noqa: S311
    for both in zip(same, different, strict=False):
        yield from both


def _owners(names: Sequence[str]) -> tuple[str, ...]:
    """Whose each photograph is: the first folder in which the paths differ."""
    parts = [Path(name).parts for name in names]
    depth = 0
    while len({each[depth] for each in parts if len(each) > depth + 1}) == 1:
        depth += 1
    return tuple(each[min(depth, len(each) - 1)] for each in parts)


def _foldered(folder: Path, most: int) -> Album:
    """People of two photographs or more; the same share of each, in two halves of different people."""
    having = {
        each.name: files
        for each in sorted(folder.iterdir())
        if each.is_dir() and len(files := _photographs(each)) >= 2
    }
    people = list(having)
    random.Random(_SEED).shuffle(people)  # noqa: S311
    people = people[: most // 2]
    if len(people) < _LEAST_PEOPLE:
        raise SettingsError(
            f"{folder}: {len(people)} people with two photographs or more, and at least {_LEAST_PEOPLE} are "
            f"needed, {2 * _LEAST_PEOPLE} photographs in all; each person's lie in a subfolder"
        )
    share = most // len(people)
    chosen = [(person, path) for person in people for path in having[person][:share]]
    owners = tuple(person for person, _ in chosen)
    pairs = tuple(_foldered_pairs(owners, people))
    return Album(tuple(path for _, path in chosen), owners, pairs)


def _photographs(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.suffix.lower() in _SUFFIXES)


def _foldered_pairs(owners: Sequence[str], people: Sequence[str]) -> Iterator[Pair]:
    """Each photograph with its person's next one, and with one of the half's next person."""
    own = {person: [place for place, owner in enumerate(owners) if owner == person] for person in people}
    middle = len(people) // 2
    for fold, half in enumerate((people[:middle], people[middle:])):
        for person, other in zip(half, [*half[1:], half[0]], strict=True):
            for turn, (first, second) in enumerate(_neighbours(own[person])):
                yield Pair(fold, True, first, second)
                yield Pair(fold, False, first, own[other][(turn + 1) % len(own[other])])


def _neighbours(places: Sequence[int]) -> Iterable[tuple[int, int]]:
    return itertools.pairwise(places)


def _check_pairs(pairs: Sequence[Pair], file: Path) -> None:
    if len({(pair.fold, pair.same) for pair in pairs}) < 4 or len({pair.fold for pair in pairs}) < 2:
        raise SettingsError(
            f"{file}: pairs of the same person (same 1) and of different people (0) are needed, "
            f"in two folds at least; {len(pairs)} pairs fit into the number of photographs"
        )
