"""The values that the store gives and takes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from edge.face import Vector

EnrolledBy = Literal["train", "index"]


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody. row: never used again. id: the personId, a uuid. name: None is "unknown" on the wire.

    created: seconds since 1970 GMT. enrolled_by: the endpoint they came in by. revision: the
    store's revision of the last change to them or their references.
    """

    row: int
    id: str
    name: str | None
    created: float
    enrolled_by: EnrolledBy
    revision: int


@dataclass(frozen=True, slots=True, eq=False)
class Reference:
    """One remembered look of a person.

    row: None before it is stored. vector: float32, comparable with those of the same `model` only.
    quality: higher is more useful. added: seconds since 1970 GMT. crop: the aligned crop, an encoded
    picture. landmarks: 4 x 2 float32, pixels of the crop. Both None when not kept, or not asked for.
    """

    row: int | None
    vector: Vector
    model: str
    quality: float
    added: float
    crop: bytes | None = None
    landmarks: Vector | None = None
