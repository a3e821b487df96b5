"""The passphrase of a backup, from a file: a command line can be read by every user of a machine."""

from __future__ import annotations

import getpass
import sys
import unicodedata
from pathlib import Path

from edge.errors import BackupError

LEAST = 12
"""Characters. scrypt makes each guess dear, but not impossible."""
_MOST = 1024
_MARK = b"\xef\xbb\xbf"
"""What some editors put before a text in UTF-8."""


def read_passphrase(path: Path | None, *, new: bool = False) -> bytes | None:
    """The first line of the file, "-" for standard input; None for None. Raises BackupError, OSError.

    A terminal is asked without showing what is typed; twice when it is `new`, for nobody could open the file
    after a slip.
    """
    if path is None:
        return None
    if str(path) == "-":
        text = _asked(new) if sys.stdin.isatty() else sys.stdin.buffer.readline(_MOST)
    else:
        with path.open("rb") as file:
            text = file.readline(_MOST)
    passphrase = _same(text.removeprefix(_MARK).rstrip(b"\r\n"))
    if len(passphrase.decode(errors="replace")) < LEAST:
        raise BackupError(f"the passphrase has fewer than {LEAST} characters")
    return passphrase


def _asked(twice: bool) -> bytes:
    typed = getpass.getpass("passphrase: ")
    if twice and getpass.getpass("once more: ") != typed:
        raise BackupError("these are two different passphrases, and nothing was written")
    return typed.encode(errors="surrogateescape")


def _same(text: bytes) -> bytes:
    """Whatever keyboard it comes from: an accented letter is one character (NFC, Unicode Annex 15)."""
    try:
        return unicodedata.normalize("NFC", text.decode()).encode()
    except UnicodeDecodeError:
        return text
