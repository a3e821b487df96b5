"""The recorded clips of signers: each in turn is what its signer is enrolled from, all others are seen."""

from __future__ import annotations

import csv
import io
import shutil
import statistics
from dataclasses import dataclass
from pathlib import Path

import av
from measuring.table import Table

from edge.budget import MemoryBudget
from edge.clock import SystemClock
from edge.engine import Engine
from edge.errors import EdgeError
from edge.picture import Source
from edge.portrait import portrait_of
from edge.quality import usefulness
from edge.settings import Settings
from edge.wiring import opened_device
from visiting.reporting import share
from visiting.running import Watched, watch

PHOTOGRAPHS = 4
"""Frames that a signer is enrolled with."""

_EVERY, _APART = 4, 8
"""Every so many frames is looked at; those chosen are so many frames apart at least."""

_FPS = 10
"""Frames looked at per second."""


@dataclass(frozen=True, slots=True)
class Trial:
    """One clip seen while the signer of another was known. identity: "" when nobody is in it. frames: from the
    first look to the name, None without one."""

    enrolled: str
    known: str
    clip: str
    identity: str
    sightings: int
    names: tuple[str, ...]
    frames: int | None


def run(folder: Path, state: Path, settings: Path | None) -> list[Trial]:
    """All of them."""
    with (folder / "index.csv").open(newline="") as stream:
        identities = {row["file"]: row["identity"] for row in csv.DictReader(stream)}
    trials = []
    for enrolled, known in identities.items():
        if not known:
            continue
        base = state / f"enrolled-{enrolled}"
        _enrol(base, known, folder / enrolled)
        for clip, identity in identities.items():
            if clip != enrolled:
                place = state / "seen"
                shutil.rmtree(place, ignore_errors=True)
                shutil.copytree(base, place)
                trials.append(_trial(enrolled, known, clip, identity, watch(place, folder / clip, settings)))
    return trials


def _trial(enrolled: str, known: str, clip: str, identity: str, seen: Watched) -> Trial:
    names = tuple(sorted({one.name for one in seen.sightings if one.name is not None}))
    begun = {one["sightingId"]: one["at"] for one in seen.events if one["event"] == "face.appeared"}
    waits = [
        one["at"] - begun[one["sightingId"]] for one in seen.events if one["event"] == "person.identified"
    ]
    frames = None if not waits else round(min(waits) * _FPS) + 1
    return Trial(enrolled, known, clip, identity, len(seen.sightings), names, frames)


def _enrol(state: Path, name: str, clip: Path) -> None:
    """Enrol somebody with the best frames of a clip."""
    known = "new"
    with opened_device(state, Settings()) as device:
        for data in best_frames(clip):
            known = device.enroller.train(data, name, known).person.id


def best_frames(clip: Path) -> list[bytes]:
    """The frames that make the best references, as JPEG; those where nobody can be seen are none."""
    engine = Engine.load(1)
    budget = MemoryBudget(1 << 30, 1 << 29, SystemClock())
    scored: list[tuple[float, int, bytes]] = []
    with av.open(str(clip)) as container:
        for number, frame in enumerate(container.decode(video=0)):
            if number % _EVERY:
                continue
            stream = io.BytesIO()
            frame.to_image().save(stream, "JPEG", quality=95)
            quality = _quality(engine, stream.getvalue(), budget)
            scored.append((quality, number, stream.getvalue()))
    chosen: list[tuple[float, int, bytes]] = []
    for one in sorted(scored, key=lambda one: -one[0]):
        if one[0] > 0 and all(abs(one[1] - other[1]) >= _APART for other in chosen):
            chosen.append(one)
    return [data for _, _, data in chosen[:PHOTOGRAPHS]]


def _quality(engine: Engine, data: bytes, budget: MemoryBudget) -> float:
    """Of the one face in a picture; 0 without one."""
    with Source(data, budget, 10.0) as source:
        faces = engine.detector.detect(source.picture(), Settings().min_confidence)
        if len(faces) != 1 or faces[0].landmarks is None:
            return 0.0
        try:
            seen = portrait_of(engine, source, faces[0], faces[0].landmarks)
        except EdgeError:
            return 0.0
    return usefulness(faces[0].confidence, seen.embedding.mirror, seen.embedding.model) * seen.look.sharpness


def table_of(trials: list[Trial]) -> Table:
    """A row a clip."""
    table = Table("Clips, their signer known from another clip")
    for clip in dict.fromkeys(trial.clip for trial in trials):
        mine = [trial for trial in trials if trial.clip == clip]
        identity = mine[0].identity
        if not identity:
            seen = sum(trial.sightings for trial in mine)
            table.check(f"{clip}, nobody in it: sightings", f"{seen} in {len(mine)} runs", "0", seen == 0)
            continue
        own = [trial for trial in mine if trial.known == identity]
        named = sum(trial.names == (identity,) for trial in own)
        found = sum(trial.sightings > 0 for trial in mine)
        wrong = sum(any(name != identity for name in trial.names) for trial in mine)
        split = max(trial.sightings for trial in mine) - 1
        frames = [trial.frames for trial in own if trial.frames is not None]
        took = f"{statistics.median(frames):g} (at most {max(frames)})" if frames else "-"
        figure = f"found {found} of {len(mine)}, named {named} of {len(own)}, wrong names {wrong}, frames to the name {took}, most sightings {split + 1}"
        table.check(
            f"{clip}, {identity}",
            figure,
            "found, no wrong name, at most 2 sightings",
            found == len(mine) and not wrong and split <= 1,
        )
    own = [trial for trial in trials if trial.identity and trial.known == trial.identity]
    other = [trial for trial in trials if trial.identity and trial.known != trial.identity]
    table.fact(
        "named, where the signer is known",
        share(sum(trial.names == (trial.identity,) for trial in own), len(own)),
    )
    table.check(
        "named, where the signer is a stranger",
        share(sum(bool(trial.names) for trial in other), len(other)),
        "0",
        not any(trial.names for trial in other),
    )
    return table
