"""What must not come back with a copy of before: erased people, revoked tokens, a quota that is used up."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from edge.backup.making import make_backup
from edge.backup.restoring import Restore
from edge.store import Person, open_store
from edge.store.copies import nightly_copies
from tests.backup_help import PASSPHRASE, erased, lived_in, names, night, restoring
from tests.store_help import TODAY, SetClock
from tests.test_cli import api_face

pytestmark = pytest.mark.usefixtures("cheap_keys")


@pytest.fixture
def state(tmp_path: Path) -> Path:
    folder = tmp_path / "state"
    lived_in(folder, "Ada", "Ben")
    return folder


@pytest.fixture
def backup(state: Path, tmp_path: Path) -> Path:
    make_backup(state, state / "settings.toml", tmp_path / "file", PASSPHRASE, 1.0)
    return tmp_path / "file"


def someone(state: Path, name: str) -> Person:
    with open_store(state, SetClock()) as store:
        return next(person for person in store.people() if person.name == name)


def tokens(state: Path) -> dict[str, float | None]:
    """Their names, and when they were revoked."""
    with open_store(state, SetClock()) as store:
        return {token.name: token.revoked for token in store.tokens()}


def revoked(state: Path, name: str) -> None:
    with open_store(state, SetClock(TODAY - 0.5)) as store:
        store.revoke_token(name)


def lost(state: Path) -> None:
    for path in state.glob("people.sqlite*"):
        path.unlink()


def spoiled(state: Path) -> None:
    (state / "people.sqlite").write_bytes(os.urandom(50_000))


def test_a_token_that_was_revoked_since_stays_revoked(state: Path, backup: Path) -> None:
    copy = night(state, TODAY - 1).copy
    with open_store(state, SetClock()) as store:
        store.add_token("gate", b"2" * 32, ["train"])
    revoked(state, "door")
    when = tokens(state)["door"]
    for restored in (restoring(state).from_nightly(copy), restoring(state).from_file(backup, PASSPHRASE)):
        assert (restored.revoked, restored.census.tokens) == (1, 0)
        assert tokens(state) == {"door": when}


def test_also_when_the_backup_has_nothing_but_tokens(state: Path, tmp_path: Path) -> None:
    make_backup(state, None, tmp_path / "plain", None, 1.0)
    revoked(state, "door")
    assert restoring(state).from_file(tmp_path / "plain", None).revoked == 1
    assert tokens(state)["door"] is not None


@pytest.mark.parametrize("gone", [lost, spoiled])
def test_copies_tell_what_the_store_no_longer_can(state: Path, backup: Path, gone: object) -> None:
    erased(state, someone(state, "Ada"))
    revoked(state, "door")
    night(state, TODAY)
    assert callable(gone)
    gone(state)
    restored = restoring(state).from_file(backup, PASSPHRASE)
    assert (restored.erased, restored.revoked) == (1, 1)
    assert names(state) == ["Ben"]


def test_what_a_restore_put_aside_tells_it_too(state: Path, backup: Path) -> None:
    copy = night(state, TODAY - 1).copy.path.read_bytes()
    erased(state, someone(state, "Ada"))
    restoring(state).from_file(backup, PASSPHRASE)
    lost(state)
    (path,) = (copy.path for copy in nightly_copies(state))
    path.write_bytes(copy)
    assert restoring(state).from_file(backup, PASSPHRASE).erased == 1


def test_who_was_brought_back_on_purpose_is_not_erased_again(state: Path, backup: Path) -> None:
    ada = someone(state, "Ada")
    with open_store(state, SetClock()) as store:
        carried = store.carried(ada)
    erased(state, ada)
    night(state, TODAY - 1)
    with open_store(state, SetClock()) as store, store.writing():
        store.unerase([ada.id])
        person = store.take_person(carried)
        assert all(store.take_look(person, look) for look in carried.looks)
    assert restoring(state).from_file(backup, PASSPHRASE).erased == 0
    assert names(state) == ["Ada", "Ben"]


@pytest.mark.parametrize("gone", [lost, spoiled])
def test_a_quota_is_not_handed_out_twice_when_the_people_are_gone(state: Path, gone: object) -> None:
    copy = night(state, TODAY).copy
    with open_store(state, SetClock()) as store:
        for _ in range(10):
            store.spend(store.tokens()[0], TODAY)
        store.spend(store.add_token("gate", b"2" * 32, ["train"], 10), TODAY)
    assert callable(gone)
    gone(state)
    restoring(state).from_nightly(copy)
    with open_store(state, SetClock()) as store:
        assert store.used(store.tokens()[0], TODAY) == 10
        hall = store.add_token("hall", b"3" * 32, ["train"], 10)
        assert store.used(hall, TODAY) == 0, "what the copy does not have counts for nobody"


def test_nor_by_a_backup_of_tokens_alone(state: Path, tmp_path: Path) -> None:
    make_backup(state, None, tmp_path / "plain", None, 1.0)
    with open_store(state, SetClock()) as store:
        store.spend(store.tokens()[0], TODAY)
    lost(state)
    restoring(state).from_file(tmp_path / "plain", None)
    with open_store(state, SetClock()) as store:
        assert store.used(store.tokens()[0], TODAY) == 1


def test_a_quota_of_another_device_is_not_this_one_s(state: Path) -> None:
    copy = night(state, TODAY).copy
    with open_store(state, SetClock()) as store:
        store.spend(store.tokens()[0], TODAY)
    lost(state)
    (state / "device-id").write_text("another")
    restoring(state).from_nightly(copy)
    with open_store(state, SetClock()) as store:
        assert store.used(store.tokens()[0], TODAY) == 0


def test_settings_that_cannot_be_put_in_their_place_are_told_after_the_rest(
    state: Path, backup: Path
) -> None:
    (state / "settings.restored.toml").mkdir()
    elsewhere = state.parent / "absent" / "settings.toml"
    restored = Restore(state, elsewhere, SetClock()).from_file(backup, PASSPHRASE)
    assert restored.settings_failed
    assert restored.settings.startswith("the settings were not: ")
    assert names(state) == ["Ada", "Ben"]


def test_the_command_says_so(state: Path) -> None:
    copy = night(state, TODAY).copy
    revoked(state, "door")
    (state / "settings.restored.toml").mkdir()
    elsewhere = state.parent / "etc"
    elsewhere.mkdir()
    (elsewhere / "settings.toml").write_text("workers = 1\n")
    (elsewhere / "settings.toml.before-restore").mkdir()
    done = api_face("--settings", elsewhere / "settings.toml", "restore", "--nightly", copy.date, state=state)
    assert done.returncode == 1
    assert "restored: 2 people with 2 references, 0 tokens; the settings were not: " in done.stdout
    assert "1 tokens in it were revoked here since, and are again\n" in done.stdout
