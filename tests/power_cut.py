"""People are trained and requests counted; the power goes at any moment; the store is opened again.

`watched` records a process that trains, counts, renames, revokes and erases, and says each time what it has
been told is done. `cut` rebuilds what a power cut may leave at some of the calls, opens it, and asks for
what had been said by then.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import sqlite3
import sys
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from edge.access import DEFAULT_SCOPES
from edge.errors import EdgeError
from edge.store import Store, open_store, schema
from edge.store.usage import SURE_EVERY
from tests.disk_record import Call, Disk, drawn, record
from tests.store_help import TODAY, SetClock, reference

ROOT = Path(__file__).resolve().parent.parent
QUOTA = 100_000
CROP_BYTES = 12_000


@dataclass
class Promised:
    """What had been said to be done. crops: hashes by person. counted: requests. What is under way (naming,
    erasing) may be done or not."""

    crops: dict[str, str] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)
    erased: set[str] = field(default_factory=set)
    tokens: set[str] = field(default_factory=set)
    revoked: set[str] = field(default_factory=set)
    counted: int = 0

    def hear(self, said: bytes) -> None:
        """A line of the child."""
        for line in said.decode().splitlines():
            what, *words = line.split()
            if what == "trained":
                self.crops[words[0]] = words[1]
            elif what == "named":
                self.names[words[0]] = words[1]
            elif what == "naming":
                self.names.pop(words[0], None)
            elif what == "erasing":
                self.crops.pop(words[0], None)
                self.names.pop(words[0], None)
            elif what == "erased":
                self.erased.add(words[0])
            elif what == "counted":
                self.counted += 1
            else:
                {"token": self.tokens, "revoked": self.revoked}[what].add(words[0])


@dataclass(frozen=True, slots=True)
class Loss:
    """A cut that broke a promise: before which call, the seed that chose what was left, and what is wrong."""

    call: int
    seed: int
    words: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """cuts: how many were tried. losses: which broke a promise. most_taken_back: counted requests that were
    counted no longer, at worst. trained: people promised at the last cut."""

    cuts: int
    losses: list[Loss]
    most_taken_back: int
    trained: int


def watched(steps: int, seed: int, synchronous: str = "FULL") -> list[Call]:
    """The calls of a process that does so many steps. synchronous: SQLite's, for the people's file."""
    with _memory() as folder:
        state = folder / "state"
        state.mkdir()
        command = [sys.executable, "-m", "tests.power_cut", str(state), str(steps), str(seed), synchronous]
        environment = {"PYTHONPATH": str(ROOT), "SQLITE_TMPDIR": str(state), "PYTHONDONTWRITEBYTECODE": "1"}
        return record(command, state, environment)


def cut(calls: list[Call], places: Iterable[int], seed: int) -> Outcome:
    """Cut the power before each of these calls, and see what is left."""
    wanted, disk, promised = sorted(set(places)), Disk(), Promised()
    losses: list[Loss] = []
    worst, tried = 0, 0
    done = iter(enumerate(calls))
    for place in wanted:
        for number, call in done:
            if call.kind == "said":
                promised.hear(call.data)
            else:
                disk.play(call)
            if number + 1 >= place:
                break
        with _memory() as folder:
            disk.cut(drawn(seed + place), folder)
            taken_back, words = examined(folder, promised)
        worst, tried = max(worst, taken_back), tried + 1
        losses += [Loss(place, seed + place, word) for word in words]
    return Outcome(tried, losses, worst, len(promised.crops))


def places(calls: list[Call], count: int, seed: int) -> list[int]:
    """So many: one half anywhere, the other while a log is taken into its file, and while names change."""
    chance = drawn(seed)
    delicate = [
        place
        for place, call in enumerate(calls)
        if call.kind in ("create", "rename", "remove", "truncate")
        or (call.kind in ("write", "sync") and not call.path.endswith("-wal"))
    ]
    some = chance.sample(delicate, min(count // 2, len(delicate)))
    anywhere = [place for place in range(1, len(calls) + 1) if place not in set(some)]
    return some + chance.sample(anywhere, min(count - len(some), len(anywhere)))


def examined(folder: Path, promised: Promised) -> tuple[int, list[str]]:
    """How many counted requests are counted no longer, and the promises that do not hold."""
    try:
        with open_store(folder, SetClock()) as store:
            words = list(_broken(store, folder, promised))
            grants = {grant.name: grant for grant in store.tokens()}
            used = store.used(grants["door"], TODAY) if "door" in grants else 0
    except (EdgeError, sqlite3.Error) as error:
        return 0, [f"it cannot be opened or read: {error}"]
    taken_back = promised.counted - used
    if taken_back > SURE_EVERY:
        words.append(f"{taken_back} of {promised.counted} counted requests are counted no longer")
    return taken_back, words


def _broken(store: Store, folder: Path, promised: Promised) -> Iterator[str]:
    with closing(sqlite3.connect(folder / "people.sqlite")) as database:
        found = database.execute("PRAGMA integrity_check").fetchall()
        kept = {
            person: (name, hashlib.sha256(crop).hexdigest()[:16], length)
            for person, name, crop, length in database.execute(
                "SELECT p.id, p.name, c.picture, length(e.vector) FROM person p"
                " JOIN reference r ON r.person = p.row JOIN crop c ON c.reference = r.row"
                " JOIN embedding e ON e.reference = r.row"
            )
        }
        ids = {person for (person,) in database.execute("SELECT id FROM person")}
    if found != [("ok",)]:
        yield f"integrity: {found[:2]}"
    for person, crop in promised.crops.items():
        if person not in kept or kept[person][1:] != (crop, 512):
            yield f"a trained person is {'there without the crop' if person in ids else 'lost'}"
    for person, name in promised.names.items():
        if person in kept and kept[person][0] != name:
            yield "a name is lost"
    if ids & promised.erased:
        yield "an erased person is back"
    grants = {grant.name: grant for grant in store.tokens()}
    if promised.tokens - grants.keys():
        yield "a token is lost"
    if [name for name in promised.revoked if name in grants and grants[name].revoked is None]:
        yield "a revoked token is valid"


@contextmanager
def _memory() -> Iterator[Path]:
    """A folder in memory where there is one: it is written thousands of times."""
    fast = Path("/dev/shm")  # noqa: S108
    parent = fast if os.access(fast, os.W_OK) else None
    folder = Path(tempfile.mkdtemp(prefix="api-face-cut-", dir=parent))
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


def _say(*words: str) -> None:
    os.write(1, (" ".join(words) + "\n").encode())


def _live(state: Path, steps: int, seed: int) -> None:
    """The child. Each line is said when the store has returned, as an answer would be sent then."""
    chance = drawn(seed)
    alive: list[str] = []
    with open_store(state, SetClock()) as store:
        door = store.add_token("door", b"1" * 32, DEFAULT_SCOPES, QUOTA)
        _say("token", "door")
        for step in range(steps):
            crop = chance.randbytes(CROP_BYTES)
            with store.writing():
                person = store.create_person(f"name-{step}")
                store.add_reference(person, reference(step, crop=crop))
            _say("trained", person.id, hashlib.sha256(crop).hexdigest()[:16])
            alive.append(person.id)
            for _ in range(chance.randint(0, 6)):
                store.spend(door, TODAY)
                _say("counted")
            _sometimes(store, chance, alive, step)


def _sometimes(store: Store, chance: Random, alive: list[str], step: int) -> None:
    if chance.random() < 0.1:
        one = store.person(chance.choice(alive))
        assert one is not None
        _say("naming", one.id)
        with store.writing():
            store.rename(one, f"other-{step}")
        _say("named", one.id, f"other-{step}")
    if chance.random() < 0.03:
        one = store.person(alive.pop(chance.randrange(len(alive))))
        assert one is not None
        _say("erasing", one.id)
        with store.writing():
            store.erase(one)
        _say("erased", one.id)
    if chance.random() < 0.05:
        name = f"token-{step}"
        store.add_token(name, step.to_bytes(32, "big"), DEFAULT_SCOPES)
        _say("token", name)
        if chance.random() < 0.5:
            store.revoke_token(name)
            _say("revoked", name)


if __name__ == "__main__":
    kept = (pragma for pragma in schema.PEOPLE.pragmas if not pragma.startswith("synchronous"))
    object.__setattr__(schema.PEOPLE, "pragmas", (f"synchronous={sys.argv[4]}", *kept))
    _live(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
