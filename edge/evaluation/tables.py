"""The CSV files that say what the photographs of a folder show.

Paths in them are relative to the folder. Every problem is an InputError that names file and row.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from edge.evaluation.rows import InputError, rows_of
from edge.face import Vector

Role = Literal["enrol", "probe_known", "probe_unknown"]
ROLES: tuple[Role, ...] = ("enrol", "probe_known", "probe_unknown")
LEVELS = ("easy", "medium", "hard")


@dataclass(frozen=True, slots=True)
class Pair:
    """Two photographs, and whether they show the same person. protocol: "" when the file has none."""

    fold: int
    same: bool
    a: str
    b: str
    protocol: str
    label_error: bool


@dataclass(frozen=True, slots=True)
class Part:
    """What one photograph is for in an open-set protocol."""

    identity: str
    filename: str
    role: Role


@dataclass(frozen=True, slots=True, eq=False)
class Boxed:
    """One picture with m x 4 boxes (left, top, width, height, pixels) and which of them count, m x levels."""

    filename: str
    boxes: Vector
    counted: NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Negative:
    """A picture without people."""

    filename: str
    category: str


@dataclass(frozen=True, slots=True)
class Tables:
    """What the folder has; empty where it lacks the file. levels: the difficulties of the boxes.

    identities: filename -> identity, where a CSV says so; else the photograph's folder is the identity.
    """

    folder: Path
    pairs: tuple[Pair, ...] = ()
    roles: tuple[Part, ...] = ()
    boxed: tuple[Boxed, ...] = ()
    levels: tuple[str, ...] = ()
    negatives: tuple[Negative, ...] = ()
    identities: dict[str, str] = field(default_factory=dict)

    def identity(self, filename: str) -> str:
        """Whom a photograph shows."""
        return self.identities.get(filename) or Path(filename).parent.name


def read_tables(folder: Path) -> Tables:
    """All CSV files of the folder. Raises InputError: none there, or one of them is wrong."""
    if not folder.is_dir():
        raise InputError(f"{folder} is no folder")
    index = _index(folder)
    roles = tuple(_roles(folder))
    identities = {**index.identities, **{row.filename: row.identity for row in roles}}
    pairs = tuple(_pairs(folder))
    boxed, levels = _boxed(folder)
    tables = Tables(folder, pairs, roles, boxed, levels, index.negatives, identities)
    if not (pairs or roles or boxed or index.negatives):
        raise InputError(
            f"{folder} has none of pairs.csv, ident.csv, boxes.csv, and no index.csv with a column category"
        )
    for row, pair in enumerate(pairs, 2):
        _check_identities(tables, row, pair)
    return tables


def _check_identities(tables: Tables, row: int, pair: Pair) -> None:
    one, other = tables.identity(pair.a), tables.identity(pair.b)
    if (one == other) != pair.same:
        raise InputError(
            f"{tables.folder / 'pairs.csv'}, row {row}: same is {int(pair.same)}, but the photographs are of "
            f"{one} and {other}; where folders are not people, ident.csv or index.csv says who is who "
            "(identity, filename)"
        )


# -- one file each --------------------------------------------------------------------------------


def _pairs(folder: Path) -> Iterator[Pair]:
    for row in rows_of(folder / "pairs.csv", ("fold", "same", "a", "b")):
        a, b = row.file("a"), row.file("b")
        if a == b:
            raise row.wrong("b", "is another photograph than a")
        yield Pair(
            row.whole("fold"),
            row.flag("same"),
            a,
            b,
            row.text("protocol", ""),
            row.flag("label_error", False),
        )


def _roles(folder: Path) -> Iterator[Part]:
    for row in rows_of(folder / "ident.csv", ("identity", "filename", "role")):
        role = row.text("role")
        if role not in ROLES:
            raise row.wrong("role", f"is one of {', '.join(ROLES)}")
        yield Part(row.text("identity"), row.file("filename"), role)


def _boxed(folder: Path) -> tuple[tuple[Boxed, ...], tuple[str, ...]]:
    """The boxes by picture. Without difficulties all count but those with ignore = 1."""
    boxes: dict[str, list[list[float]]] = {}
    counted: dict[str, list[list[bool]]] = {}
    levels: tuple[str, ...] = ()
    for row in rows_of(folder / "boxes.csv", ("x", "y", "w", "h")):
        name = row.file("image" if row.has("image") else "filename")
        levels = tuple(level for level in LEVELS if row.has(level))
        sides = [row.number(side, least) for side, least in (("x", None), ("y", None), ("w", 0), ("h", 0))]
        boxes.setdefault(name, []).append(sides)
        wanted = not row.flag("ignore", False)
        flags = [row.flag(level) for level in levels] or [wanted]
        counted.setdefault(name, []).append(flags)
    pictures = tuple(
        Boxed(name, np.array(rows, np.float32), np.array(counted[name], bool)) for name, rows in boxes.items()
    )
    return pictures, (levels or ("all",)) if pictures else ()


@dataclass(frozen=True, slots=True)
class _Index:
    identities: dict[str, str]
    negatives: tuple[Negative, ...]


def _index(folder: Path) -> _Index:
    """index.csv means different things in different sets; what it says of people and categories counts."""
    identities: dict[str, str] = {}
    negatives: list[Negative] = []
    for row in rows_of(folder / "index.csv", ()):
        if not row.has("filename"):
            break
        if row.has("category"):
            negatives.append(Negative(row.file("filename"), row.text("category")))
        if row.has("identity"):
            identities[row.below("filename")] = row.text("identity")
    return _Index(identities, tuple(negatives))
