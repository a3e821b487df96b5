"""Opening a database file: made when absent, refused when it is not ours, migrated when it is old.

Nothing writes to a file before it has been recognised. Processes that open the same folder take
turns (a lock on the folder, which the kernel drops when the holder dies).
"""

from __future__ import annotations

import fcntl
import logging
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from sqlite_utils import Database

from edge.errors import EdgeError, StoreError
from edge.store.connection import Connections, StoreDamaged, connect, in_words
from edge.store.schema import Schema, migrate, version_of

_log = logging.getLogger(__name__)

_BESIDE = ("-wal", "-shm", "-journal")
IN_USE = "in-use"
"""A file in the state folder whose lock says that somebody has the store open."""


@contextmanager
def opening_turn(folder: Path) -> Iterator[None]:
    """Make the folder (0700), and hold it while its files are opened."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    except OSError as error:
        raise StoreError(f"the state folder cannot be used: {error}") from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def hold(folder: Path, *, alone: bool = False) -> int | None:
    """A descriptor that says that this process uses the files of the folder, until it is closed or the
    process ends. alone: and nobody else; None when somebody does. Call inside opening_turn."""
    try:
        descriptor = os.open(folder / IN_USE, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise StoreError(f"the state folder cannot be used: {error}") from error
    try:
        fcntl.flock(descriptor, (fcntl.LOCK_EX if alone else fcntl.LOCK_SH) | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        return None
    own(folder / IN_USE, folder)
    return descriptor


def own(path: Path, folder: Path) -> None:
    """Give a file that root made to whom the folder belongs, as SQLite does with its logs."""
    if os.geteuid() == 0:
        owner = folder.stat()
        os.chown(path, owner.st_uid, owner.st_gid)


def open_file(path: Path, schema: Schema, busy_s: float) -> Connections:
    """The file's connections. Raises StoreError, the file left as it was. Call inside opening_turn."""
    try:
        if os.path.lexists(path):
            _recognise(path, schema, busy_s)
        else:
            _create(path, schema, busy_s)
        with closing(connect(path, schema, busy_s)) as database:
            migrate(database, schema)
            _keep_spare(database, path, schema)
        connections = Connections(path, schema, busy_s)
        _reserve(path, schema.log_reserve)
        return connections
    except sqlite3.Error as error:
        raise in_words(error, path) from error
    except OSError as error:
        raise StoreError(f"{path}: {error}") from error


def _keep_spare(database: Database, path: Path, schema: Schema) -> None:
    """See to it that the file has free pages: without them a checkpoint makes it longer, and fails on a full
    disk, and the log never begins again."""
    free = int(database.execute("PRAGMA freelist_count").fetchone()[0])
    if free >= schema.spare // schema.page_size // 2:
        return
    try:
        database.execute("BEGIN IMMEDIATE")
        database.execute("CREATE TABLE IF NOT EXISTS spare (bytes BLOB)")
        database.execute("INSERT INTO spare VALUES (zeroblob(?))", (schema.spare,))
        database.execute("COMMIT")
        # On its own: pages that one transaction takes and frees are never written.
        database.execute("DROP TABLE spare")
        database.execute("PRAGMA wal_checkpoint(PASSIVE)")
    except sqlite3.OperationalError as error:
        database.rollback()
        _log.warning("%s: no pages could be kept for the time when the disk is full: %s", path, error)


def _reserve(path: Path, size: int) -> None:
    """Take the log's room from the disk. Call while a connection is open, and before anybody writes.

    SQLite writes from the log's beginning again after a checkpoint and does not shorten it before the last
    connection closes; what lies behind its last frame it does not read, as after any checkpoint
    (sqlite.org/walformat.html: frames whose salt differs from the header's). A log that somebody has written
    to is left alone: where the file system cannot do it, glibc writes a zero wherever it has read one.
    """
    log = path.with_name(path.name + "-wal")
    if size == 0 or not log.exists() or log.stat().st_size > 0:
        return
    descriptor = os.open(log, os.O_RDWR | os.O_CLOEXEC)
    try:
        os.posix_fallocate(descriptor, 0, size)
    except OSError as error:
        _log.warning("%s: no room could be kept for the time when the disk is full: %s", log, error.strerror)
    finally:
        os.close(descriptor)


