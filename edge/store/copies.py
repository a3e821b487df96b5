"""The nightly copies in the state folder: their names, and which of them is whole.

    backups/2026-11-25.0123456789abcdef.sqlite

The day (GMT) that it is of, and the beginning of the SHA-256 of its bytes: a file renamed into its place
carries its own proof, and nothing beside it can be older or newer than it is.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

FOLDER = "backups"
_NAME = re.compile(r"(\d{4}-\d\d-\d\d)\.([0-9a-f]{16})\.sqlite", re.ASCII)


@dataclass(frozen=True, slots=True)
class Copy:
    """A nightly copy. date: the GMT day, as 2026-11-25. digest: what its bytes must hash to."""

    path: Path
    date: str
    digest: str

    def whole(self) -> bool:
        """Whether all its bytes are as they were written; reads the file."""
        try:
            return digest_of(self.path) == self.digest
        except OSError:
            return False


def digest_of(path: Path) -> str:
    """The first 16 hexadecimal digits of the file's SHA-256. Raises OSError."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:16]


def name_of(date: str, digest: str) -> str:
    """The file name of a copy."""
    return f"{date}.{digest}.sqlite"


def day_of(now: float) -> str:
    """The GMT day, as 2026-11-25, of a time (seconds since 1970 GMT)."""
    return str(datetime.fromtimestamp(now, UTC).date())


def nightly_copies(state: Path) -> list[Copy]:
    """Those in the state folder, the newest day first."""
    found = [
        Copy(path, match[1], match[2])
        for path in (state / FOLDER).glob("*.sqlite")
        if (match := _NAME.fullmatch(path.name))
    ]
    return sorted(found, key=lambda copy: (copy.date, copy.path.name), reverse=True)


def newest_first(copies: Iterable[Copy], today: str) -> list[Copy]:
    """The newest day first; those of days after today last: a clock that was ahead made them, who knows when.

    today: the GMT day, as 2026-11-25.
    """
    return sorted(copies, key=lambda copy: (copy.date <= today, copy.date, copy.path.name), reverse=True)


def last_good(state: Path, today: str) -> Copy | None:
    """The newest that is whole, and of today or before if there is one; reads one file or more."""
    return next((copy for copy in newest_first(nightly_copies(state), today) if copy.whole()), None)


def way_out(state: Path, today: str) -> str:
    """What somebody can do whose people are damaged or missing, in words; empty without a copy."""
    copy = last_good(state, today)
    if copy is not None:
        return f"the last good copy is of {copy.date}: `api-face restore --nightly {copy.date}` takes it"
    copies = len(nightly_copies(state))
    return f"none of the {copies} nightly copies is whole" if copies else ""
