"""A line on the terminal that says how far something has come; nothing where stderr is no terminal."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

_CLEAR_LINE = "\r\x1b[K"


@contextmanager
def progress(what: str) -> Iterator[Callable[[int, int], None]]:
    """Inside the block: call with how many are done, and of how many."""

    def shown(done: int, of: int) -> None:
        if sys.stderr.isatty():
            print(f"{_CLEAR_LINE}{done}/{of} {what}", end="", file=sys.stderr, flush=True)

    try:
        yield shown
    finally:
        if sys.stderr.isatty():
            print(_CLEAR_LINE, end="", file=sys.stderr, flush=True)
