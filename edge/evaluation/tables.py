"""The CSV files that say what the photographs of a folder show.

Paths in them are relative to the folder. Every problem is an InputError that names file and row.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from edge.errors import EdgeError
from edge.face import Vector

Role = Literal["enrol", "probe_known", "probe_unknown"]
ROLES: tuple[Role, ...] = ("enrol", "probe_known", "probe_unknown")
LEVELS = ("easy", "medium", "hard")


class InputError(EdgeError, ValueError):
    """A folder or CSV that cannot be evaluated."""


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
    for row in _rows(folder / "pairs.csv", ("fold", "same", "a", "b")):
        yield Pair(
            int(row.number("fold")),
            row.flag("same"),
            row.file("a"),
            row.file("b"),
            row.text("protocol", ""),
            row.flag("label_error", False),
        )


def _roles(folder: Path) -> Iterator[Part]:
    for row in _rows(folder / "ident.csv", ("identity", "filename", "role")):
        role = row.text("role")
        if role not in ROLES:
            raise row.wrong("role", f"is one of {', '.join(ROLES)}")
        yield Part(row.text("identity"), row.file("filename"), role)


def _boxed(folder: Path) -> tuple[tuple[Boxed, ...], tuple[str, ...]]:
    """The boxes by picture. Without difficulties all count but those with ignore = 1."""
    boxes: dict[str, list[list[float]]] = {}
    counted: dict[str, list[list[bool]]] = {}
    levels: tuple[str, ...] = ()
    for row in _rows(folder / "boxes.csv", ("x", "y", "w", "h")):
        name = row.file("image" if row.has("image") else "filename")
        levels = tuple(level for level in LEVELS if row.has(level))
        boxes.setdefault(name, []).append([row.number(side) for side in ("x", "y", "w", "h")])
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
    for row in _rows(folder / "index.csv", ()):
        if not row.has("filename"):
            break
        if row.has("category"):
            negatives.append(Negative(row.file("filename"), row.text("category")))
        if row.has("identity"):
            identities[row.text("filename")] = row.text("identity")
    return _Index(identities, tuple(negatives))


# -- rows -----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Row:
    """One line of a CSV file. number: as an editor counts, the heads being row 1."""

    path: Path
    row: int
    values: dict[str, str | None]

    def has(self, column: str) -> bool:
        return column in self.values

    def text(self, column: str, default: str | None = None) -> str:
        value = self.values.get(column, default)
        if value is None or (not value and default is None):
            raise self.wrong(column, "is empty")
        return value

    def number(self, column: str) -> float:
        text = self.text(column)
        try:
            return float(text)
        except ValueError:
            raise self.wrong(column, "is a number") from None

    def flag(self, column: str, default: bool | None = None) -> bool:
        text = self.text(column, None if default is None else str(int(default)))
        if text not in {"0", "1"}:
            raise self.wrong(column, "is 0 or 1")
        return text == "1"

    def file(self, column: str) -> str:
        """A path below the folder, where there is a file."""
        name = self.text(column)
        if not (self.path.parent / name).is_file():
            raise InputError(f"{self.path}, row {self.row}: there is no file {name}")
        return name

    def wrong(self, column: str, what: str) -> InputError:
        found = self.values.get(column)
        return InputError(f'{self.path}, row {self.row}: {column} {what}, not "{found}"')


def _rows(path: Path, columns: Sequence[str]) -> Iterator[_Row]:
    """The rows of a CSV file, none when there is no file. Raises InputError: columns missing, no rows."""
    if not path.exists():
        return
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            reader = csv.DictReader(stream)
            missing = [column for column in columns if column not in (reader.fieldnames or ())]
            if missing:
                raise InputError(f"{path}, row 1: the column {missing[0]} is missing")
            number = 1
            for number, values in enumerate(reader, 2):
                yield _Row(path, number, {key: value for key, value in values.items() if key is not None})
            if number == 1:
                raise InputError(f"{path} has no rows below its heads")
    except (UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{path}: {error}") from error
