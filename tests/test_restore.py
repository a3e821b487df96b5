"""The way back: all of it or nothing, and what was there before is kept."""

from __future__ import annotations

import os
import shutil
import sqlite3
import stat
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path

import pytest

from edge.backup.making import make_backup
from edge.backup.restoring import Restore
from edge.errors import BackupError, EdgeError, StoreError
from edge.store import open_store, swapping
from edge.store.copies import digest_of, nightly_copies
from tests.backup_help import PASSPHRASE, SETTINGS, enrolled, erased, lived_in, names, night, restoring, tree
from tests.store_help import TODAY, SetClock

pytestmark = pytest.mark.usefixtures("cheap_keys")


@pytest.fixture
def state(tmp_path: Path) -> Path:
    folder = tmp_path / "state"
    lived_in(folder, "Ada", "Ben")
    return folder


@pytest.fixture
def backup(state: Path, tmp_path: Path) -> Path:
    """Of Ada and Ben; then Cid came, and the settings were changed."""
    make_backup(state, state / "settings.toml", tmp_path / "file", PASSPHRASE, 1.0)
    enrolled(state, "Cid", 3)
    (state / "settings.toml").write_text("workers = 1\n")
    return tmp_path / "file"


def test_a_backup_comes_back_and_what_was_there_is_kept(state: Path, backup: Path) -> None:
    identity = (state / "device-id").read_bytes()
    (state / "device-id").unlink()
    (state / "tls" / "ca.key").write_text("another key")
    restored = restoring(state).from_file(backup, PASSPHRASE)
    assert names(state) == ["Ada", "Ben"]
    assert restored.missing == 1
    assert (state / "settings.toml").read_text() == SETTINGS
    assert (restored.former / "settings.toml").read_text() == "workers = 1\n"
    assert (state / "device-id").read_bytes() == identity
    assert (state / "tls" / "ca.key").read_text() == "the key of the CA"
    assert restored.former == state / "before-restore" / "2026-02-16T00-00-00"
    assert names(restored.former) == ["Ada", "Ben", "Cid"]
    assert (restored.former / "tls" / "ca.key").read_text() == "another key"
    for path in state.rglob("*"):
        assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0 or "before-restore" in path.parts


def test_onto_a_new_card(backup: Path, tmp_path: Path) -> None:
    restoring(tmp_path / "card").from_file(backup, PASSPHRASE)
    assert names(tmp_path / "card") == ["Ada", "Ben"]
    assert (tmp_path / "card" / "tls" / "ca.crt").read_text() == "certificate"


def test_twice_in_a_second(state: Path, backup: Path) -> None:
    formers = {restoring(state).from_file(backup, PASSPHRASE).former.name for _ in range(3)}
    assert formers == {f"2026-02-16T00-00-00{more}" for more in ("", "-2", "-3")}


def test_without_a_passphrase_only_tokens_and_settings_come_back(state: Path, tmp_path: Path) -> None:
    make_backup(state, state / "settings.toml", tmp_path / "plain", None, 1.0)
    enrolled(state, "Cid", 3)
    (state / "settings.toml").unlink()
    with open_store(state, SetClock()) as store:
        store.revoke_token("door")
        store.add_token("gate", b"2" * 32, ["train"])
    restoring(state).from_file(tmp_path / "plain", None)
    assert names(state) == ["Ada", "Ben", "Cid"]
    assert (state / "settings.toml").read_text() == SETTINGS
    with open_store(state, SetClock()) as store:
        assert [(token.name, token.revoked) for token in store.tokens()] == [("door", SetClock().now())]


def test_who_was_erased_since_stays_erased(state: Path, backup: Path) -> None:
    with open_store(state, SetClock()) as store:
        ada = next(person for person in store.people() if person.name == "Ada")
    erased(state, ada)
    assert restoring(state).from_file(backup, PASSPHRASE).erased == 1
    assert names(state) == ["Ben"]
    assert restoring(state).from_file(backup, PASSPHRASE).erased == 1, "it is remembered on"
    disk = b"".join(path.read_bytes() for path in state.glob("people.sqlite*"))
    assert b"AdaAdaAda" not in disk
    assert ada.id.encode() not in disk


