"""Files as provisioning leaves them: written beside and renamed, or overwritten where they lie."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from edge.errors import SettingsError


def put(path: Path, text: str, mode: int, like: Path | None = None) -> None:
    """The whole file, or the one that was there. like: whose owner and group it gets. Raises OSError.

    For folders that root alone can write: the draft has a name that can be guessed, so that the next run
    finds the one that a power cut has left, which may hold a secret.
    """
    fresh = path.with_name(f"{path.name}.new")
    fresh.unlink(missing_ok=True)
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            if like is not None:
                status = like.stat()
                os.fchown(descriptor, status.st_uid, status.st_gid)
            os.fchmod(descriptor, mode)
            os.fsync(descriptor)
        fresh.replace(path)
    finally:
        fresh.unlink(missing_ok=True)
    sync_folder(path.parent)


def overwrite(path: Path) -> None:
    """Put "#" in place of every byte, where it lies, and see it written. Raises OSError.

    A file system that writes in place (FAT, ext4) then no longer has the old bytes; the memory card's
    controller may keep them in a block that it has set aside. What is left is a TOML file that says nothing.
    """
    with path.open("r+b", buffering=0) as file:
        left = os.fstat(file.fileno()).st_size
        while left > 0:
            left -= file.write(b"#" * min(left, 1 << 16))
        os.fsync(file.fileno())


def sync_folder(folder: Path) -> None:
    """See the names in it written. Raises OSError."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def owner_of(folder: Path) -> Iterator[None]:
    """Within it, root is the folder's owner: what is made there is theirs. Others stay who they are."""
    if os.geteuid() != 0:
        yield
        return
    try:
        status = folder.stat()
    except OSError as error:
        raise SettingsError(f"{folder}: {error.strerror}: install first") from error
    groups = os.getgroups()
    os.setgroups([])
    os.setegid(status.st_gid)
    os.seteuid(status.st_uid)
    try:
        yield
    finally:
        os.seteuid(0)
        os.setegid(0)
        os.setgroups(groups)
