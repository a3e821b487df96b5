"""What a process that was killed left in the state folder, and what a restore or an update put aside."""

from __future__ import annotations

import os
import shutil
import time
from pathlib import Path

from edge.backup.writing import SCRATCH
from edge.store.copies import FOLDER
from edge.store.opening import hold, opening_turn, own
from edge.store.swapping import FORMER, PREPARED, discard

UNPACKED = "unpacked."
"""What the folder of a pack is called while its people are brought in."""

_STALE_S = 3600.0
_FORMER_NIGHTS = 30
_OTHER_RELEASE_S = 30 * 86_400.0
_TALLY = "nights"


def tidy(state: Path) -> None:
    """Take away what is nobody's any more. It may hold faces, and not sealed."""
    for folder in (state, state / FOLDER):
        for path in folder.glob(f"{SCRATCH}*"):
            if time.time() - path.stat().st_mtime > _STALE_S:
                path.unlink(missing_ok=True)
    for folder in state.glob(f"{UNPACKED}*/"):
        if time.time() - folder.stat().st_mtime > _STALE_S and not _in_use(folder):
            shutil.rmtree(folder, ignore_errors=True)
    for path in state.glob("*.sqlite.of-*"):  # an update that was taken back, by an earlier release
        if time.time() - path.stat().st_ctime > _OTHER_RELEASE_S:
            path.unlink(missing_ok=True)
    if (state / PREPARED).exists():
        with opening_turn(state):  # which a restore has while it prepares
            discard(state)


def drop_former(state: Path, today: str) -> None:
    """What was put aside goes after thirty nights, and not by its name: the clock may have been wrong then,
    or be so now. today: the GMT day, as 2026-11-25."""
    for folder in (state / FORMER).glob("*/"):
        try:
            if _nights(folder, today) > _FORMER_NIGHTS:
                shutil.rmtree(folder, ignore_errors=True)
        except OSError:  # no space for the tally: it stays
            continue


def _nights(folder: Path, today: str) -> int:
    """How many different days a nightly run has met the folder on, today included."""
    tally = folder / _TALLY
    nights = set(tally.read_text().split()) if tally.exists() else set()
    if today not in nights:
        with tally.open("a") as file:
            file.write(f"{today}\n")
        own(tally, folder)
    return len(nights | {today})


def _in_use(folder: Path) -> bool:
    """Whether somebody has the store in the folder open."""
    with opening_turn(folder):
        holding = hold(folder, alone=True)
    if holding is not None:
        os.close(holding)
    return holding is None
