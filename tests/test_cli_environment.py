"""What the command line sets for the libraries below, before they are loaded."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

SPILL = """
import os, sys
from edge.cli import main

assert main(["token", "list", "--state", sys.argv[1]]) == 0
import sqlite3

database = sqlite3.connect("")
database.execute("PRAGMA temp_store = FILE")
database.execute("PRAGMA cache_size = 10")
database.execute("CREATE TABLE copy (crop BLOB)")
database.executemany("INSERT INTO copy VALUES (?)", [(bytes(100_000),)] * 20)
for number in os.listdir("/proc/self/fd"):
    if os.path.lexists(f"/proc/self/fd/{number}"):
        print(os.readlink(f"/proc/self/fd/{number}"))
"""
"""A database without a name is a temporary file, as is the copy that VACUUM makes."""


def test_temporary_copies_stay_in_the_state_folder(tmp_path: Path) -> None:
    """Not in /var/tmp, which others share, may be read-only, and nobody thinks of when a card is wiped."""
    command = [sys.executable, "-c", SPILL, str(tmp_path / "state")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True, timeout=60)
    temporary = [line for line in done.stdout.splitlines() if "etilqs_" in line]
    assert temporary
    assert all(line.startswith(str(tmp_path / "state") + "/") for line in temporary)
