"""The faces of a replay without the loop: one photograph each, as `identify` would judge it.

It bounds what the loop can reach: who is not like their enrolment in a sharp photograph will not be on film.
"""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

from edge.budget import MemoryBudget
from edge.clock import SystemClock
from edge.engine import Engine
from edge.errors import EdgeError
from edge.face import Box, Embedding
from edge.match import Kind
from edge.picture import Source
from edge.portrait import cut_out_portrait, portrait_of
from edge.settings import Settings
from edge.store import Person
from edge.wiring import Device, opened_device
from visiting.scoring import Score

_LEAST = 0.3
"""Confidence from which a face is believed where one is known to be."""


def score(state: Path, truth: dict[str, Any], shown: Path) -> Score:
    """How each photograph that is shown is judged. state: where the known people are enrolled."""
    found = Score()
    engine = Engine.load(1)
    with opened_device(state, Settings()) as device:
        for kind in ("known", "stranger", "passer"):
            whose = {
                name: one["identity"]
                for one in truth["visits"]
                if one["kind"] == kind
                for name in one["shown"]
            }
            hits = dict.fromkeys(("named", "somebody else's name", "not embedded"), 0)
            for name, identity in sorted(whose.items()):
                answer = _judged(device, embedded(engine, (shown / name).read_bytes()))
                word = (
                    "not embedded"
                    if answer == ""
                    else "named"
                    if answer == identity
                    else "somebody else's name"
                )
                if answer is not None:
                    hits[word] += 1
                if answer != identity and (answer or kind == "known"):
                    found.note(kind, f"{name} is {answer or 'unknown'}")
            for word, count in hits.items():
                found.shares[f"{kind}: {word}"] = count, len(whose)
        _returns(device, engine, [one for one in truth["visits"] if one["kind"] == "stranger"], shown, found)
    return found


def _returns(device: Device, engine: Engine, visits: list[dict[str, Any]], shown: Path, found: Score) -> None:
    """Whether those who come again would be known by the photographs of their first visit."""
    ids: dict[str, str] = {}
    for visit in (one for one in visits if one["again"] is None):
        for name in visit["shown"]:
            known = ids.get(visit["identity"], "new")
            with contextlib.suppress(EdgeError):  # it is then no reference in the loop, either
                ids[visit["identity"]] = device.enroller.train(
                    (shown / name).read_bytes(), None, known
                ).person.id
    for way in ("same", "other"):
        again = [visit for visit in visits if visit["again"] == way]
        kept = 0
        for visit in again:
            answers = [
                _whose(device, embedded(engine, (shown / name).read_bytes())) for name in visit["shown"]
            ]
            rows = {None if one is None else one.id for one in answers}
            kept += ids.get(visit["identity"], "") in rows
        found.shares[f"strangers: known again ({way} photographs)"] = kept, len(again)


def embedded(engine: Engine, data: bytes) -> Embedding | None:
    """Of a picture that is one face with some of what is around it; None: no face was found."""
    with Source(data, MemoryBudget(1 << 29, 1 << 28, SystemClock()), 10.0) as source:
        picture = source.picture()
        faces = [face for face in engine.detector.detect(picture, _LEAST) if face.landmarks is not None]
        middle = Box(0.2 * source.width, 0.2 * source.height, 0.6 * source.width, 0.6 * source.height)
        best = max(faces, key=lambda face: face.box.overlap(middle), default=None)
        if best is not None and best.landmarks is not None:
            return portrait_of(engine, source, best, best.landmarks).embedding
        try:
            return cut_out_portrait(engine, picture).embedding
        except EdgeError:
            return None


def _judged(device: Device, embedding: Embedding | None) -> str | None:
    """A name; None: unknown or ambiguous; "": there was nothing to judge."""
    if embedding is None:
        return ""
    person = _whose(device, embedding)
    return None if person is None else person.name


def _whose(device: Device, embedding: Embedding | None) -> Person | None:
    """None: unknown, ambiguous, or there was nothing to judge."""
    if embedding is None:
        return None
    verdict = device.recognizer.verdict(embedding)
    if verdict.kind is not Kind.MATCH or verdict.person_row is None:
        return None
    return device.store.person_by_row(verdict.person_row)
