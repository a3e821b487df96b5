"""A site file -> Site, or words that say what is wrong with it. It needs the standard library alone."""

from __future__ import annotations

import datetime
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from edge.access import DEFAULT_SCOPES, SCOPES
from edge.errors import SettingsError
from edge.settings import load_settings

SERIAL = "{serial}"
"""In a name: the last digits of the board's serial number, so that one file serves many devices."""

_HASH = re.compile(r"sha256:([0-9a-f]{64})", re.ASCII)
_LABEL = re.compile(r"(?!-)[a-z0-9-]{1,63}(?<!-)", re.ASCII)  # RFC 1123, 2.1
_COUNTRY = re.compile(r"[A-Z]{2}", re.ASCII)
_PSK = re.compile(r"[0-9a-fA-F]{64}", re.ASCII)
_KEYS: Mapping[str, frozenset[str]] = {
    "": frozenset({"name", "settings", "secrets", "tokens", "wifi"}),
    "secrets": frozenset({"mqtt_password", "webhook_secret"}),
    "tokens": frozenset({"name", "hash", "scopes", "quota", "expires"}),
    "wifi": frozenset({"ssid", "password", "country", "hidden"}),
}


@dataclass(frozen=True, slots=True)
class TokenHash:
    """A token by its SHA-256.

    quota: requests per GMT day, None is unlimited. expires: seconds since 1970 GMT, None is never.
    """

    name: str
    hash: bytes
    scopes: frozenset[str]
    quota: int | None
    expires: float | None


@dataclass(frozen=True, slots=True)
class Wifi:
    """A network to join. password: 8-63 characters, 64 hexadecimal digits, or empty for an open one."""

    ssid: str
    password: str = field(repr=False)
    country: str
    hidden: bool


@dataclass(frozen=True, slots=True)
class Site:
    """What the file asks for. name: the host's, with SERIAL or without, empty to keep it. settings: as in
    settings.toml, checked. secrets: the setting that names the file -> what the file is to hold."""

    name: str
    settings: Mapping[str, Any]
    secrets: Mapping[str, str] = field(repr=False)
    tokens: tuple[TokenHash, ...]
    wifi: Wifi | None


def read_site(path: Path) -> Site:
    """Raises SettingsError: unreadable, an unknown key, a wrong value."""
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8-sig"))  # a mark is what Windows puts first
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SettingsError(f"{path}: {error}") from error
    _check_keys("", values)
    secrets = _table(values, "secrets")
    site = Site(
        _name(_text(values, "name")),
        _settings(_table(values, "settings"), secrets),
        {f"{key}_file": _line(secrets, key) for key in secrets},
        _tokens(values.get("tokens", [])),
        _wifi(values),
    )
    load_settings(None, **site.settings, **{key: f"/{key}" for key in site.secrets})
    return site


def _check_keys(table: str, values: Mapping[str, Any]) -> None:
    for key in values.keys() - _KEYS[table]:
        place = f" in [{table}]" if table else ""
        raise SettingsError(f'unknown key "{key}"{place}; there are {", ".join(sorted(_KEYS[table]))}')


def _table(values: Mapping[str, Any], key: str) -> dict[str, Any]:
    table = values.get(key, {})
    if not isinstance(table, dict):
        raise SettingsError(f"{key} must be a table: [{key}]")
    if key in _KEYS:
        _check_keys(key, table)
    return table


def _text(values: Mapping[str, Any], key: str) -> str:
    text = values.get(key, "")
    if not isinstance(text, str):
        raise SettingsError(f"{key} must be a string, not {text!r}")
    return text


def _line(values: Mapping[str, Any], key: str) -> str:
    """A secret, which is not repeated in an error."""
    text = values[key]
    if not isinstance(text, str) or not text or not text.isprintable():
        raise SettingsError(f"{key} must be a string of printable characters, and not empty")
    return text


def _name(name: str) -> str:
    if name and not _LABEL.fullmatch(name.replace(SERIAL, "0" * 8)):
        raise SettingsError(
            f'name must be lower-case letters, digits and "-", as in "door-{SERIAL}", not "{name}"'
        )
    return name


def _settings(values: dict[str, Any], secrets: Mapping[str, Any]) -> dict[str, Any]:
    if "path" in values:  # a parameter of load_settings, and no setting
        raise SettingsError('unknown setting "path"')
    for key in secrets:
        if f"{key}_file" in values:
            raise SettingsError(f"[secrets] {key} and [settings] {key}_file: one of the two")
    return values


def _tokens(items: Any) -> tuple[TokenHash, ...]:
    if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
        raise SettingsError("tokens must be tables: [[tokens]]")
    tokens = tuple(map(_token, items))
    for what in ("name", "hash"):
        if len({getattr(token, what) for token in tokens}) != len(tokens):
            raise SettingsError(f"two tokens have the same {what}")
    return tokens


def _token(values: dict[str, Any]) -> TokenHash:
    _check_keys("tokens", values)
    name = _text(values, "name")
    if not name.strip() or not name.isprintable():
        raise SettingsError("a token needs a name")
    found = _HASH.fullmatch(_text(values, "hash"))
    if found is None:
        raise SettingsError(
            f'token "{name}": hash must be "sha256:" and 64 hexadecimal digits, '
            "as `api-face token hash` prints it"
        )
    scopes = values.get("scopes", sorted(DEFAULT_SCOPES))
    if not isinstance(scopes, list) or not scopes or not all(scope in SCOPES for scope in scopes):
        raise SettingsError(f'token "{name}": scopes must be a list of {", ".join(sorted(SCOPES))}')
    quota = values.get("quota")
    if quota is not None and (type(quota) is not int or not 0 <= quota <= 2**62):
        raise SettingsError(f'token "{name}": quota must be a whole number of requests a day, not {quota!r}')
    return TokenHash(
        name, bytes.fromhex(found[1]), frozenset(scopes), quota, _expiry(name, values.get("expires"))
    )


def _expiry(name: str, day: Any) -> float | None:
    """The beginning of that day, GMT."""
    if day is None:
        return None
    if not isinstance(day, datetime.date) or isinstance(day, datetime.datetime):
        raise SettingsError(f'token "{name}": expires must be a date, as in 2027-12-31')
    return datetime.datetime(day.year, day.month, day.day, tzinfo=datetime.UTC).timestamp()


def _wifi(values: Mapping[str, Any]) -> Wifi | None:
    table = _table(values, "wifi")
    if not table:
        return None
    ssid, country = _text(table, "ssid"), _text(table, "country")
    password, hidden = table.get("password", ""), table.get("hidden", False)
    if not 1 <= len(ssid.encode()) <= 32 or not ssid.isprintable():
        raise SettingsError("[wifi] ssid must have 1 to 32 bytes")
    if not isinstance(password, str) or not (
        password == "" or _PSK.fullmatch(password) or (8 <= len(password) <= 63 and password.isprintable())
    ):
        raise SettingsError("[wifi] password must have 8 to 63 characters, or 64 hexadecimal digits")
    if country and not _COUNTRY.fullmatch(country):
        raise SettingsError(f'[wifi] country must be two capital letters, as in "DE", not "{country}"')
    if type(hidden) is not bool:
        raise SettingsError("[wifi] hidden must be true or false")
    return Wifi(ssid, password, country, hidden)