def _create(path: Path, schema: Schema, busy_s: float) -> None:
    """Made complete under another name, so that no crash leaves half a file under the real one."""
    log = path.with_name(path.name + "-wal")
    if log.exists() and log.stat().st_size:
        raise StoreError(f"{path} is missing, but its log {log.name} is there: restore it, or remove the log")
    fresh = path.with_name(path.name + ".new")
    for name in ("", *_BESIDE):
        fresh.with_name(fresh.name + name).unlink(missing_ok=True)
    os.close(os.open(fresh, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    with closing(connect(fresh, schema, busy_s)) as database:
        database.execute(f"PRAGMA page_size = {schema.page_size}")
        if schema.gives_back:
            database.execute("PRAGMA auto_vacuum = INCREMENTAL")
        database.execute(f"PRAGMA application_id = {schema.application_id}")
        database.execute("PRAGMA journal_mode = WAL")
        migrate(database, schema)
    fresh.replace(path)
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """What was renamed in the folder stays so after a power cut."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _recognise(path: Path, schema: Schema, busy_s: float) -> None:
    """Raises StoreError unless the file is whole and ours.

    It is read through SQLite, read-only, and not with open(): closing a plain descriptor would drop
    the locks of any other connection this process has to the file. A read-only connection writes
    nothing, also no checkpoint, but leaves an empty log beside: that is taken away again.
    """
    if not path.is_file():
        raise StoreError(f"{path} is not a regular file")
    there = {name for name in _BESIDE if path.with_name(path.name + name).exists()}
    try:
        with closing(connect(path, schema, busy_s, read_only=True)) as database:
            refuse_foreign(database, path, schema)
            _refuse_damaged(database, path, schema)
    except (StoreError, sqlite3.Error) as error:
        for name in set(_BESIDE) - there:
            path.with_name(path.name + name).unlink(missing_ok=True)
        reason: EdgeError = error if isinstance(error, StoreError) else in_words(error, path)
        kind = StoreDamaged if isinstance(reason, StoreDamaged) else StoreError
        raise kind(f"{reason}; the file was left as it is") from error


def refuse_foreign(database: Database, path: Path, schema: Schema) -> None:
    """Raises StoreError: the file is empty, of another program, or of a newer release."""
    if path.stat().st_size == 0:
        raise StoreDamaged(f"{path} is empty (0 bytes): it has been truncated")
    mark = int(database.execute("PRAGMA application_id").fetchone()[0])
    if mark != schema.application_id:
        raise StoreDamaged(f"{path} is a database of another program (application_id {mark:#x})")
    version, newest = version_of(database), len(schema.migrations)
    if version > newest:
        raise StoreError(
            f"{path} was written by a newer release: schema version {version}, this one knows {newest}"
        )


def _refuse_damaged(database: Database, path: Path, schema: Schema) -> None:
    """A file shorter than its header says is truncated; the tables must hold together.

    While a log is beside the file (the last process was killed), missing pages may be in the log:
    then everything is read. Else the bulk (schema.unchecked) is not, which would take as long as
    reading the whole SD card's share of it at each start.
    """
    size = path.stat().st_size
    expected = 1
    for pragma in ("page_count", "page_size"):
        expected *= int(database.execute(f"PRAGMA {pragma}").fetchone()[0])
    log = path.with_name(path.name + "-wal")
    short = size < expected
    if short and not (log.exists() and log.stat().st_size):
        raise StoreDamaged(f"{path} is truncated: {size} bytes of {expected}")
    names = set(database.table_names()) - schema.unchecked
    checks = ["quick_check(1)"] if short else [f"quick_check('{name}')" for name in sorted(names)]
    for check in checks:
        found = str(database.execute(f"PRAGMA {check}").fetchone()[0])
        if found != "ok":
            raise StoreDamaged(f"{path} is damaged: {' '.join(found.split())}")
