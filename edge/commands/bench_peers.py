"""`api-face bench --peers`: other programs on the same photographs in the same run, beside this one.

Each peer is a process of its own with one thread; those that need libraries of their own have a virtual
environment under --work, never the one that this runs in. The programs are scripts/peers of a clone.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from edge.commands.peers.album import Album, open_album
from edge.commands.peers.child import Child
from edge.commands.peers.environment import environment
from edge.commands.peers.roster import OURS, Peer, roster
from edge.commands.peers.rounds import Result, go_round
from edge.commands.peers.table import COST_HEADS, LIMIT_HEADS, Report
from edge.commands.place import Place
from edge.commands.progress import show_progress
from edge.commands.table import print_table
from edge.errors import EdgeError, SettingsError

CLONE = Path(__file__).resolve().parent.parent.parent

_LEAST_PHOTOGRAPHS = 8
_MOST_PHOTOGRAPHS = 100_000


def add_peers(parser: argparse.ArgumentParser) -> None:
    """--peers DIR and what belongs to it."""
    group = parser.add_argument_group("with other programs beside it, in a clone of the repository")
    group.add_argument(
        "--peers",
        metavar="DIR",
        type=Path,
        help="labelled photographs: a subfolder for each person, or a folder with pairs.csv "
        "(columns fold, same, a, b), or such a file",
    )
    group.add_argument(
        "--photographs", metavar="N", type=int, default=600, help="at most so many (default: 600)"
    )
    group.add_argument(
        "--work", metavar="DIR", type=Path, help="the peers' environments (default: build/peers of the clone)"
    )
    group.add_argument(
        "--yunet", metavar="FILE", type=Path, help="a YuNet model for OpenCV, which ships none"
    )
    group.add_argument(
        "--dlib-python",
        metavar="FILE",
        type=Path,
        help="a Python that has face_recognition, perhaps over a dlib compiled here: takes part, too",
    )


def run_peers(args: argparse.Namespace, place: Place) -> int:
    """Two tables, and who took part. Raises SettingsError; EdgeError when we ourselves cannot run."""
    scripts = CLONE / "scripts"
    if not (scripts / "peers").is_dir():
        raise EdgeError(
            "bench --peers needs a clone of the repository: there is no scripts/peers beside edge/"
        )
    if not _LEAST_PHOTOGRAPHS <= args.photographs <= _MOST_PHOTOGRAPHS:
        raise SettingsError(
            f"--photographs is from {_LEAST_PHOTOGRAPHS} to {_MOST_PHOTOGRAPHS}, not {args.photographs}"
        )
    album = open_album(args.peers, args.photographs)
    work: Path = (args.work or CLONE / "build" / "peers").absolute()
    work.mkdir(parents=True, exist_ok=True)
    settings = () if place.settings_file is None else ("--settings", str(place.settings_file.absolute()))
    peers = roster(("--state", str(place.state), *settings), work / "archives", args.yunet, args.dlib_python)
    _print(album, _results(peers, album, scripts, work))
    return 0


def _results(peers: tuple[Peer, ...], album: Album, scripts: Path, work: Path) -> dict[str, Result]:
    """In the order of the peers. Raises EdgeError when our own is not whole."""
    starts = {
        peer.name: lambda peer=peer: _start(peer, scripts, work) for peer in peers if peer.missing is None
    }
    ran = go_round(starts, album.paths, show_progress)
    if ran[OURS].lost is not None:
        raise EdgeError(f"our own program did not run: {ran[OURS].lost}")
    return {peer.name: ran.get(peer.name) or Result(lost=peer.missing) for peer in peers}


def _start(peer: Peer, scripts: Path, work: Path) -> Child:
    python = peer.python or Path(sys.executable)
    if peer.requirements is not None:
        requirements = scripts / "peers" / "requirements" / f"{peer.requirements}.txt"
        python = environment(requirements, work / peer.requirements)
    log = work / f"{peer.name.strip().replace(' ', '-')}.log"
    command = [str(python), "-P", "-m", f"peers.{peer.program}", *peer.arguments]
    return Child(command, (CLONE, scripts), log)


def _print(album: Album, results: dict[str, Result]) -> None:
    report = Report(album, results)
    same = sum(pair.same for pair in album.pairs)
    print(
        f"{len(album.paths)} photographs of {len(set(album.people))} people; {len(album.pairs)} pairs, "
        f"{same} of them of the same person; one thread each"
    )
    print()
    print_table(COST_HEADS, report.costs())
    print()
    print_table(LIMIT_HEADS, report.limits())
    print()
    for line in report.notes():
        print(line)
