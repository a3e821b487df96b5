"""Columns of text for people; scripts take the HTTP API or the JSON lines."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def print_table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Heads and rows in columns as wide as their widest cell; nothing but the heads for no rows."""
    cells = [heads, *rows]
    widths = [max(len(row[column]) for row in cells) for column in range(len(heads))]
    for row in cells:
        print("  ".join(f"{cell:{width}}" for cell, width in zip(row, widths, strict=True)).rstrip())


def date(seconds: float) -> str:
    """A time (seconds since 1970) for people to read.

    By addition: the C library of a 32-bit system may know no time after January 2038.
    """
    return f"{_EPOCH + timedelta(seconds=seconds):%Y-%m-%d %H:%M} GMT"
