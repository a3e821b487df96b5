"""A device with 512 MB copies a store that is larger than what it has left."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

MIB = 1 << 20
PEOPLE, CROPS, CROP = 100, 20, 16_000
"""32 MB of crops in all; each of CROP bytes."""

PROBE = """
import os, sys
from pathlib import Path
from edge.store import open_store
from edge.store.copying import copied, copy_file, forget_erased, forget_everybody
from edge.store.departed import hash_of
from edge.store.schema import PEOPLE

def most():
    (line,) = (line for line in open("/proc/self/status") if line.startswith("VmHWM"))
    return int(line.split()[1]) * 1024

state, people, crops, crop = Path(sys.argv[1]), *map(int, sys.argv[3:])
with open_store(state) as store, store.writing() as writing:
    database = store._people.database
    for _ in range(people):
        person = writing.create_person(None)
        for _ in range(crops):
            row = database.execute(
                "INSERT INTO reference (person, quality, added) VALUES (?, 0.5, 1.0)", (person.row,)
            ).lastrowid
            database.execute("INSERT INTO crop VALUES (?, NULL, ?)", (row, os.urandom(crop)))
copy_file(state / "people.sqlite", state / "copy", PEOPLE)
before = most()
with copied(state / "copy") as database:
    if sys.argv[2] == "everybody":
        forget_everybody(database)
    else:
        forget_erased(database, {hash_of(person.id): 1.0})
print(most() - before)
"""


@pytest.mark.parametrize("who", ["one", "everybody"])
def test_whom_a_copy_forgets_takes_no_memory(tmp_path: Path, who: str) -> None:
    command = (sys.executable, "-c", PROBE, str(tmp_path / "state"), who, *map(str, (PEOPLE, CROPS, CROP)))
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parent.parent,
        env=os.environ | {"SQLITE_TMPDIR": str(tmp_path)},
    )
    assert int(done.stdout) < 8 * MIB
    assert list(tmp_path.iterdir()) == [tmp_path / "state"]
