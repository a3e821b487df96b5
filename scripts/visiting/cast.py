"""Who is shown: people of LFW and CFP, drawn by chance and never by how well they are recognised.

LFW's identity is the central face of a photograph. Left out: people with a photograph that pairs.csv or the
data set's errata call mislabelled, and people whose name is in both sets.
"""

from __future__ import annotations

import csv
import difflib
import random
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

KNOWN_OF_LFW, KNOWN_OF_CFP = 12, 8
STRANGERS_OF_LFW, STRANGERS_OF_CFP = 72, 28
PASSERS = 12
"""Strangers who only pass by, far away or blurred."""

ENROLLED_WITH = 3
"""Photographs of each known person; those are never shown."""

LEAST_SHOWN = 2

_ALIKE = 0.88
"""Share of letters from which two names may be one, spelt differently."""

FOLDS = {"tune": ({"0", "1"}, {"0"}), "check": ({"2"}, {"1"})}
"""Folds of LFW's View 2 and of CFP's protocol: people to choose thresholds by, and others to check with. CFP
has no third fold here; its second one has been used to calibrate the embedder's scores."""

ERRATA = frozenset(
    {
        "Abdullah_Gul",
        "Anja_Paerson",
        "Bart_Hendricks",
        "Carlos_Beltran",
        "Emmy_Rossum",
        "Eva_Amurri",
        "Flor_Montulo",
        "Janica_Kostelic",
        "Jim_OBrien",
        "Martha_Bowen",
        "Michael_Schumacher",
        "Nora_Bendijo",
        "Raul_Ibanez",
        "Recep_Tayyip_Erdogan",
        "Ricky_Ray",
        "Rubens_Barrichello",
        "Suzanne_Torrance",
    }
)
"""People whom the errata of LFW's page name, on either side of a wrong label."""


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who is shown. enrol: photographs to be known by, none for a stranger; shown: the others."""

    identity: str
    source: str
    shown: tuple[Path, ...]
    enrol: tuple[Path, ...] = ()


@dataclass(frozen=True, slots=True)
class Cast:
    """Everybody."""

    known: tuple[Person, ...]
    strangers: tuple[Person, ...]
    passers: tuple[Person, ...]
    poster: Person


def choose(data: Path, folds: str, rng: random.Random) -> Cast:
    """Draw the people. data: the folder with lfw/ and cfp/; folds: a key of FOLDS."""
    lfw, cfp = _lfw(data / "lfw", FOLDS[folds][0]), _cfp(data / "cfp", FOLDS[folds][1])
    doubles = {name for name in cfp if any(_same(name, other) for other in _names(data / "lfw"))}
    cfp = {name: paths for name, paths in cfp.items() if name not in doubles}
    known = [
        _known(name, source, people.pop(name), rng)
        for source, people, count in (("lfw", lfw, KNOWN_OF_LFW), ("cfp", cfp, KNOWN_OF_CFP))
        for name in rng.sample(_rich(people), count)
    ]
    rng.shuffle(known)
    others = [("lfw", name, lfw[name]) for name in rng.sample(sorted(lfw), STRANGERS_OF_LFW + PASSERS + 1)]
    strangers = others[:STRANGERS_OF_LFW] + [
        ("cfp", name, cfp[name]) for name in rng.sample(sorted(cfp), STRANGERS_OF_CFP)
    ]
    rng.shuffle(strangers)
    rest = others[STRANGERS_OF_LFW:]
    return Cast(
        tuple(known),
        tuple(_stranger(f"stranger-{number}", *one, rng) for number, one in enumerate(strangers, 1)),
        tuple(_stranger(f"passer-{number}", *one, rng) for number, one in enumerate(rest[1:], 1)),
        _stranger("poster", *rest[0], rng),
    )


def _rich(people: dict[str, list[Path]]) -> list[str]:
    """Those with enough photographs to be enrolled with some and shown by others."""
    return sorted(name for name, paths in people.items() if len(paths) >= ENROLLED_WITH + LEAST_SHOWN)


def _known(name: str, source: str, paths: list[Path], rng: random.Random) -> Person:
    drawn = rng.sample(paths, len(paths))
    return Person(name, source, tuple(drawn[ENROLLED_WITH:]), tuple(drawn[:ENROLLED_WITH]))


def _stranger(identity: str, source: str, name: str, paths: list[Path], rng: random.Random) -> Person:
    return Person(identity, source, tuple(rng.sample(paths, len(paths))))


def _lfw(folder: Path, folds: set[str]) -> dict[str, list[Path]]:
    """The photographs of everybody who is in those folds and in no erratum."""
    wrong, chosen = set(ERRATA), set()
    with (folder / "pairs.csv").open(newline="") as stream:
        for row in csv.DictReader(stream):
            names = {Path(row[side]).parent.name for side in "ab"}
            chosen |= names if row["fold"] in folds else set()
            wrong |= names if row["label_error"] != "0" else set()
    return {name: sorted((folder / "images" / name).glob("*.jpg")) for name in sorted(chosen - wrong)}


def _cfp(folder: Path, folds: set[str]) -> dict[str, list[Path]]:
    """The frontal photographs of everybody in those folds of the protocol."""
    with (folder / "pairs.csv").open(newline="") as stream:
        chosen = {
            Path(row[side]).parts[2]
            for row in csv.DictReader(stream)
            for side in "ab"
            if row["fold"] in folds
        }
    people: dict[str, list[Path]] = defaultdict(list)
    with (folder / "index.csv").open(newline="") as stream:
        for row in csv.DictReader(stream):
            if row["identity"] in chosen and row["view"] == "frontal":
                people[row["name"].replace(" ", "_")].append(folder / row["filename"])
    return dict(people)


def _names(lfw: Path) -> list[str]:
    return [path.name for path in (lfw / "images").iterdir()]


def _same(one: str, other: str) -> bool:
    """Whether two names may mean one person: "Catherine_Zeta" and "Catherine_Zeta-Jones" may, and
    "Alex_Fergusson" and "Alex_Ferguson"."""
    short, long = sorted((one.lower().replace("-", "_"), other.lower().replace("-", "_")), key=len)
    return long.startswith(f"{short}_") or difflib.SequenceMatcher(None, short, long).ratio() >= _ALIKE
