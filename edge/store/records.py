"""The values that the store gives and takes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from edge.face import Look, Vector

EnrolledBy = Literal["train", "index", "camera"]


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody. row: never used again. id: the personId, a uuid. name: None is "unknown" on the wire.

    created: seconds since 1970 GMT. enrolled_by: the endpoint they came in by, or the camera. revision: the
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
    """One remembered look of a person, with its vector for one embedder.

    row: None before it is stored. vector: float32, comparable with those of the same `model` only.
    quality: higher is more useful. added: seconds since 1970 GMT. crop: the aligned crop, an encoded
    picture. landmarks: 4 x 2 float32, pixels of the crop. Both None when not kept, or not asked for.
    look: what was measured of it, None when nothing was. set_aside: seconds since 1970 GMT from when on
    it counts for no gallery, None while it does.
    """

    row: int | None
    vector: Vector
    model: str
    quality: float
    added: float
    crop: bytes | None = None
    landmarks: Vector | None = None
    look: Look | None = None
    set_aside: float | None = None


@dataclass(frozen=True, slots=True)
class Remembered:
    """A reference without its vectors, as people are shown it.

    added, look, set_aside: as in Reference. models: the embedders that have a vector of it. crop_bytes:
    size of the kept crop, None without one. set_aside_why: in words, None while it is in use.
    """

    row: int
    quality: float
    added: float
    models: tuple[str, ...]
    crop_bytes: int | None
    look: Look | None
    set_aside: float | None
    set_aside_why: str | None


@dataclass(frozen=True, slots=True, eq=False)
class KeptLook:
    """A kept crop that an embedder has not seen yet: the reference's row, the encoded picture, and the
    landmarks on it (4 x 2 float32, pixels; None in a file of long ago)."""

    reference_row: int
    crop: bytes
    landmarks: Vector | None


@dataclass(frozen=True, slots=True)
class Coverage:
    """How much of the store an embedder knows, in references, those set aside included.

    embedded: have its vector. pending: have none yet, and a crop to make it from. unreadable: have a crop
    that it could not read. cropless: have neither. lost: people whom the gallery knows now, and would not
    with this embedder when all that is pending is done.
    """

    embedded: int
    pending: int
    unreadable: int
    cropless: int
    lost: int


@dataclass(frozen=True, slots=True)
class Sighting:
    """Somebody in front of a camera, from when they were first seen to when they were last.

    row: never used again. id: a uuid. person_row: None while nobody was recognised. started, ended: seconds
    since 1970 GMT. open: whether it goes on. similarity: percent, the best. frames: in which the face was
    seen (count). crop_bytes: size of the kept crop, None without one.
    """

    row: int
    id: str
    camera: str
    person_row: int | None
    started: float
    ended: float
    open: bool
    similarity: float | None
    frames: int
    crop_bytes: int | None
