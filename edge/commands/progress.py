"""A line on the terminal that says how far something has come; nothing where stderr is no terminal."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

_CLEAR_LINE = "\r\x1b[K"
_WIDTH = 78


def show_progress(text: str) -> None:
    """One line of the terminal, in place of the last one; an empty one takes it away."""
    if sys.stderr.isatty():
        print(_CLEAR_LINE + text[:_WIDTH], end="", file=sys.stderr, flush=True)


@contextmanager
def progress(what: str) -> Iterator[Callable[[int, int], None]]:
    """Inside the block: call with how many are done, and of how many."""
    try:
        yield lambda done, of: show_progress(f"{done}/{of} {what}")
    finally:
        show_progress("")
