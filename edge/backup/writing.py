"""A file that is there whole, or not at all."""

from __future__ import annotations

import fcntl
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from edge.errors import BackupError
from edge.store.copies import FOLDER
from edge.store.opening import own

SCRATCH = "scratch."
"""What a file that is in the making is called first, so that one of a crash is recognised."""


@contextmanager
def whole(target: Path) -> Iterator[BinaryIO]:
    """A new file (0600) beside the target, in its place when the block has ended and all of it is on disk.

    Raises BackupError.
    """
    draft = target.with_name(f".{target.name}.{secrets.token_hex(4)}.new")
    try:
        descriptor = os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600)
        try:
            with os.fdopen(descriptor, "wb") as file:
                yield file
                file.flush()
                os.fsync(descriptor)
            draft.replace(target)
        except BaseException:
            draft.unlink(missing_ok=True)
            raise
        folder = os.open(target.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    except OSError as error:
        raise BackupError(f"{target} cannot be written: {error.strerror}") from error


@contextmanager
def scratch(state: Path) -> Iterator[Path]:
    """The path of a file in the state folder, which is gone afterwards, whatever became of it."""
    path = state / f"{SCRATCH}{secrets.token_hex(4)}"
    try:
        yield path
    finally:
        for name in (path.name, f"{path.name}-journal", f"{path.name}-wal", f"{path.name}-shm"):
            path.with_name(name).unlink(missing_ok=True)


@contextmanager
def copies_turn(state: Path) -> Iterator[Path]:
    """The folder of copies (0700), which nobody else changes meanwhile."""
    folder = state / FOLDER
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        own(folder, state)
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    except OSError as error:
        raise BackupError(f"{folder} cannot be used: {error.strerror}") from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield folder
    finally:
        os.close(descriptor)
