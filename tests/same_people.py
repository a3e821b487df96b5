"""Do both TFLite runtimes find the same people in the same photographs?

    python -m tests.same_people OTHER_PYTHON

OTHER_PYTHON has the other runtime. Each of the two enrols the portraits into a store of its own, then
looks for these people with its own store and with the other's. All four tables must be the same. What a
child prints is one JSON object; scripts/test runs this after the tests.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from edge.interpreter import runtime
from edge.settings import Settings
from edge.wiring import Device, opened_device
from tests.photographs import photographs, two_people

PORTRAITS = {"obama.jpg": "Barack", "biden.jpg": "Joe", "astronaut.png": "Eileen"}

Table = dict[str, list[list[str]]]
"""For each photograph its people from left to right: name and verdict."""


def enrol(device: Device) -> None:
    """Everybody by name, unless they are there already."""
    if not device.store.people():
        for file, name in PORTRAITS.items():
            device.enroller.train(photographs()[file].read_bytes(), name, None)


def look(device: Device) -> Table:
    """Who is in every photograph."""
    table: Table = {}
    for path in (*photographs().values(), two_people()):
        found = sorted(device.recognizer.identify(path.read_bytes()), key=lambda face: face.face.box.left)
        table[path.name] = [
            [(face.person.name if face.person else None) or "unknown", face.verdict.value] for face in found
        ]
    return table


def child(state: Path) -> None:
    """One runtime, one store."""
    with opened_device(state, Settings(workers=1)) as device:
        enrol(device)
        answer = {"runtime": f"{runtime().name} {runtime().version}", "people": look(device)}
    json.dump(answer, sys.stdout)


def ask(python: str, state: Path) -> tuple[str, Table]:
    """What the runtime of that Python finds with that store."""
    command = [python, "-m", "tests.same_people", "--state", str(state)]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True, timeout=600)
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer["runtime"], answer["people"]


def main() -> int:
    """0 when all agree."""
    if sys.argv[1] == "--state":
        child(Path(sys.argv[2]))
        return 0
    with tempfile.TemporaryDirectory() as folder:
        pythons = (sys.executable, sys.argv[1])
        states = [Path(folder) / name for name in ("this", "other")]
        own = [ask(python, state) for python, state in zip(pythons, states, strict=True)]
        crossed = [ask(python, state) for python, state in zip(pythons, reversed(states), strict=True)]
    runtimes = [name for name, _ in own]
    tables = [table for _, table in own + crossed]
    recognised = sum(verdict == "match" for people in tables[0].values() for _, verdict in people)
    for file, people in tables[0].items():
        others = [table[file] for table in tables[1:]]
        print(f"{file:24} {people if all(people == other for other in others) else [people, *others]}")
    if runtimes[0].split()[0] == runtimes[1].split()[0]:
        print(f"both are {runtimes[0]}: nothing was compared")
        return 1
    same = all(table == tables[0] for table in tables)
    print(f"{' and '.join(runtimes)}: {'the same' if same else 'DIFFERENT'} people, {recognised} recognised")
    return 0 if same and recognised > len(PORTRAITS) else 1


if __name__ == "__main__":
    sys.exit(main())
