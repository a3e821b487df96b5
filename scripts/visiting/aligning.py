"""Which visit of the truth a sighting belongs to: by time, and where that does not tell, by the face."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from typing import Any

from edge.engine import Engine
from edge.face import Vector
from visiting.running import Seen
from visiting.stills import embedded

_SLACK = 0.5
"""Seconds by which a sighting may begin earlier and end later than a visit."""

_LEAST = 0.3
"""Share of a sighting within a visit, or of the visit within the sighting, from which it may belong there."""


class Faces:
    """The faces of the photographs that were shown, by what the embedder makes of them. shown: that folder."""

    def __init__(self, shown: Path) -> None:
        self._engine = Engine.load(1)
        self._shown = shown
        self._vectors: dict[str, Vector | None] = {}

    def likeness(self, crop: bytes | None, visit: dict[str, Any]) -> float:
        """Cosine of a sighting's crop and the nearest photograph of a visit; -1 where there is none."""
        if crop is None:
            return -1.0
        mine = self._embedded(crop)
        theirs = [self._photograph(name) for name in visit["shown"]]
        return max(
            (float(mine @ one) for one in theirs if one is not None and mine is not None), default=-1.0
        )

    def _photograph(self, name: str) -> Vector | None:
        if name not in self._vectors:
            self._vectors[name] = self._embedded((self._shown / name).read_bytes())
        return self._vectors[name]

    def _embedded(self, data: bytes) -> Vector | None:
        found = embedded(self._engine, data)
        return None if found is None else found.vector


def align(sightings: list[Seen], visits: list[dict[str, Any]], faces: Faces) -> dict[int | None, list[Seen]]:
    """The sightings of each visit, by its number; under None those of a time when nobody was there."""
    found: dict[int | None, list[Seen]] = defaultdict(list)
    for seen in sightings:
        able = [visit for visit in visits if _within(seen, visit) >= _LEAST]
        if len(able) > 1:
            able = [max(able, key=lambda visit: (faces.likeness(seen.crop, visit), _named(seen, visit)))]
        found[able[0]["number"] if able else None].append(seen)
    return found


def _within(seen: Seen, visit: dict[str, Any]) -> float:
    """How much of the shorter one, sighting or visit, they have in common."""
    start, end = seen.started, max(seen.ended, seen.started + 0.2)
    shared = min(end, visit["to"] + _SLACK) - max(start, visit["from"] - _SLACK)
    return max(shared, 0.0) / min(end - start, visit["to"] - visit["from"])


def _named(seen: Seen, visit: dict[str, Any]) -> bool:
    return seen.name == visit["identity"]
