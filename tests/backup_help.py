"""What the tests of backups share."""

from __future__ import annotations

from pathlib import Path

from edge.backup.nightly import Keep, Night, copy_nightly
from edge.backup.restoring import Restore
from edge.outlets.device import device_name
from edge.store import Person, open_store
from tests.store_help import TODAY, SetClock, reference

PASSPHRASE = b"correct horse battery"
KEEP = Keep(days=7, weeks=4, mib=500, floor_mib=0)
SETTINGS = "max_references = 5\n"


def lived_in(state: Path, *names: str) -> list[Person]:
    """A state folder as a device leaves it: people with a crop each, a token, settings, identity, a CA."""
    people = []
    with open_store(state, SetClock()) as store:
        for seed, name in enumerate(names):
            people.append(enrolled(state, name, seed))
        if not store.tokens():
            store.add_token("door", b"1" * 32, ["train"], 10)
    device_name(state)
    (state / "settings.toml").write_text(SETTINGS)
    (state / "tls").mkdir(exist_ok=True)
    (state / "tls" / "ca.crt").write_text("certificate")
    (state / "tls" / "ca.key").write_text("the key of the CA")
    return people


def enrolled(state: Path, name: str, seed: int) -> Person:
    """Somebody more, with a crop that nobody else has."""
    with open_store(state, SetClock()) as store, store.writing():
        person = store.create_person(name)
        store.add_reference(person, reference(seed, crop=name.encode() * 400))
    return person


def erased(state: Path, person: Person) -> None:
    """Erase somebody, as any process may."""
    with open_store(state, SetClock()) as store, store.writing():
        store.erase(person)


def names(state: Path) -> list[str]:
    """Who is there."""
    with open_store(state, SetClock()) as store:
        people = store.people()
        for person in people:
            (look,) = store.references(person.row, crops=True)
            assert person.name is not None
            assert look.crop == person.name.encode() * 400
        return sorted(person.name or "" for person in people)


def restoring(state: Path, day: float = TODAY) -> Restore:
    """A restore that takes the settings, too."""
    return Restore(state, state / "settings.toml", SetClock(day))


def night(state: Path, day: int, keep: Keep = KEEP) -> Night:
    """The copy of that GMT day."""
    return copy_nightly(state, state / "settings.toml", keep, SetClock(day + 0.1).now())


def tree(folder: Path) -> dict[str, bytes]:
    """Every file with its content, SQLite's passing ones left out."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not path.name.endswith(("-shm", "-wal"))
    }
