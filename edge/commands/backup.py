"""`api-face backup`: a file to take away, or tonight's copy on the device."""

from __future__ import annotations

import argparse
from pathlib import Path

from edge.backup.making import make_backup
from edge.backup.nightly import Keep, copy_nightly
from edge.backup.passphrase import LEAST, read_passphrase
from edge.clock import SystemClock
from edge.commands.place import Place
from edge.errors import SettingsError
from edge.store.copying import Census


def arguments(parser: argparse.ArgumentParser) -> None:
    """FILE --passphrase-file FILE, or --nightly."""
    parser.description = (
        "Write people, tokens, settings, identity and CA into FILE, sealed with a passphrase; without one, "
        "neither people nor the CA's key. The service may go on meanwhile."
    )
    parser.add_argument("file", metavar="FILE", type=Path, nargs="?", help="replaced when it is a backup")
    parser.add_argument(
        "--passphrase-file",
        metavar="FILE",
        type=Path,
        help=f'its first line is the passphrase, at least {LEAST} characters; "-": typed, or standard input',
    )
    parser.add_argument(
        "--nightly", action="store_true", help="instead of FILE: today's copy on the device, and the rotation"
    )


def run(args: argparse.Namespace, place: Place) -> int:
    """One of the two."""
    if args.nightly == (args.file is not None) or (args.nightly and args.passphrase_file is not None):
        raise SettingsError("backup takes a FILE, or --nightly alone")
    if args.nightly:
        return _nightly(place)
    passphrase = read_passphrase(args.passphrase_file, new=True)
    now = SystemClock().now()
    census = make_backup(place.state, place.settings_path(), args.file, passphrase, now)
    if passphrase is None:
        print(f"{args.file}: {census.tokens} tokens, settings and identity")
        print("NO people and no CA key are in it: they are written with --passphrase-file alone")
    else:
        print(f"{args.file}: {told(census)}, settings, identity and CA, sealed")
    return 0


def told(census: Census) -> str:
    """What is in a copy, in words."""
    return f"{census.people} people with {census.references} references, {census.tokens} tokens"


def _nightly(place: Place) -> int:
    settings = place.settings()
    keep = Keep(settings.backup_days, settings.backup_weeks, settings.backups_mib, settings.disk_floor_mib)
    night = copy_nightly(place.state, place.settings_path(), keep, SystemClock().now())
    print(f"{night.copy.path}: {told(night.census)}")
    size = sum(copy.path.stat().st_size for copy in night.kept) / (1 << 20)
    print(f"{len(night.kept)} copies, {size:.1f} MiB; {night.dropped} were dropped")
    return 0
