"""How much room the memory card has."""

from __future__ import annotations

import os
from pathlib import Path

_MIB = 1 << 20


def free_mib(path: Path) -> float:
    """Free space (MiB) where `path` is, as far as this user may use it. Raises OSError."""
    status = os.statvfs(path)
    return status.f_bavail * status.f_frsize / _MIB
