"""What goes into a copy, and the sealed file made of it. The service may go on meanwhile."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from edge import __version__
from edge.backup.sealed import Header, read_header, write
from edge.backup.writing import scratch, whole
from edge.errors import BackupError
from edge.outlets.device import FILE as DEVICE_ID
from edge.store.copying import Census, check_copy, copied, copy_file, forget_everybody, put_files
from edge.store.schema import PEOPLE

SETTINGS = "settings.toml"
CERTIFICATES = ("tls/ca.crt", "tls/ca.key")
"""The device's CA. Its server certificate is made anew."""


def make_backup(
    state: Path, settings: Path | None, target: Path, passphrase: bytes | None, now: float
) -> Census:
    """One file (0600) with people, tokens, settings, identity and CA; what is in it.

    Without a passphrase it holds nothing that is a face or a key: tokens (as hashes), settings and identity.
    settings: their file, None when there is none. now: seconds since 1970 GMT. Raises BackupError,
    StoreError.
    """
    refuse_foreign_target(target)
    with scratch(state) as path:
        copy_whole(state, settings, path, faces=passphrase is not None)
        census = check_copy(path)
        with whole(target) as file, path.open("rb") as source:
            header = Header("backup", now, __version__, passphrase is not None)
            write(file, source, header, passphrase)
    return census


def copy_whole(state: Path, settings: Path | None, target: Path, *, faces: bool) -> None:
    """The people's file as it is now, with the small files in it. faces: also people and the CA's key."""
    copy_file(state / "people.sqlite", target, PEOPLE)
    names = (DEVICE_ID, *(CERTIFICATES if faces else ()))
    files = _there(state, names)
    if settings is not None and settings.is_file():
        files[SETTINGS] = settings.read_bytes()
    with copied(target) as database:
        if not faces:
            forget_everybody(database)
        put_files(database, files)


def _there(state: Path, names: Iterable[str]) -> dict[str, bytes]:
    return {name: (state / name).read_bytes() for name in names if (state / name).is_file()}


def refuse_foreign_target(target: Path) -> None:
    """A file that is there is replaced only when it is an earlier backup. Raises BackupError."""
    if not target.exists():
        return
    try:
        read_header(target)
    except (BackupError, OSError) as error:
        raise BackupError(f"{target} is there already, and is no backup: it was left as it is") from error
