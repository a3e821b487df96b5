"""Enrol people into a state folder, and run `api-face watch` over a clip."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from edge.errors import EdgeError
from edge.settings import Settings
from edge.store import Store
from edge.wiring import Device, opened_device, opened_store

ROOT = Path(__file__).resolve().parent.parent.parent

_PAGE = 500


@dataclass(frozen=True, slots=True)
class Seen:
    """A sighting as it stands in the store. started, ended: seconds of the clip. person: its row; id: its
    personId; name: None for a stranger. crop: the kept picture, a JPEG."""

    sighting: str
    person: int | None
    id: str | None
    name: str | None
    started: float
    ended: float
    similarity: float | None
    frames: int
    crop: bytes | None


@dataclass(frozen=True, slots=True)
class Watched:
    """What came of a run. events: as the lines tell them, "at" being seconds of the clip; figures: of
    --figures; sightings: by their start."""

    events: list[dict[str, Any]]
    figures: dict[str, Any]
    sightings: list[Seen]


def enrol(state: Path, folder: Path) -> list[str]:
    """Enrol a folder of NAME/*.jpg as an operator would: a new person, then more pictures of that person. What
    was refused, in words."""
    refused = []
    with opened_device(state, Settings()) as device:
        for person in sorted(path for path in folder.iterdir() if path.is_dir()):
            refused += _enrol_one(device, person.name, sorted(person.glob("*.jpg")))
    return refused


def _enrol_one(device: Device, name: str, photographs: list[Path]) -> list[str]:
    refused, known = [], "new"
    for path in photographs:
        try:
            known = device.enroller.train(path.read_bytes(), name, known).person.id
        except EdgeError as error:
            refused.append(f"{name}/{path.name}: {error.message}")
    return refused


def watch(state: Path, clip: Path, settings: Path | None = None) -> Watched:
    """Run it at full speed to the clip's end. settings: a settings.toml. Raises CalledProcessError."""
    figures, lines = state / "figures.json", state / "events.jsonl"
    command = [*api_face(state, settings), "watch", "--camera", f"file:{clip}?speed=full", "--json"]
    command += ["--figures", str(figures)]
    with lines.open("w") as stream, (state / "log.txt").open("w") as log:
        subprocess.run(command, cwd=ROOT, check=True, stdout=stream, stderr=log)
    return watched(state)


def watched(state: Path) -> Watched:
    """What the last run in a state folder has left there."""
    found = json.loads((state / "figures.json").read_text())
    events = [
        json.loads(line) for line in (state / "events.jsonl").read_text().splitlines() if line[:1] == "{"
    ]
    start = found["started"] or 0.0
    for event in events:
        event["at"] = _seconds(event["time"]) - start
    with opened_store(state) as store:
        return Watched(events, found, sorted(_sightings(store, start), key=lambda one: one.started))


def api_face(state: Path, settings: Path | None) -> list[str]:
    """The beginning of a command line."""
    more = [] if settings is None else ["--settings", str(settings)]
    return [sys.executable, "-m", "edge", "--state", str(state), *more]


def _sightings(store: Store, start: float) -> Iterator[Seen]:
    before: int | None = None
    while page := store.sightings(before_row=before, limit=_PAGE):
        for one in page:
            person = None if one.person_row is None else store.person_by_row(one.person_row)
            yield Seen(
                sighting=one.id,
                person=one.person_row,
                id=None if person is None else person.id,
                name=None if person is None else person.name,
                started=one.started - start,
                ended=one.ended - start,
                similarity=one.similarity,
                frames=one.frames,
                crop=store.sighting_crop(one.id),
            )
        before = page[-1].row


def _seconds(text: str) -> float:
    """Since 1970 GMT, of an event's time."""
    return datetime.fromisoformat(text).timestamp()
