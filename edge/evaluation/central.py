"""Whom a photograph is of, where it was made for one person: the one in the middle."""

from __future__ import annotations

from collections.abc import Sequence

from edge.face import Box, Face


def central(faces: Sequence[Face], width: float, height: float) -> Face | None:
    """The face nearest to the centre of the picture (pixels), big ones preferred, that can be embedded.

    In photographs made for one person the person is in the middle; one in five of LFW shows others, too.
    """
    able = [face for face in faces if face.landmarks is not None]
    place = central_box([face.box for face in able], width, height)
    return None if place is None else able[place]


def central_box(boxes: Sequence[Box], width: float, height: float) -> int | None:
    """The index of the box that central() would take."""

    def off_centre(place: int) -> float:
        box = boxes[place]
        across, down = box.left + box.width / 2 - width / 2, box.top + box.height / 2 - height / 2
        return abs(across) + abs(down) - 0.3 * box.width

    return min(range(len(boxes)), key=off_centre, default=None)
