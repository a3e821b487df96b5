"""`api-face people export` and `import`: people carried from one device to another."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

from edge.announce import UNKNOWN
from edge.backup.arriving import Arrival, How, Same, arrivals, take_in
from edge.backup.pack import export_people, unpacked
from edge.backup.passphrase import read_passphrase
from edge.clock import SystemClock
from edge.commands.table import date
from edge.errors import SettingsError
from edge.store import Store

Action = Callable[[Store, argparse.Namespace], None]


def export_arguments(parser: argparse.ArgumentParser) -> None:
    """FILE [ID...] --passphrase-file FILE"""
    parser.add_argument("file", metavar="FILE", type=Path, help="replaced when it is a backup or a pack")
    parser.add_argument("id", metavar="ID", nargs="*", help="a personId (default: everybody)")
    _passphrase(parser)


def import_arguments(parser: argparse.ArgumentParser) -> None:
    """FILE --passphrase-file FILE --preview, and what to do with whom"""
    parser.add_argument("file", metavar="FILE", type=Path, help="of `api-face people export`")
    _passphrase(parser)
    parser.add_argument("--preview", action="store_true", help="only say who is new, and who is here already")
    same = parser.add_mutually_exclusive_group()
    for choice, words in (
        (
            Same.MERGE,
            "make those one whose face is known here beyond doubt; both ids go on working",
        ),
        (Same.SKIP, "leave them out"),
        (Same.KEEP, "let them be two people"),
    ):
        flag = "--keep-both" if choice is Same.KEEP else f"--{choice}-same"
        same.add_argument(flag, dest="same", action="store_const", const=choice, default=Same.ASK, help=words)
    parser.add_argument("--also-erased", action="store_true", help="also those who were erased here since")


def export(store: Store, args: argparse.Namespace) -> None:
    """Write the pack."""
    passphrase = _read(args, new=True)
    census = export_people(store, args.state, args.id, args.file, passphrase, SystemClock().now())
    print(f"{args.file}: {census.people} people with {census.references} references, sealed")


def import_(store: Store, args: argparse.Namespace) -> None:
    """Show, or bring them in: all of them or, when something fails, nobody."""
    with unpacked(args.state, args.file, _read(args)) as pack:
        if args.preview:
            for arrival in arrivals(pack, store, args.rate):
                _show(arrival)
            return
        with store.writing():
            found = arrivals(pack, store, args.rate)
            taken = take_in(store, pack, found, args.same, args.max_references, erased=args.also_erased)
    for arrival in found:
        for words in arrival.conflicts:
            print(f"{arrival.person.id}  {words}")
    print(f"{taken.new} new people, {taken.merged} who were here, {taken.skipped} left out", end="; ")
    print(f"{taken.looks} references")
    pending = store.coverage(store.model()).pending
    if pending:
        print(f"{pending} references wait for {store.model()}: `api-face embedder switch` embeds them")


def _show(arrival: Arrival) -> None:
    person, here = arrival.person, arrival.here
    called = (here.name or here.id) if here is not None else ""
    looks = f"{arrival.new_looks} of {arrival.looks} references are new"
    words = {
        How.NEW: f"new, {arrival.looks} references",
        How.BY_ID: f"here already, as {called}; {looks}",
        How.BY_FACE: f"is {called} here, {arrival.similarity or 0:.0f} %; {looks}",
        How.DOUBTFUL: f"is perhaps {called} here; --merge-same leaves them out",
        How.LIKE_TWO: f"is like two people here, {called} among them, {arrival.similarity or 0:.0f} %",
        How.ERASED: f"was erased here {date(arrival.erased_at or 0)}, and is left out without --also-erased",
    }[arrival.how]
    print(f"{person.id}  {person.name or UNKNOWN}: {words}")
    for conflict in arrival.conflicts:
        print(f"    {conflict}")


def _passphrase(parser: Any) -> None:
    parser.add_argument("--passphrase-file", metavar="FILE", type=Path, help="as with `api-face backup`")


def _read(args: argparse.Namespace, *, new: bool = False) -> bytes:
    passphrase = read_passphrase(args.passphrase_file, new=new)
    if passphrase is None:
        raise SettingsError(
            "a pack of people is sealed: --passphrase-file names the file with its passphrase"
        )
    return passphrase
