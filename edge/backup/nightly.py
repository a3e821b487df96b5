"""Copies on the device itself: one a day, some of them kept for weeks, none of them without bound."""

from __future__ import annotations

import shutil
import time
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

from edge.backup.forgetting import forget_in_each
from edge.backup.making import copy_whole
from edge.backup.writing import SCRATCH, copies_turn, scratch
from edge.disk import free_mib
from edge.errors import BackupError
from edge.store.copies import FOLDER, Copy, digest_of, name_of, nightly_copies
from edge.store.copying import Census, check_copy, sync
from edge.store.opening import sync_folder
from edge.store.swapping import FORMER

_MIB = 1 << 20
_STALE_S = 3600.0
_FORMER_DAYS = 30


@dataclass(frozen=True, slots=True)
class Keep:
    """days: daily copies (count). weeks: further ones, the newest of a week each (count). mib: what all may
    take (MiB). floor_mib: what must stay free on the disk (MiB)."""

    days: int
    weeks: int
    mib: int
    floor_mib: int


@dataclass(frozen=True, slots=True)
class Night:
    """What a run did. kept: the copies that are there now, the newest first. dropped: how many went.
    forgotten: earlier copies that somebody was taken out of, who was erased since (count)."""

    copy: Copy
    census: Census
    kept: list[Copy]
    dropped: int
    forgotten: int


def copy_nightly(state: Path, settings: Path | None, keep: Keep, now: float) -> Night:
    """Today's copy in the state folder, in place of an earlier one of today, and the rotation.

    now: seconds since 1970 GMT. Raises BackupError, StoreError: the earlier copies are still there then.
    """
    with copies_turn(state) as folder:
        _tidy(state)
        forgotten = forget_in_each(state)
        today = datetime.fromtimestamp(now, UTC).date()
        dropped = _make_room(state, keep)
        with scratch(state) as path:
            try:
                copy_whole(state, settings, path, faces=True)
                census = check_copy(path)
                sync(path)
                copy = Copy(folder / name_of(str(today), digest := digest_of(path)), str(today), digest)
                path.replace(copy.path)
                sync_folder(folder)
            except OSError as error:
                raise BackupError(f"no copy was made: {error.strerror} ({error.filename})") from error
        dropped += _rotate(state, copy, keep)
        _drop_former(state, today)
    return Night(copy, census, nightly_copies(state), dropped, forgotten)


def chosen(copies: list[Copy], keep: Keep) -> list[Copy]:
    """Those that stay, the newest first: of each day the newest, `days` of them, then of each further week
    the newest, `weeks` of them."""
    days: dict[str, Copy] = {}
    for copy in copies:
        days.setdefault(copy.date, copy)
    daily, rest = list(days.values())[: keep.days], list(days.values())[keep.days :]
    taken = {_week(copy) for copy in daily}
    weeks: dict[tuple[int, int], Copy] = {}
    for copy in rest:
        if _week(copy) not in taken:
            weeks.setdefault(_week(copy), copy)
    return daily + list(weeks.values())[: keep.weeks]


def _week(copy: Copy) -> tuple[int, int]:
    return date.fromisoformat(copy.date).isocalendar()[:2]


def _rotate(state: Path, fresh: Copy, keep: Keep) -> int:
    """The chosen stay while they fit into the size; the fresh one in any case. How many went."""
    others = [copy for copy in nightly_copies(state) if copy.path != fresh.path and copy.date != fresh.date]
    stay, size = {fresh.path}, fresh.path.stat().st_size
    for copy in chosen(sorted([fresh, *others], key=lambda one: one.date, reverse=True), keep):
        if copy.path not in stay:
            size += copy.path.stat().st_size
            if size > keep.mib * _MIB:
                break
            stay.add(copy.path)
    gone = [copy for copy in nightly_copies(state) if copy.path not in stay]
    for copy in gone:
        copy.path.unlink()
    return len(gone)


def _make_room(state: Path, keep: Keep) -> int:
    """Drop the eldest copies until another fits above the floor; the newest stays. How many went."""
    try:
        needed = (state / "people.sqlite").stat().st_size / _MIB + keep.floor_mib
        dropped = 0
        copies = nightly_copies(state)
        while free_mib(state) < needed and len(copies) > 1:
            copies.pop().path.unlink()
            dropped += 1
        if free_mib(state) < needed:
            raise BackupError(
                f"no copy was made: {free_mib(state):.0f} MiB are free, and a copy needs "
                f"{needed:.0f} ({keep.floor_mib} of them stay free: disk_floor_mib)"
            )
    except OSError as error:
        raise BackupError(f"no copy was made: {error.strerror} ({error.filename})") from error
    return dropped


def _tidy(state: Path) -> None:
    """What a copy that was killed left."""
    for folder in (state, state / FOLDER):
        for path in folder.glob(f"{SCRATCH}*"):
            if time.time() - path.stat().st_mtime > _STALE_S:
                path.unlink(missing_ok=True)


def _drop_former(state: Path, today: date) -> None:
    """What a restore put aside goes after a month."""
    for folder in (state / FORMER).glob("????-??-??T*"):
        try:
            age = (today - date.fromisoformat(folder.name[:10])).days
        except ValueError:
            continue
        if age > _FORMER_DAYS:
            shutil.rmtree(folder, ignore_errors=True)
