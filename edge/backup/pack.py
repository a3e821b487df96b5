"""People in a sealed file of their own, to be carried to another device."""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from edge import __version__
from edge.backup.leavings import UNPACKED
from edge.backup.making import refuse_foreign_target
from edge.backup.sealed import Header, read, write
from edge.backup.writing import scratch, whole
from edge.errors import UnknownPersonId
from edge.store import Store, open_store
from edge.store.copying import Census, check_copy, copied, copy_file, keep_only, modernise
from edge.store.lineage import with_log
from edge.store.opening import own
from edge.store.schema import PEOPLE

KIND = "people"


def export_people(  # noqa: PLR0917
    store: Store, state: Path, ids: Sequence[str], target: Path, passphrase: bytes, now: float
) -> Census:
    """One sealed file (0600) with these people, or with everybody; how many are in it.

    now: seconds since 1970 GMT. Raises UnknownPersonId, BackupError, StoreError.
    """
    refuse_foreign_target(target)
    wanted = {_person(store, person_id) for person_id in ids}
    with scratch(state) as path:
        copy_file(state / "people.sqlite", path, PEOPLE)
        with copied(path) as database:
            keep_only(database, wanted if ids else None)
        census = check_copy(path)
        with whole(target) as file, path.open("rb") as source:
            write(file, source, Header(KIND, now, __version__, True), passphrase)
    return census


@contextmanager
def unpacked(state: Path, source: Path, passphrase: bytes) -> Iterator[Store]:
    """The people of such a file as a store of its own, which is gone afterwards.

    Raises BackupError, StoreError: not such a file, a wrong passphrase, damaged, of a newer release.
    """
    folder = state / f"{UNPACKED}{secrets.token_hex(4)}"
    folder.mkdir(mode=0o700)
    try:
        own(folder, state)
        people = folder / "people.sqlite"
        with os.fdopen(os.open(people, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb") as file:
            read(file, source, KIND, passphrase)
        check_copy(people)
        modernise(people)
        with_log(people, PEOPLE)
        with open_store(folder) as store:
            yield store
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _person(store: Store, person_id: str) -> str:
    person = store.person(person_id)
    if person is None:
        raise UnknownPersonId(f"no person has the id {person_id}")
    return person.id
