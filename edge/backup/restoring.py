"""A copy back into the state folder: prepared beside and checked, then put into its places at once."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from edge.backup.making import CERTIFICATES, SETTINGS
from edge.backup.outside import put_settings
from edge.backup.sealed import read
from edge.clock import Clock
from edge.errors import BackupError, SettingsError, StoreError
from edge.outlets.device import FILE as DEVICE_ID
from edge.settings import load_settings
from edge.store import open_store
from edge.store.barred import barred, revoke
from edge.store.connection import StoreDamaged
from edge.store.copies import Copy, day_of
from edge.store.copying import (
    Census,
    check_copy,
    copied,
    copy_file,
    forget_erased,
    modernise,
    sound,
    take_files,
)
from edge.store.lineage import keep_usage_of, numbers, replace_tokens, with_log
from edge.store.opening import IN_USE, hold, open_file, opening_turn
from edge.store.schema import PEOPLE, USAGE, Schema
from edge.store.sightings_schema import SIGHTINGS
from edge.store.swapping import FORMER, decide, discard, finish, prepare

_BUSY_S = 5.0
_STOP_IT = (
    "the store is in use by the service or another command, and nothing was changed: stop it "
    "(`systemctl stop api-face`), restore, and start it again"
)


@dataclass(frozen=True, slots=True)
class Restored:
    """What became of it. erased, revoked: people and tokens in the copy who were erased and revoked here
    since, and are again. missing: people who were here and are not in the copy. former: the folder that keeps
    what was there. settings: what became of them, in words; settings_failed: and whether that went wrong."""

    census: Census
    erased: int
    revoked: int
    missing: int
    former: Path
    settings: str
    settings_failed: bool


class Restore:
    """The state folder that is to be restored, and its settings file."""

    def __init__(self, state: Path, settings: Path | None, clock: Clock) -> None:
        """settings: where they go; None: no settings are restored."""
        self._state = state
        self._settings = settings
        self._clock = clock

    def from_file(self, source: Path, passphrase: bytes | None) -> Restored:
        """From a file of `api-face backup`. Raises BackupError, StoreError; then nothing was changed."""

        def unseal(target: Path) -> bool:
            with os.fdopen(os.open(target, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb") as file:
                return read(file, source, "backup", passphrase).sealed

        return self._restore(unseal)

    def from_nightly(self, copy: Copy) -> Restored:
        """From a nightly copy. Raises as from_file."""
        if not copy.whole():
            raise BackupError(f"{copy.path} is damaged: its bytes are not those that were written")

        def take(target: Path) -> bool:
            copy_file(copy.path, target, PEOPLE)
            return True

        return self._restore(take)

    def _restore(self, fill: Callable[[Path], bool]) -> Restored:
        with self._alone():
            folder = prepare(self._state)
            try:
                erased, revoked, missing, settings = self._prepared(folder, fill)
                census = check_copy(folder / "people.sqlite")
            except OSError as error:
                raise BackupError(f"nothing was restored: {error.strerror} ({error.filename})") from error
            stamp = self._stamp()
            decide(self._state, stamp)
        words, failed = self._put_settings(settings)
        return Restored(census, erased, revoked, missing, self._state / FORMER / stamp, words, failed)

    def _put_settings(self, content: bytes | None) -> tuple[str, bool]:
        """What became of them, and whether that failed: the rest is in its place by now."""
        if content is None or self._settings is None:
            return "no settings were restored", False
        if self._settings_inside:
            return f"settings: {self._settings}", False
        try:
            return put_settings(self._settings, content, self._state), False
        except (BackupError, OSError) as error:
            return f"the settings were not: {error}", True

    def _stamp(self) -> str:
        """The name of the folder for what is there now; the clock may stand still."""
        stamp = datetime.fromtimestamp(self._clock.now(), UTC).strftime("%Y-%m-%dT%H-%M-%S")
        names = itertools.chain([stamp], (f"{stamp}-{number}" for number in itertools.count(2)))
        return next(name for name in names if not (self._state / FORMER / name).exists())

    @property
    def _settings_inside(self) -> bool:
        return self._settings == self._state / SETTINGS

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Nobody opens the store meanwhile. What was prepared and not put into its place is thrown away."""
        with opening_turn(self._state):
            finish(self._state)
            holding = hold(self._state, alone=True)
            if holding is None:
                raise BackupError(_STOP_IT)
            try:
                yield
            finally:
                discard(self._state)
                os.close(holding)

    def _prepared(self, folder: Path, fill: Callable[[Path], bool]) -> tuple[int, int, int, bytes | None]:
        """Everything in the folder, checked by opening it; how many people were erased again, how many tokens
        revoked, how many of those who are here are not in it, and the settings."""
        people = folder / "people.sqlite"
        faces = fill(people)
        check_copy(people)
        with copied(people) as database:
            files = take_files(database)
        modernise(people)
        settings = None if self._settings is None else files.get(SETTINGS)
        if settings is not None:
            _check_settings(folder, settings)
            if not self._settings_inside:  # they follow when the rest is in its place
                (folder / SETTINGS).unlink()
        if not faces:
            self._keep_people(folder, people)
        known = barred(self._state, day_of(self._clock.now()))
        with copied(people) as database:
            erased, revoked = forget_erased(database, known.erased), revoke(database, known.revoked)
        with_log(people, PEOPLE)
        missing = self._follow(folder, files.get(DEVICE_ID))
        self._small_files(folder, files)
        open_store(folder, self._clock).close()
        (folder / IN_USE).unlink()
        return erased, revoked, missing, settings

    def _keep_people(self, folder: Path, people: Path) -> None:
        """A file that is not sealed has tokens alone: they replace those of the people who are here."""
        tokens = people.rename(folder / "tokens")
        if (self._state / people.name).exists():
            copy_file(self._state / people.name, people, PEOPLE)
            modernise(people)
        else:
            open_file(people, PEOPLE, _BUSY_S).close()
        replace_tokens(people, tokens)
        tokens.unlink()

    def _follow(self, folder: Path, identity: bytes | None) -> int:
        """The other two files go on, as far as their rows mean the same; a damaged one begins anew. How many
        of the people who are here are no longer."""
        usage, sightings = folder / "usage.sqlite", folder / "sightings.sqlite"
        for path, schema in ((usage, USAGE), (sightings, SIGHTINGS)):
            if not path.exists() and (self._state / path.name).exists():
                self._go_on(path, schema)
        people, tokens = numbers(folder / "people.sqlite")
        here = self._numbers_here()
        if here is None:  # a copy of this device: rows mean what they meant
            here = (people, tokens) if self._is_of(identity) else ({}, {})
        people_here, tokens_here = here
        if usage.exists():
            keep_usage_of(
                usage,
                {row for row, who in people.items() if people_here.get(row) == who},
                {row for row, hash in tokens.items() if tokens_here.get(row) == hash},
            )
        return len(set(people_here.values()) - set(people.values()))

    def _numbers_here(self) -> tuple[dict[int, str], dict[int, bytes]] | None:
        """None: the people's file is missing, or cannot be read."""
        try:
            path = self._state / "people.sqlite"
            return numbers(path) if path.exists() else None
        except StoreError:
            return None

    def _is_of(self, identity: bytes | None) -> bool:
        """Whether the copy was made by the device that this is."""
        own = self._state / DEVICE_ID
        return own.is_file() and own.read_bytes() == identity

    def _go_on(self, path: Path, schema: Schema) -> None:
        try:
            copy_file(self._state / path.name, path, schema)
            if sound(path, schema):
                with_log(path, schema)
                return
        except StoreDamaged:
            pass
        path.unlink(missing_ok=True)

    def _small_files(self, folder: Path, files: dict[str, bytes]) -> None:
        names = [DEVICE_ID] if DEVICE_ID in files else []
        if set(CERTIFICATES) <= files.keys() and any(
            not (self._state / name).is_file() or (self._state / name).read_bytes() != files[name]
            for name in CERTIFICATES
        ):
            (folder / "tls").mkdir(mode=0o700)
            names += CERTIFICATES
        for name in names:
            _write(folder / name, files[name])


def _check_settings(folder: Path, content: bytes) -> None:
    draft = folder / SETTINGS
    _write(draft, content)
    try:
        load_settings(draft)
    except SettingsError as error:
        raise BackupError(
            f"the settings in the backup do not hold here ({error.message}); "
            "--without-settings restores all the rest"
        ) from error


def _write(path: Path, content: bytes) -> None:
    with os.fdopen(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb") as file:
        file.write(content)
