"""Files that only their owner may read: they hold what people's faces look like, or their names."""

from __future__ import annotations

import os
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import numpy as np

from edge.errors import EdgeError


class WrongFile(EdgeError, ValueError):
    """A file that cannot be used or written."""


@contextmanager
def private(path: Path) -> Iterator[IO[bytes]]:
    """A new file (mode 0600) that takes the place of `path` when the block ends, and is gone when it fails.

    What is no file, such as /dev/stdout, is written to. Raises OSError, which names `path`.
    """
    target = path.resolve()
    if target.exists() and not target.is_file():
        with path.open("wb") as there:
            yield there
        return
    part = target.with_name(f"{target.name}.{os.getpid()}")
    try:
        number = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(path)) from error
    try:
        with os.fdopen(number, "wb") as file:
            yield file
        part.replace(target)
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(path)) from error
    finally:
        part.unlink(missing_ok=True)


def keep(path: Path, stamp: str, arrays: Mapping[str, Any]) -> None:
    """Arrays and the stamp of what they come from, as .npz. Raises OSError."""
    with private(path) as file:
        np.savez(file, stamp=np.array(stamp), **arrays)


def kept(path: Path | None, stamp: str) -> dict[str, Any] | None:
    """The arrays that keep() wrote; None: there is no file, or it has another stamp and is to be made anew.

    Raises WrongFile: the file is something else, and is not to be overwritten.
    """
    if path is None or not path.exists():
        return None
    try:
        with path.open("rb") as stream, np.load(stream) as file:
            found = {name: file[name] for name in file.files}
        if str(found.pop("stamp")) != stamp:
            return None
    except (ValueError, KeyError, EOFError, AttributeError, TypeError, zipfile.BadZipFile) as error:
        raise WrongFile(f"{path} is no file that was kept here before; take another name") from error
    return found


def writable(path: Path) -> None:
    """Before hours of measuring: could the file be written at their end? Raises OSError, WrongFile."""
    folder = path.resolve().parent
    if path.is_dir():
        raise WrongFile(f"{path} is a folder, not a file")
    if not folder.is_dir():
        raise WrongFile(f"{path}: there is no folder {folder}")
    if not os.access(path if path.exists() else folder, os.W_OK):
        raise WrongFile(f"{path} cannot be written")
