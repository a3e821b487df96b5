"""`api-face provision`: an installed device becomes that of a site, by one file.

Each step may be done twice, and the file is overwritten last, when the report is there: after a power cut the
next start does all of it again. Where there is no room for a report it goes all the same: it has secrets.
What went wrong stands in a file beside it, for whoever puts the card into a reader.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import re
import socket
from pathlib import Path
from typing import Any

from edge.clock import SystemClock
from edge.commands.place import Place
from edge.errors import CertificateError, EdgeError, SettingsError
from edge.provisioning import Site, TokenHash, read_site
from edge.provisioning.files import overwrite, owner_of, put, sync_folder
from edge.provisioning.settings_text import with_values
from edge.provisioning.system import host_name, join_wifi, set_host_name
from edge.server.tls import ensure, fingerprint
from edge.settings import load_settings
from edge.store import Store
from edge.wiring import opened_store

_SECRET_MODE = 0o640


def arguments(parser: argparse.ArgumentParser) -> None:
    """FILE, --keep, --check, --root."""
    parser.description = (
        "Name, settings, tokens, secrets and Wi-Fi from a site file. The file is overwritten "
        "afterwards, and a report is left beside it."
    )
    parser.add_argument("file", metavar="FILE", type=Path, help="docs/provisioning.md describes it")
    parser.add_argument("--keep", action="store_true", help="leave the file as it is, and no report")
    parser.add_argument("--check", action="store_true", help="only say whether it could be used")
    parser.add_argument(
        "--root", metavar="DIR", type=Path, default=Path("/"), help="change the system below DIR (default: /)"
    )


def run(args: argparse.Namespace, place: Place) -> int:
    """Read all of it, then change the device, then overwrite the file."""
    if args.check:
        read_site(args.file)
        return 0
    if not args.file.is_file():
        raise SettingsError(f"there is no {args.file}")
    done: list[str] = []
    try:
        _provision(args, place, done)
        if not args.keep:
            done += _certificate(args, place)
    except (EdgeError, OSError) as problem:
        if not args.keep:
            with contextlib.suppress(OSError):  # a full partition: `problem` is what the journal must have
                _leave(args.file.with_suffix(".error.txt"), _in_words(args.file, problem, done))
        raise
    try:
        if not args.keep:
            _put_away(args.file, done)
    finally:
        print("\n".join(done))
    return 0


def _in_words(file: Path, problem: Exception, done: list[str]) -> list[str]:
    if not done:
        return [f"{file.name} was not used: {problem}"]
    rest = "What does not stand here was not done. The next start does all of it again."
    return [f"{file.name} was used in part: {problem}", "Done:", *done, rest]


def _put_away(file: Path, done: list[str]) -> None:
    """The report in the file's place. Raises EdgeError: the file has gone, and no report could be left."""
    report = file.with_suffix(".done.txt")
    missing = not (_overwritten(file) and report.exists())  # else of a start that was cut off here
    if missing:
        with contextlib.suppress(OSError):
            _leave(report, done)
            missing = False
    overwrite(file)
    file.with_suffix(".error.txt").unlink(missing_ok=True)
    file.unlink()
    try:
        if missing:
            _leave(report, done)  # in the room that the two had
    except OSError as error:
        raise EdgeError(f"{file} was used and is gone, but there is no report: {error}") from error
    finally:
        sync_folder(file.parent)


def _overwritten(path: Path) -> bool:
    return not path.read_bytes().strip(b"#")


def _leave(path: Path, lines: list[str]) -> None:
    """All of it or nothing. On a FAT partition: no owner, no mode. Raises OSError."""
    try:
        with path.open("w", encoding="utf-8") as file:
            file.write("\n".join([*lines, ""]))
            file.flush()
            os.fsync(file.fileno())
    except OSError:
        with contextlib.suppress(OSError):
            path.unlink()
        raise


