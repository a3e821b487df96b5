"""Putting restored files into their places, whatever happens meanwhile.

Everything is prepared in restore.new and checked. Renaming that folder to restore.ready decides: from then
on whoever opens the store first finishes what a crash or a power cut interrupted. What stood in the places
goes to a folder below before-restore. Each step can be repeated: a name that is no longer in restore.ready
is done.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from edge.store.opening import own, sync_folder

PREPARED = "restore.new"
_READY = "restore.ready"
FORMER = "before-restore"
_FORMER_NEW = "before-restore.new"
_LOGS = ("-wal", "-shm", "-journal")


def prepare(state: Path) -> Path:
    """An empty folder for what is to come."""
    folder = state / PREPARED
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(mode=0o700)
    return folder


def discard(state: Path) -> None:
    """Nothing comes of it; the state is as it was."""
    shutil.rmtree(state / PREPARED, ignore_errors=True)


def decide(state: Path, former: str) -> None:
    """Put what was prepared into its places. former: the name of the folder that keeps what stood there."""
    folder = state / PREPARED
    for inner in (folder / _FORMER_NEW, folder / _FORMER_NEW / former):
        inner.mkdir(mode=0o700)
    _settle(folder, state)
    folder.rename(state / _READY)
    sync_folder(state)
    finish(state)


def finish(state: Path) -> None:
    """Complete a restore that was decided, if there is one. Call inside opening_turn."""
    ready = state / _READY
    if not ready.is_dir():
        return
    aside = ready / _FORMER_NEW
    for former in list(aside.iterdir()) if aside.is_dir() else ():
        names = sorted(path.name for path in ready.iterdir() if path != aside)
        for name in (name + log for name in names for log in ("", *_LOGS)):
            if os.path.lexists(state / name):
                (state / name).rename(former / name)
        sync_folder(former)
        for name in names:
            (ready / name).rename(state / name)
        sync_folder(state)
        (state / FORMER).mkdir(mode=0o700, exist_ok=True)
        own(state / FORMER, state)
        former.rename(state / FORMER / former.name)
        sync_folder(state / FORMER)
    if aside.is_dir():
        aside.rmdir()
    ready.rmdir()
    sync_folder(state)


def _settle(path: Path, state: Path) -> None:
    """On disk, and of whom the state is."""
    own(path, state)
    if path.is_dir():
        for inner in path.iterdir():
            _settle(inner, state)
        sync_folder(path)
    else:
        with path.open("rb") as file:
            os.fsync(file.fileno())
