"""What the clip shows, as a file beside it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from edge.face import Box
from visiting.cast import Cast
from visiting.film import file_of
from visiting.path import FPS, HEIGHT, WIDTH
from visiting.room import frames_of
from visiting.timetable import Timetable, Visit

CLEAR = 40.0
"""Width of a face, pixels of the full frame, from which a frame of it counts as clear."""

_EVERY = FPS // 2
"""Frames between two boxes of a track."""


def truth_of(table: Timetable, cast: Cast, poster: Box | None, found: dict[Path, bool]) -> dict[str, Any]:
    """All times in seconds from the first frame, boxes as left, top, width, height in pixels."""
    visits = [_visit(visit) for visit in table.visits]
    for number, chapter in enumerate(table.chapters):
        if chapter.poster:
            following = table.chapters[number + 1 :]
            end = following[0].start if following else table.seconds
            visits.append(_poster(len(visits), chapter.start, end, cast, poster))
    return {
        "fps": FPS,
        "width": WIDTH,
        "height": HEIGHT,
        "seconds": table.seconds,
        "frames": frames_of(table.seconds),
        "known": {person.identity: len(person.enrol) for person in cast.known},
        "unseen": sorted(file_of(path) for path, seen in found.items() if not seen),
        "visits": visits,
        "cuts": [chapter.start for chapter in table.chapters],
        "dark": table.dark,
        "empty": table.empty,
    }


def _visit(visit: Visit) -> dict[str, Any]:
    inside = [frame for frame in range(len(visit.path)) if 0 <= visit.path.x[frame] < WIDTH]
    boxes = {frame: visit.path.box(frame) for frame in inside}
    clear = [
        frame
        for frame, (left, _, width, _) in boxes.items()
        if width >= CLEAR and left >= 0 and left + width <= WIDTH
    ]
    return {
        "number": visit.number,
        "kind": visit.kind,
        "identity": visit.person.identity,
        "source": visit.person.source,
        "from": round(visit.start + inside[0] / FPS, 2),
        "to": round(visit.start + (inside[-1] + 1) / FPS, 2),
        "clear": len(clear),
        "widest": round(max(box[2] for box in boxes.values())),
        "again": visit.again,
        "mate": visit.mate,
        "crossing": visit.crossing,
        "shown": [file_of(path) for path in visit.photographs],
        "track": [
            [round(visit.start + frame / FPS, 2), *(round(side) for side in boxes[frame])]
            for frame in inside[::_EVERY]
        ],
    }


def _poster(number: int, start: float, end: float, cast: Cast, box: Box | None) -> dict[str, Any]:
    assert box is not None
    place = [round(side) for side in (box.left, box.top, box.width, box.height)]
    return {
        "number": number,
        "kind": "poster",
        "identity": cast.poster.identity,
        "source": cast.poster.source,
        "from": start,
        "to": end,
        "clear": frames_of(end - start),
        "widest": round(box.width),
        "again": None,
        "mate": None,
        "crossing": False,
        "shown": [file_of(cast.poster.shown[0])],
        "track": [[start, *place], [end, *place]],
    }


def write(path: Path, truth: dict[str, Any]) -> None:
    """As JSON, a visit a line."""
    lines = [f"{json.dumps(key)}: {json.dumps(value)}" for key, value in truth.items() if key != "visits"]
    visits = ",\n".join(json.dumps(visit) for visit in truth["visits"])
    path.write_text("{\n" + ",\n".join([*lines, f'"visits": [\n{visits}\n]']) + "\n}\n")