def test_a_quota_is_not_handed_out_twice_by_a_restore(state: Path, backup: Path) -> None:
    with open_store(state, SetClock()) as store:
        for _ in range(7):
            store.spend(store.tokens()[0], TODAY)
        gate = store.add_token("gate", b"2" * 32, ["train"], 10)
        store.spend(gate, TODAY)
    restoring(state).from_file(backup, PASSPHRASE)
    with open_store(state, SetClock()) as store:
        (door,) = store.tokens()
        assert store.used(door, TODAY) == 7
        hall = store.add_token("hall", b"3" * 32, ["train"], 10)
        assert (hall.id, store.used(hall, TODAY)) == (gate.id, 0), "the number means another token now"


def test_while_the_store_is_in_use_it_is_refused(state: Path, backup: Path) -> None:
    before = tree(state)
    with open_store(state, SetClock()), pytest.raises(BackupError, match="is in use by the service"):
        restoring(state).from_file(backup, PASSPHRASE)
    assert tree(state) == before


SPOILED: dict[str, tuple[Callable[[Path], object], str]] = {
    "empty": (lambda path: path.write_bytes(b""), "no backup"),
    "foreign": (lambda path: path.write_bytes(b"PK\3\4" * 5000), "no backup"),
    "cut to a half": (lambda path: os.truncate(path, path.stat().st_size // 2), "truncated|damaged"),
    "cut by a byte": (lambda path: os.truncate(path, path.stat().st_size - 1), "truncated"),
    "newer": (
        lambda path: path.write_bytes(path.read_bytes().replace(b'"format": 1', b'"format": 7')),
        "has format 7",
    ),
    "absent": (Path.unlink, "nothing was restored: No such file"),
}


@pytest.mark.parametrize(("spoil", "words"), SPOILED.values(), ids=SPOILED)
def test_what_is_not_whole_changes_nothing(
    state: Path, backup: Path, spoil: Callable[[Path], object], words: str
) -> None:
    spoil(backup)
    before = tree(state)
    with pytest.raises(BackupError, match=words):
        restoring(state).from_file(backup, PASSPHRASE)
    assert tree(state) == before


STRANGE: dict[str, tuple[str, str]] = {
    "a newer schema": ("PRAGMA user_version = 99", "newer release: schema version 99"),
    "another program": ("PRAGMA application_id = 5", "another program"),
    "a trigger": (
        "CREATE TRIGGER evil AFTER DELETE ON person BEGIN DELETE FROM token; END",
        "other tables than people are kept in",
    ),
    "a lost parent": ("PRAGMA foreign_keys=OFF; DELETE FROM person", "damaged"),
}


@pytest.mark.parametrize(("statement", "words"), STRANGE.values(), ids=STRANGE)
def test_a_whole_file_with_something_strange_in_it_changes_nothing(
    state: Path, statement: str, words: str
) -> None:
    copy = night(state, TODAY).copy
    with closing(sqlite3.connect(copy.path)) as database:
        database.executescript(statement)
        database.commit()
    renamed = copy.path.rename(copy.path.with_name(f"2026-01-01.{digest_of(copy.path)}.sqlite"))
    (copy,) = nightly_copies(state)
    assert copy.path == renamed
    before = tree(state)
    with pytest.raises(StoreError, match=words):
        restoring(state).from_nightly(copy)
    assert tree(state) == before


def test_settings_that_do_not_hold_here_are_told_beforehand(state: Path, tmp_path: Path) -> None:
    (state / "settings.toml").write_text("of_a_newer_release = 1\n")
    make_backup(state, state / "settings.toml", tmp_path / "file", PASSPHRASE, 1.0)
    (state / "settings.toml").write_text(SETTINGS)
    enrolled(state, "Cid", 3)
    before = tree(state)
    with pytest.raises(BackupError, match="--without-settings"):
        restoring(state).from_file(tmp_path / "file", PASSPHRASE)
    assert tree(state) == before
    Restore(state, None, SetClock()).from_file(tmp_path / "file", PASSPHRASE)
    assert (state / "settings.toml").read_text() == SETTINGS
    assert names(state) == ["Ada", "Ben"]


def test_settings_elsewhere_keep_their_mode_and_the_former_ones(state: Path, backup: Path) -> None:
    elsewhere = state.parent / "settings.toml"
    elsewhere.write_text("workers = 2\n")
    elsewhere.chmod(0o640)
    Restore(state, elsewhere, SetClock()).from_file(backup, PASSPHRASE)
    assert elsewhere.read_text() == SETTINGS
    assert stat.S_IMODE(elsewhere.stat().st_mode) == 0o640
    assert elsewhere.with_name("settings.toml.before-restore").read_text() == "workers = 2\n"
    absent = Restore(state, state.parent / "absent" / "settings.toml", SetClock())
    assert "settings.restored.toml" in absent.from_file(backup, PASSPHRASE).settings
    assert (state / "settings.restored.toml").read_text() == SETTINGS


class CutOff(BaseException):
    """The process is killed here."""


def renames_of(state: Path, backup: Path, monkeypatch: pytest.MonkeyPatch, cut_at: int) -> int:
    """Restore, and die before the rename of that number; how many there were."""
    real, count = Path.rename, 0

    def rename(self: Path, target: Path) -> Path:
        nonlocal count
        count += 1
        if count == cut_at:
            raise CutOff
        return real(self, target)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "rename", rename)
        patch.setattr("edge.backup.restoring.discard", lambda state: None)
        with suppress(CutOff):
            restoring(state).from_file(backup, PASSPHRASE)
    return count


def test_killed_at_any_rename_it_is_the_old_or_the_new(
    state: Path, backup: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(state, tmp_path / "whole")
    total = renames_of(tmp_path / "whole", backup, monkeypatch, 0)
    assert total >= 9
    outcomes = []
    for cut_at in range(1, total + 1):
        folder = tmp_path / f"cut {cut_at}"
        shutil.copytree(state, folder)
        assert renames_of(folder, backup, monkeypatch, cut_at) == cut_at
        after = names(folder)
        outcomes.append(after)
        assert after in (["Ada", "Ben"], ["Ada", "Ben", "Cid"])
        if after == ["Ada", "Ben"]:
            (former,) = (folder / "before-restore").iterdir()
            assert names(former) == ["Ada", "Ben", "Cid"]
            assert (folder / "settings.toml").read_text() == SETTINGS
        assert not (folder / swapping._READY).exists()
        assert names(folder) == after
    assert outcomes[0] == ["Ada", "Ben", "Cid"]
    assert outcomes[-1] == ["Ada", "Ben"]


def test_a_damaged_store_names_the_copy_that_takes_its_place(state: Path) -> None:
    night(state, TODAY - 1)
    enrolled(state, "Cid", 3)
    (path,) = state.glob("people.sqlite")
    path.write_bytes(path.read_bytes()[:5000])
    with pytest.raises(StoreError, match=r"damaged.*the last good copy is of 2026-02-15: `api-face restore"):
        open_store(state, SetClock())
    (copy,) = nightly_copies(state)
    restored = restoring(state).from_nightly(copy)
    assert names(state) == ["Ada", "Ben"]
    assert (restored.former / "people.sqlite").stat().st_size == 5000


def test_the_last_good_copy_is_one_that_is_whole(state: Path) -> None:
    for day in (TODAY - 3, TODAY - 2, TODAY - 1):
        night(state, day)
    newest = nightly_copies(state)[0].path
    newest.write_bytes(newest.read_bytes()[:-1])
    (state / "people.sqlite").write_bytes(b"")
    with pytest.raises(StoreError, match=r"is empty.*the last good copy is of 2026-02-14"):
        open_store(state, SetClock())
    with pytest.raises(BackupError, match="is damaged"):
        restoring(state).from_nightly(nightly_copies(state)[0])
    for copy in nightly_copies(state):
        copy.path.write_bytes(b"")
    with pytest.raises(StoreError, match="none of the 3 nightly copies is whole"):
        open_store(state, SetClock())


def test_a_store_that_has_lost_its_people_is_not_begun_anew(state: Path) -> None:
    night(state, TODAY)
    (state / "people.sqlite").unlink()
    before = tree(state)
    with pytest.raises(StoreError, match=r"is missing, but not usage.sqlite, sightings.sqlite, backups"):
        open_store(state, SetClock())
    assert tree(state) == before
    for name in ("usage.sqlite", "sightings.sqlite"):
        (state / name).unlink()
    with pytest.raises(StoreError, match=r"is missing, but not backups.*the last good copy is of 2026-02-16"):
        open_store(state, SetClock())
    shutil.rmtree(state / "backups")
    with pytest.raises(StoreError, match=r"is missing, but not lived-in, .*move lived-in away first$"):
        open_store(state, SetClock())
    (state / "lived-in").unlink()
    assert names(state) == []
    assert (state / "lived-in").exists()


def test_nor_when_only_what_a_restore_put_aside_is_left(state: Path, backup: Path) -> None:
    restoring(state).from_file(backup, PASSPHRASE)
    for path in (*state.glob("*.sqlite*"), state / "lived-in"):
        path.unlink()
    with pytest.raises(StoreError, match="is missing, but not before-restore"):
        open_store(state, SetClock())


def test_a_folder_that_only_waits_for_its_first_start_is_begun(tmp_path: Path) -> None:
    (tmp_path / "tls").mkdir()
    (tmp_path / "tls" / "ca.key").write_text("a key")
    (tmp_path / "device-id").write_text("a name")
    (tmp_path / "in-use").touch()
    assert names(tmp_path) == []


def test_a_lost_store_without_copies_says_what_is_left_to_do(state: Path) -> None:
    (state / "people.sqlite").unlink()
    with pytest.raises(
        StoreError, match=r"`api-face restore FILE`.*begin anew without.*, move usage.*-wal and"
    ):
        open_store(state, SetClock())


def test_a_damaged_file_that_no_backup_holds_says_so(state: Path) -> None:
    (state / "usage.sqlite").write_bytes(b"")
    with pytest.raises(EdgeError, match=r"usage.sqlite is empty.*when it and its -wal and -shm are moved"):
        open_store(state, SetClock())


def test_other_files_that_are_damaged_do_not_stand_in_the_way(state: Path, backup: Path) -> None:
    for name in ("usage.sqlite", "sightings.sqlite"):
        path = state / name
        path.write_bytes(path.read_bytes()[:3000] + os.urandom(path.stat().st_size - 3000))
    restored = restoring(state).from_file(backup, PASSPHRASE)
    assert names(state) == ["Ada", "Ben"]
    assert (restored.former / "sightings.sqlite").exists()


def test_sightings_go_on(state: Path, backup: Path) -> None:
    with open_store(state, SetClock()) as store:
        people = {person.name: person for person in store.people()}
        for name in ("Ada", "Cid"):
            seen = store.begin_sighting("door", 1.0)
            store.update_sighting(seen.row, ended=2.0, frames=3, person_row=people[name].row)
    restored = restoring(state).from_file(backup, PASSPHRASE)
    with open_store(state, SetClock()) as store:
        assert [one.person_row for one in store.sightings()] == [people["Ada"].row]
    with open_store(restored.former, SetClock()) as store:
        assert len(store.sightings()) == 2
