from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from edge.access import ADMIN, DEFAULT_SCOPES, new_token, token_hash
from edge.errors import SettingsError
from edge.store import Store, open_store
from tests.store_help import SetClock


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with open_store(tmp_path, SetClock()) as opened:
        yield opened


def test_a_token_is_found_by_its_hash_alone(store: Store) -> None:
    token = new_token()
    grant = store.add_token("door", token_hash(token), {ADMIN, "train"}, 20, 5e9)
    assert store.find_token(token_hash(token)) == grant
    assert grant.scopes == {ADMIN, "train"}
    assert (grant.name, grant.quota, grant.expires) == ("door", 20, 5e9)
    assert store.find_token(token_hash(token + "x")) is None


def test_the_token_itself_is_nowhere_in_the_files(store: Store, tmp_path: Path) -> None:
    token = new_token()
    store.add_token("door", token_hash(token), DEFAULT_SCOPES)
    files = [path.read_bytes() for path in tmp_path.iterdir()]
    assert any(token_hash(token) in data for data in files)
    assert not any(token.encode() in data or token[4:].encode() in data for data in files)


def test_another_process_s_revoke_is_seen_at_once(store: Store, tmp_path: Path) -> None:
    hashed = token_hash(new_token())
    store.add_token("door", hashed, DEFAULT_SCOPES)
    with open_store(tmp_path, SetClock()) as other:
        revoked = other.revoke_token("door")
    assert revoked.revoked is not None
    assert store.find_token(hashed) == revoked


def test_a_name_is_free_again_once_its_token_is_revoked(store: Store) -> None:
    store.add_token("door", b"1" * 32, DEFAULT_SCOPES)
    with pytest.raises(SettingsError, match='"door" already'):
        store.add_token("door", b"2" * 32, DEFAULT_SCOPES)
    store.revoke_token("door")
    second = store.add_token("door", b"2" * 32, DEFAULT_SCOPES)
    assert [grant.revoked is None for grant in store.tokens()] == [False, True]
    assert store.set_quota("door", 5).id == second.id


def test_a_quota_can_be_set_and_taken_away(store: Store) -> None:
    store.add_token("door", b"1" * 32, DEFAULT_SCOPES)
    assert store.set_quota("door", 7).quota == 7
    assert store.set_quota("door", None).quota is None


def test_what_makes_no_sense_is_refused_in_words(store: Store) -> None:
    for name, scopes, quota, words in (
        ("", {"train"}, None, "name"),
        ("a\nb", {"train"}, None, "name"),
        ("a", {"trian"}, None, "unknown scope trian"),
        ("a", set[str](), None, "needs a scope"),
        ("a", {"train"}, -1, "not -1"),
        ("a", {"train"}, 2**63, "not 9223372036854775808"),
    ):
        with pytest.raises(SettingsError, match=words):
            store.add_token(name, b"1" * 32, scopes, quota)
    with pytest.raises(SettingsError, match='no valid token named "a"'):
        store.revoke_token("a")
    with pytest.raises(SettingsError, match='no valid token named "a"'):
        store.set_quota("a", 5)
    assert store.tokens() == []
