"""The passphrase of a backup, from a file: a command line can be read by every user of a machine."""

from __future__ import annotations

import sys
from pathlib import Path

from edge.errors import BackupError

LEAST = 12
"""Characters. scrypt makes each guess dear, but not impossible."""
_MOST = 1024


def read_passphrase(path: Path | None) -> bytes | None:
    """The first line of the file, "-" for standard input; None for None. Raises BackupError, OSError."""
    if path is None:
        return None
    if str(path) == "-":
        text = sys.stdin.buffer.readline(_MOST)
    else:
        with path.open("rb") as file:
            text = file.readline(_MOST)
    passphrase = text.rstrip(b"\r\n")
    if len(passphrase.decode(errors="replace")) < LEAST:
        raise BackupError(f"the passphrase has fewer than {LEAST} characters")
    return passphrase