def _provision(args: argparse.Namespace, place: Place, done: list[str]) -> None:
    """done: gets what was done, a line each, without secrets."""
    site = read_site(args.file)
    if place.settings_file is None:
        raise SettingsError("provision needs --settings FILE: the file that it is to change")
    name = host_name(site.name, args.root)
    text = _settings_with(site, place.settings_file)
    with owner_of(place.state), opened_store(place.state) as store:
        for token in site.tokens:
            _refuse_conflict(store, token)
    _set(site, place.settings_file, text, done)
    with owner_of(place.state), opened_store(place.state) as store:
        for token in site.tokens:
            done.append(_allowed(store, token))
    if site.wifi is not None:
        hindered = join_wifi(site.wifi, args.root)
        done += [f'Wi-Fi "{site.wifi.ssid}"', *(f"Wi-Fi: {words}" for words in hindered)]
    if name:
        set_host_name(name, args.root)
        done.append(f"name {name}: https://{name}.local")
    if not done:
        done.append("nothing was asked for")


def _secret_files(site: Site, path: Path) -> dict[str, str]:
    """The setting that names a secret's file -> that file."""
    return {key: str(path.with_name(key.partition("_")[0] + ".secret")) for key in site.secrets}


def _settings_with(site: Site, path: Path) -> str | None:
    """The settings file as it is to be, checked; None where it stays as it is. Raises SettingsError."""
    values = {**site.settings, **_secret_files(site, path)}
    if not values:
        return None
    try:
        before = path.read_text(encoding="utf-8")
    except OSError as error:
        raise SettingsError(f"{path}: {error.strerror}: install first") from error
    after = with_values(before, values)
    draft = path.with_name(f"{path.name}.draft")
    try:
        put(draft, after, _SECRET_MODE, like=path)
        load_settings(draft)
    finally:
        draft.unlink(missing_ok=True)
    return after


def _set(site: Site, path: Path, text: str | None, done: list[str]) -> None:
    """Secrets first, for a setting must not name a file that is not there. Raises OSError."""
    if text is None:
        return
    for key, file in _secret_files(site, path).items():
        put(Path(file), site.secrets[key] + "\n", _SECRET_MODE, like=path)
        done.append(f"secret {key.removesuffix('_file')}")
    put(path, text, _SECRET_MODE, like=path)
    for key, value in site.settings.items():
        done.append(f"{key} = {json.dumps(_without_secret(key, value), ensure_ascii=False)}")


def _without_secret(key: str, value: Any) -> Any:
    """For the report, which whoever has the card can read. A webhook's path is often all that it asks for."""
    if key != "webhook_url":
        return value
    scheme, _, rest = value.partition("://")
    return f"{scheme}://{re.split('[/?#]', rest)[0].rpartition('@')[2]}/..."


def _refuse_conflict(store: Store, token: TokenHash) -> None:
    """Raises SettingsError where the same token is here, and good for other things."""
    known = store.find_token(token.hash)
    if known is None or known.revoked is not None:
        return
    if (known.name, known.scopes, known.expires) != (token.name, token.scopes, token.expires):
        raise SettingsError(
            f'token "{token.name}" is here as "{known.name}", with other scopes or another end: '
            "make a new one"
        )


def _allowed(store: Store, token: TokenHash) -> str:
    """The token is in the store, or stays revoked. Another token of its name gives way to it."""
    known = store.find_token(token.hash)
    if known is not None and known.revoked is not None:
        return f'token "{known.name}" was revoked here, and stays so'
    if known is not None:
        store.set_quota(token.name, token.quota)
        return f'token "{token.name}"'
    if any(grant.name == token.name and grant.revoked is None for grant in store.tokens()):
        store.revoke_token(token.name)
    store.add_token(token.name, token.hash, token.scopes, token.quota, token.expires)
    return f'token "{token.name}"'


def _certificate(args: argparse.Namespace, place: Place) -> list[str]:
    """The fingerprint of the CA: with the card in a reader, it is known before the first connection. Raises
    CertificateError."""
    settings = place.settings()
    if settings.tls_certificate:
        return []
    folder = place.state / "tls"
    try:
        with owner_of(place.state):
            ensure(folder, settings.tls_names, SystemClock().now())
            return [f"CA of {socket.gethostname()}: SHA-256 {fingerprint(folder / 'ca.crt')}"]
    except (EdgeError, OSError) as error:
        raise CertificateError(f"the device's certificate could not be made: {error}") from error
