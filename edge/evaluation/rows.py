"""The rows of a CSV file, and what is wrong with them in a line that names file and row."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath

from edge.errors import EdgeError


class InputError(EdgeError, ValueError):
    """A folder or CSV that cannot be evaluated."""


@dataclass(frozen=True, slots=True)
class Row:
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

    def number(self, column: str, least: float | None = None) -> float:
        try:
            value = float(self.text(column))
        except ValueError:
            raise self.wrong(column, "is a number") from None
        if not math.isfinite(value):
            raise self.wrong(column, "is a number")
        if least is not None and value < least:
            raise self.wrong(column, f"is at least {least:g}")
        return value

    def whole(self, column: str) -> int:
        value = self.number(column)
        if value != int(value):
            raise self.wrong(column, "is a whole number")
        return int(value)

    def flag(self, column: str, default: bool | None = None) -> bool:
        text = self.text(column, None if default is None else str(int(default)))
        if text not in {"0", "1"}:
            raise self.wrong(column, "is 0 or 1")
        return text == "1"

    def below(self, column: str) -> str:
        """A path below the folder, in its shortest form."""
        path = PurePath(self.text(column))
        if path.is_absolute() or ".." in path.parts or not path.parts:
            raise self.wrong(column, "is a path below the folder")
        return str(path)

    def file(self, column: str) -> str:
        """A path below the folder, where there is a file."""
        name = self.below(column)
        if not (self.path.parent / name).is_file():
            raise InputError(f"{self.path}, row {self.row}: there is no file {name}")
        return name

    def wrong(self, column: str, what: str) -> InputError:
        found = self.values.get(column)
        return InputError(f'{self.path}, row {self.row}: {column} {what}, not "{found}"')


def rows_of(path: Path, columns: Sequence[str]) -> Iterator[Row]:
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
                yield Row(path, number, {key: value for key, value in values.items() if key is not None})
            if number == 1:
                raise InputError(f"{path} has no rows below its heads")
    except (UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{path}: {error}") from error
