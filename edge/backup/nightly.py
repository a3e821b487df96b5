"""Copies on the device itself: one a day, some of them kept for weeks, none of them without bound."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path

from edge.backup.forgetting import forget_in_each
from edge.backup.leavings import drop_former, tidy
from edge.backup.making import copy_whole
from edge.backup.writing import copies_turn, scratch
from edge.disk import free_mib
from edge.errors import BackupError
from edge.store.connection import StoreDamaged
from edge.store.copies import Copy, day_of, digest_of, name_of, newest_first, nightly_copies
from edge.store.copying import Census, check_copy, sound, sync
from edge.store.opening import sync_folder
from edge.store.schema import PEOPLE

_MIB = 1 << 20


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
        tidy(state)
        forgotten = forget_in_each(state)
        today = day_of(now)
        dropped = _make_room(state, keep, today)
        with scratch(state) as path:
            try:
                copy_whole(state, settings, path, faces=True)
                census = check_copy(path)
                sync(path)
                copy = Copy(folder / name_of(today, digest := digest_of(path)), today, digest)
                path.replace(copy.path)
                sync_folder(folder)
            except OSError as error:
                raise BackupError(f"no copy was made: {error.strerror} ({error.filename})") from error
        dropped += _rotate(state, copy, keep)
        drop_former(state, today)
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
    for copy in chosen(newest_first([fresh, *others], fresh.date), keep):
        if copy.path not in stay:
            size += copy.path.stat().st_size
            if size > keep.mib * _MIB:
                break
            stay.add(copy.path)
    gone = [copy for copy in nightly_copies(state) if copy.path not in stay]
    for copy in gone:
        copy.path.unlink()
    return len(gone)


def _make_room(state: Path, keep: Keep, today: str) -> int:
    """Drop the eldest copies until another fits above the floor; how many went.

    The newest that is whole stays. None goes when that would not be enough, nor when the store is damaged and
    they are all there is.
    """
    people = state / "people.sqlite"
    try:
        needed, free = people.stat().st_size / _MIB + keep.floor_mib, free_mib(state)
        if free >= needed:
            return 0
        if not sound(people, PEOPLE):
            raise StoreDamaged(f"no copy was made: {people} is damaged")
        copies = newest_first(nightly_copies(state), today)
        stays = next((copy for copy in copies if copy.whole()), None)
        spare = [copy.path for copy in reversed(copies) if copy != stays]
        dropped = 0
        if free + sum(path.stat().st_size for path in spare) / _MIB >= needed:
            while free < needed and spare:
                spare.pop(0).unlink()
                dropped, free = dropped + 1, free_mib(state)
    except OSError as error:
        raise BackupError(f"no copy was made: {error.strerror} ({error.filename})") from error
    if free < needed:
        raise BackupError(
            f"no copy was made: {free:.0f} MiB are free, and a copy needs {needed:.0f} "
            f"({keep.floor_mib} of them stay free: disk_floor_mib)"
        )
    return dropped
