"""The databases of a device while it goes from one release to another, and back. Runs as the service's user, with
any Python: neither release may work.

    python stores.py keep STATE BEFORE NAME...       these databases, whole, while nobody writes
    python stores.py put-back STATE BEFORE RELEASE   the kept databases whose form RELEASE has changed, as they were

It prints "done", with exit code 0; else the reason stands on stderr.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import sqlite3
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

FORMER = "before-restore"
"""Where a restore puts what stood in its place, too; what is in there goes after a month (edge/backup)."""

PATIENCE_S = 30.0
"""For a command or a nightly copy that is under way."""


@contextlib.contextmanager
def alone(state: Path) -> Iterator[None]:
    """While nobody has the store open: neither a command nor the nightly copy (edge/store/opening.py, hold)."""
    descriptor = os.open(state / "in-use", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        end = time.monotonic() + PATIENCE_S
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > end:
                    raise
            time.sleep(0.1)
        yield
    finally:
        os.close(descriptor)


def keep(state: Path, before: Path, names: Sequence[str]) -> None:
    """Copies of these databases, with what is still in their logs, on disk for sure. There is a folder `before`
    only when all are in it."""
    part = before.with_name(before.name + ".part")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(mode=0o700)
    for name in names:
        with opened(state / name) as one, opened(part / name) as other:
            one.backup(other)
        _sync(part / name)
    _sync(part)
    part.replace(before)
    _sync(before.parent)


def put_back(state: Path, before: Path, release: str) -> None:
    """A database that a newer release has migrated cannot be read by an older one. What that release wrote into
    it is put aside, not thrown away. Can be done again when it was cut off."""
    aside = state / FORMER / f"{time.strftime('%Y-%m-%dT%H-%M-%S', time.gmtime())}.update-{release}"
    for old in sorted(before.glob("*.sqlite")):
        new = state / old.name
        if new.exists() and version(new) == version(old):
            continue
        fresh = state / f"{old.name}.put-back"
        try:
            shutil.copyfile(old, fresh)
            _sync(fresh)
        except OSError:
            fresh.unlink(missing_ok=True)
            raise
        fresh.chmod(0o600)
        _put_aside(new, aside)
        fresh.replace(new)  # in one step: there is never none
        _sync(state)
        say(f"{new.name} is as it was before {release}; what {release} made of it is kept in {aside}")


def _put_aside(database: Path, folder: Path) -> None:
    """Under a second name; its log, which must not meet the old database, by moving it."""
    if not database.exists():
        return
    for part in (folder.parent, folder):
        part.mkdir(mode=0o700, exist_ok=True)
    for suffix in ("-wal", "-shm"):
        log = Path(f"{database}{suffix}")
        if log.exists():
            log.replace(folder / log.name)
    with contextlib.suppress(FileExistsError):
        os.link(database, folder / database.name)
    _sync(folder)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def opened(path: Path) -> contextlib.closing[sqlite3.Connection]:
    return contextlib.closing(sqlite3.connect(path))


def version(path: Path) -> int:
    """Of its form; -1: it is no database."""
    try:
        with opened(path) as database:
            return int(database.execute("PRAGMA user_version").fetchone()[0])
    except sqlite3.DatabaseError as error:
        if error.sqlite_errorcode not in (sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT):
            raise
        return -1


def say(words: object) -> None:
    """To a terminal that may have gone away."""
    with contextlib.suppress(OSError):
        print(words, file=sys.stderr, flush=True)


def main() -> int:
    verb, state, before, *rest = sys.argv[1:]
    try:
        with alone(Path(state)):
            if verb == "keep":
                keep(Path(state), Path(before), rest)
            else:
                put_back(Path(state), Path(before), rest[0])
    except (OSError, sqlite3.Error) as failure:
        say(failure)
        return 1
    print("done")
    return 0


if __name__ == "__main__":
    sys.exit(main())
