"""The room that a start needs, held by a file for as long as nobody has the store open.

A clean end gives the logs' room back to the disk. Where others take it until the next start, SQLite cannot
make its logs, and nothing is served. So the service leaves a file of that size, and begins with removing it.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from edge.store.opening import own
from edge.store.schema import USAGE

FILE = "ballast"

SIZE = USAGE.log_reserve + (1 << 18)
"""Bytes: the log's reserve, and what SQLite wants to begin with: 32 KiB of index for each of the three files,
some pages in their logs."""

_STEP = 1 << 12


@contextmanager
def room_kept(state: Path) -> Iterator[None]:
    """Around the time in which the store is open: before and after it the ballast is there. A block that
    fails leaves none where there was none."""
    path, due = state / FILE, False
    with contextlib.suppress(OSError):  # opening says it better
        path.unlink()
        due = True
    try:
        yield
        due = True
    finally:
        if due:
            with contextlib.suppress(OSError):
                _take(path)


def _take(path: Path) -> None:
    """As much as there is, up to SIZE."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    try:
        own(path, path.parent)
        status = os.statvfs(path)
        most = min(SIZE, status.f_bavail * status.f_frsize)
        for size in range(most, 0, -_STEP):
            try:
                os.posix_fallocate(descriptor, 0, size)
            except OSError:
                os.ftruncate(descriptor, 0)
            else:
                return
    finally:
        os.close(descriptor)
