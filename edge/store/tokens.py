"""Tokens: who may call. Only their hashes are kept."""

from __future__ import annotations

import hmac
import sqlite3
from collections.abc import Iterable
from typing import Any

from edge.access import SCOPES, Grant
from edge.errors import SettingsError
from edge.store.base import Base

_SELECT = "SELECT row, name, scopes, quota, expires, revoked, hash FROM token "
_ADD = "INSERT INTO token (name, hash, scopes, quota, expires) VALUES (?, ?, ?, ?, ?) RETURNING row"
_REVOKE = "UPDATE token SET revoked = ? WHERE name = ? AND revoked IS NULL RETURNING row"
_SET_QUOTA = "UPDATE token SET quota = ? WHERE name = ? AND revoked IS NULL RETURNING row"

_LARGEST_QUOTA = 2**62


class TokenTable(Base):
    """The part of the store that knows tokens."""

    def add_token(
        self,
        name: str,
        hash: bytes,
        scopes: Iterable[str],
        quota: int | None = None,
        expires: float | None = None,
    ) -> Grant:
        """A new token: its hash, quota (requests per GMT day) and expiry (seconds since 1970 GMT).

        Raises SettingsError: a name that a valid token has, an unknown scope, a quota below 0.
        """
        scopes = frozenset(scopes)
        _check_name(name)
        _check_scopes(scopes)
        _check_quota(quota)
        with self._people.writing() as database:
            try:
                values = (name, hash, " ".join(sorted(scopes)), quota, expires)
                rows = database.execute(_ADD, values).fetchall()
            except sqlite3.IntegrityError as error:
                raise SettingsError(f'there is a token named "{name}" already; revoke it first') from error
        return self._grant(rows[0][0])

    def find_token(self, hash: bytes) -> Grant | None:
        """The grant of the token with this hash, revoked or expired ones too.

        Read each time, not remembered: a token that another process revokes is refused at once.
        """
        for row in self._people.rows(_SELECT + "WHERE hash = ?", (hash,)):
            if hmac.compare_digest(row[-1], hash):
                return _grant(row)
        return None

    def tokens(self) -> list[Grant]:
        """All tokens, revoked ones too, the oldest first."""
        return [_grant(row) for row in self._people.rows(_SELECT + "ORDER BY row")]

    def revoke_token(self, name: str) -> Grant:
        """Refuse the token from now on. Raises SettingsError when no valid one has the name."""
        return self._change(_REVOKE, self._clock.now(), name)

    def set_quota(self, name: str, quota: int | None) -> Grant:
        """Requests per GMT day from now on, None for no limit. Raises SettingsError, see revoke_token."""
        _check_quota(quota)
        return self._change(_SET_QUOTA, quota, name)

    def _change(self, sql: str, value: float | None, name: str) -> Grant:
        rows = self._people.write(sql, (value, name))
        if not rows:
            raise SettingsError(f'there is no valid token named "{name}"')
        return self._grant(rows[0][0])

    def _grant(self, row: int) -> Grant:
        return _grant(self._people.rows(_SELECT + "WHERE row = ?", (row,))[0])


def _grant(values: Any) -> Grant:
    row, name, scopes, quota, expires, revoked, _ = values
    return Grant(row, name, frozenset(scopes.split()), quota, expires, revoked)


def _check_name(name: str) -> None:
    if not name.strip() or not name.isprintable():
        raise SettingsError("a token's name must be printable and not empty")


def _check_scopes(scopes: frozenset[str]) -> None:
    if unknown := ", ".join(sorted(scopes - SCOPES)):
        raise SettingsError(f"unknown scope {unknown}; there are {', '.join(sorted(SCOPES))}")
    if not scopes:
        raise SettingsError(f"a token needs a scope; there are {', '.join(sorted(SCOPES))}")


def _check_quota(quota: int | None) -> None:
    if quota is not None and not 0 <= quota <= _LARGEST_QUOTA:
        raise SettingsError(f"a quota is a number of requests a day, from 0 on, not {quota}")
