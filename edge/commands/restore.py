"""`api-face restore`: a backup, or a copy of a night, back into the state folder."""

from __future__ import annotations

import argparse
import re
from pathlib import Path

from edge.backup.passphrase import read_passphrase
from edge.backup.restoring import Restore
from edge.clock import SystemClock
from edge.commands.backup import told
from edge.commands.place import Place
from edge.errors import BackupError, SettingsError
from edge.store.copies import Copy, day_of, last_good, nightly_copies

_LATEST = "latest"


def arguments(parser: argparse.ArgumentParser) -> None:
    """FILE, --nightly DATE, or --list."""
    parser.description = (
        "Put a backup back. What is there now is kept in the state folder, below before-restore. The service "
        "must be stopped; nothing is changed before the backup has been found whole."
    )
    parser.add_argument("file", metavar="FILE", type=Path, nargs="?", help="of `api-face backup`")
    parser.add_argument("--passphrase-file", metavar="FILE", type=Path, help="as with backup")
    parser.add_argument(
        "--nightly",
        metavar="DATE",
        type=_date,
        help=f'instead of FILE: the copy of that night, as 2026-11-25, or "{_LATEST}", the newest whole one',
    )
    parser.add_argument("--list", action="store_true", help="the copies of nights that there are")
    parser.add_argument("--without-settings", action="store_true", help="leave the settings as they are")


def run(args: argparse.Namespace, place: Place) -> int:
    """One of the three."""
    if sum((args.file is not None, args.nightly is not None, args.list)) != 1:
        raise SettingsError("restore takes a FILE, --nightly DATE, or --list")
    if args.list:
        _list(place.state)
        return 0
    usual = place.settings_file or place.state / "settings.toml"
    restore = Restore(place.state, None if args.without_settings else usual, SystemClock())
    if args.nightly is not None:
        restored = restore.from_nightly(_copy(place.state, args.nightly))
    else:
        restored = restore.from_file(args.file, read_passphrase(args.passphrase_file))
    print(f"restored: {told(restored.census)}; {restored.settings}")
    if restored.erased:
        print(f"{restored.erased} people in it were erased here since, and are again")
    if restored.revoked:
        print(f"{restored.revoked} tokens in it were revoked here since, and are again")
    if restored.missing:
        print(f"{restored.missing} people who were here are not in it")
    print(f"what was there before is in {restored.former}")
    return 1 if restored.settings_failed else 0


def _list(state: Path) -> None:
    for copy in nightly_copies(state):
        size = copy.path.stat().st_size / (1 << 20)
        print(f"{copy.date}  {size:8.1f} MiB  {'whole' if copy.whole() else 'DAMAGED'}")


def _copy(state: Path, date: str) -> Copy:
    if date == _LATEST:
        found = last_good(state, day_of(SystemClock().now()))
    else:
        found = next((copy for copy in nightly_copies(state) if copy.date == date), None)
    if found is None:
        dates = ", ".join(copy.date for copy in nightly_copies(state)) or "none"
        raise BackupError(f"there is no whole copy of {date}; there are: {dates}")
    return found


def _date(text: str) -> str:
    if text != _LATEST and not re.fullmatch(r"\d{4}-\d\d-\d\d", text, re.ASCII):
        raise argparse.ArgumentTypeError(f'"{text}" is no date as 2026-11-25, nor "{_LATEST}"')
    return text
