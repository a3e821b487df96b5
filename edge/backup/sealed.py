"""The file that is taken away: a header in words, then frames, each sealed or at least checked.

    api-face backup\\n                          16 bytes
    {"format": 1, "kind": "backup", ...}\\n     one line of JSON, at most 4,096 bytes
    frames                                     4 bytes of length (big-endian), then so many bytes

A frame holds up to 64 KiB and 16 bytes more. Sealed: AES-256-GCM, the nonce is the frame's number (11
bytes) and 1 for the last frame, else 0; the SHA-256 of all that stands before the first frame is
authenticated with each (the STREAM construction: Hoang, Reyhanitabar, Rogaway, Vizar 2015). So frames
cannot be left out, swapped, added, or put under another header. The key: scrypt (RFC 7914) of the
passphrase with a salt of this file alone, so nonces never meet a key twice; 16 further bytes of it, hashed,
stand in the header to tell a wrong passphrase from a damaged file. Not sealed: the 16 bytes are the
beginning of a SHA-256, which finds damage, not malice.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from edge.errors import BackupError

FORMAT = 1
_MAGIC = b"api-face backup\n"
_MOST_HEADER = 4096
_FRAME = 65536
_TAG = 16
_COST = {"n": 2**15, "r": 8, "p": 3}
"""scrypt takes 32 MiB and, on a slow board, some seconds (OWASP's list of equal costs, 2023)."""
_MOST_MEMORY = 1 << 26
_MOST_PASSES = 6
"""What a header may ask for: a file must not take the device's memory (128 * n * r bytes) or time (p)."""


@dataclass(frozen=True, slots=True)
class Header:
    """What a file says of itself. kind: "backup", or "people" (a pack). created: seconds since 1970 GMT.
    sealed: whether a passphrase opens it."""

    kind: str
    created: float
    release: str
    sealed: bool


class _Lock(Protocol):
    def close(self, number: int, last: bool, data: bytes) -> bytes: ...
    def open(self, number: int, last: bool, data: bytes) -> bytes | None: ...


class _Sealed:
    """AES-256-GCM."""

    def __init__(self, key: bytes, bound: bytes) -> None:
        self._cipher = AESGCM(key)
        self._bound = bound

    def close(self, number: int, last: bool, data: bytes) -> bytes:
        return self._cipher.encrypt(_place(number, last), data, self._bound)

    def open(self, number: int, last: bool, data: bytes) -> bytes | None:
        try:
            return self._cipher.decrypt(_place(number, last), data, self._bound)
        except InvalidTag:
            return None


class _Checked:
    """A checksum."""

    def __init__(self, bound: bytes) -> None:
        self._bound = bound

    def close(self, number: int, last: bool, data: bytes) -> bytes:
        return data + hashlib.sha256(self._bound + _place(number, last) + data).digest()[:_TAG]

    def open(self, number: int, last: bool, data: bytes) -> bytes | None:
        plain = data[:-_TAG]
        return plain if self.close(number, last, plain) == data else None


def _place(number: int, last: bool) -> bytes:
    return number.to_bytes(11, "big") + bytes([last])


def write(target: BinaryIO, source: BinaryIO, header: Header, passphrase: bytes | None) -> None:
    """Everything of `source`, behind the header. passphrase: None for a file that is not sealed."""
    fields: dict[str, object] = {
        "format": FORMAT,
        "kind": header.kind,
        "created": header.created,
        "release": header.release,
        "sealed": passphrase is not None,
    }
    key = b""
    if passphrase is not None:
        salt = secrets.token_bytes(16)
        key, check = _keys(passphrase, salt, _COST)
        fields |= {"scrypt": _COST, "salt": salt.hex(), "check": check}
    head = _MAGIC + json.dumps(fields).encode() + b"\n"
    lock = _lock(key, head)
    target.write(head)
    data, number = source.read(_FRAME), 0
    while True:
        following = source.read(_FRAME) if data else b""
        frame = lock.close(number, not following, data)
        target.write(len(frame).to_bytes(4, "big") + frame)
        if not following:
            return
        data, number = following, number + 1


def read_header(path: Path) -> Header:
    """What the file says of itself; nothing of it is proven. Raises BackupError, OSError."""
    with path.open("rb") as file:
        fields, _ = _head(file, path)
    return _header(fields, path)


def read(target: BinaryIO, path: Path, kind: str, passphrase: bytes | None) -> Header:
    """Everything that `write` was given, into `target`, which is only good when this returns.

    Raises BackupError: not such a file, or of another kind; a newer format; a wrong passphrase; damaged or
    truncated. Raises OSError.
    """
    with path.open("rb") as file:
        fields, head = _head(file, path)
        header = _header(fields, path)
        if header.kind != kind:
            command = "restore" if header.kind == "backup" else "people import"
            raise BackupError(f"{path} is made for `api-face {command}`")
        if passphrase is not None and not header.sealed:
            raise BackupError(f"{path} is not sealed, although a passphrase was given: is it the right file?")
        lock = _lock(_key(fields, passphrase, path) if header.sealed else b"", head)
        for number, (last, frame) in enumerate(_frames(file, path)):
            data = lock.open(number, last, frame)
            if data is None:
                cut = last and lock.open(number, False, frame) is not None
                raise BackupError(f"{path} is {'truncated' if cut else 'damaged'} after {number} frames")
            target.write(data)
    return header


def _frames(file: BinaryIO, path: Path) -> Iterator[tuple[bool, bytes]]:
    """Each frame, and whether nothing follows it."""
    length = file.read(4)
    if not length:
        raise BackupError(f"{path} is truncated after its header")
    while length:
        size = int.from_bytes(length, "big")
        frame = file.read(size) if _TAG <= size <= _FRAME + _TAG else b""
        if not frame:
            raise BackupError(f"{path} is damaged: a frame says that it is {size} bytes long")
        if len(frame) < size:
            raise BackupError(f"{path} is truncated in the middle of a frame")
        length = file.read(4)
        if 0 < len(length) < 4:
            raise BackupError(f"{path} is truncated between two frames")
        yield not length, frame


def _head(file: BinaryIO, path: Path) -> tuple[dict[str, object], bytes]:
    if file.read(len(_MAGIC)) != _MAGIC:
        raise BackupError(f"{path} is no backup of api-face")
    line = file.readline(_MOST_HEADER)
    try:
        fields = json.loads(line) if line.endswith(b"\n") else None
    except ValueError:
        fields = None
    if not isinstance(fields, dict):
        raise BackupError(f"{path} is damaged: its header cannot be read")
    return fields, _MAGIC + line


def _header(fields: dict[str, object], path: Path) -> Header:
    if fields.get("format") != FORMAT:
        newer = isinstance(fields.get("format"), int)
        words = f"has format {fields['format']}, this release knows {FORMAT}" if newer else "is damaged"
        raise BackupError(f"{path} {words}")
    match fields:
        case {"kind": str(kind), "created": int() | float() as created, "release": str(release)}:
            return Header(kind, float(created), release, fields.get("sealed") is True)
    raise BackupError(f"{path} is damaged: its header lacks something")


def _key(fields: dict[str, object], passphrase: bytes | None, path: Path) -> bytes:
    if passphrase is None:
        raise BackupError(f"{path} is sealed: --passphrase-file names the file with its passphrase")
    match fields:
        case {"scrypt": {"n": int(n), "r": int(r), "p": int(p)}, "salt": str(salt), "check": str(wanted)}:
            cost = {"n": n, "r": r, "p": p}
        case _:
            raise BackupError(f"{path} is damaged: its header lacks something")
    try:
        if min(n, r, p) < 1 or 128 * n * r > _MOST_MEMORY or p > _MOST_PASSES:
            raise ValueError
        key, check = _keys(passphrase, bytes.fromhex(salt), cost)
    except ValueError as error:
        raise BackupError(f"{path} is damaged: its header asks for an impossible key") from error
    if not secrets.compare_digest(check.encode(), wanted.encode()):
        raise BackupError(f"this is not the passphrase of {path}")
    return key


def _keys(passphrase: bytes, salt: bytes, cost: dict[str, int]) -> tuple[bytes, str]:
    """The key, and what stands in the header to recognise the passphrase by."""
    derived = Scrypt(salt=salt, length=48, **cost).derive(passphrase)
    return derived[:32], hashlib.sha256(derived[32:]).hexdigest()


def _lock(key: bytes, head: bytes) -> _Lock:
    bound = hashlib.sha256(head).digest()
    return _Sealed(key, bound) if key else _Checked(bound)
