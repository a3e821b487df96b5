"""face -> portrait: align and embed one face, from as fine a picture as that needs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from edge.crop import read_crop
from edge.engine import Engine
from edge.face import Box, Embedding, Face, Landmarks, Look
from edge.gallery import unit
from edge.landmarks import steadied
from edge.picture import Picture, Source
from edge.quality import look_of

FINE_SIDE = 192
"""Pixels that a cut-out face is enlarged to before it is sampled: both networks want more than 64, and what
comes of a Lanczos enlargement is nearer to the photograph's embedding than bilinear sampling."""


@dataclass(frozen=True, slots=True, eq=False)
class Portrait:
    """A face that was embedded. squeeze: true width / height of the pixels its landmarks count."""

    face: Face
    embedding: Embedding
    landmarks: Landmarks
    look: Look
    squeeze: float = 1.0


def portrait_of(engine: Engine, source: Source, face: Face, landmarks: Landmarks) -> Portrait:
    """The portrait of a detected face, from as fine a picture as its chip needs."""
    scale = engine.embedder.template.scale(landmarks)
    picture = source.picture(round(scale * max(source.width, source.height)))
    return portrait_on(engine, picture, face, landmarks)


def portrait_on(engine: Engine, picture: Picture, face: Face, landmarks: Landmarks) -> Portrait:
    """The portrait of a face, from a picture that is fine enough. landmarks: first look, picture pixels."""
    landmarks = steadied(engine.landmark_net, picture, landmarks)
    embedding = engine.embedder.embed(picture, landmarks)
    return Portrait(face, embedding, landmarks, look_of(picture, face, landmarks, embedding.mirror))


def enough(picture: Picture) -> Picture:
    """The picture, enlarged when it is a small cut-out (see FINE_SIDE)."""
    times = -(-FINE_SIDE // max(picture.width, picture.height))
    return picture.enlarged(times) if times > 1 else picture


def cut_out_portrait(engine: Engine, picture: Picture) -> Portrait:
    """The portrait of a picture that is one cut-out face. Raises NoFace."""
    picture = enough(picture)
    readings = read_crop(engine.landmark_net, picture)
    steady = [steadied(engine.landmark_net, picture, one.landmarks, one.squeeze) for one in readings]
    landmarks, squeeze = steady[0], readings[0].squeeze
    face = Face(Box(0.0, 0.0, picture.width, picture.height), landmarks.score, landmarks)
    embeddings = [
        engine.embedder.embed(picture, seen, reading.squeeze)
        for seen, reading in zip(steady, readings, strict=True)
    ]
    weights = np.array([reading.weight for reading in readings], np.float32)
    vector = unit(weights @ np.stack([embedding.vector for embedding in embeddings]))
    mirror = embeddings[0].mirror
    look = look_of(picture, face, landmarks, mirror, squeeze)
    return Portrait(face, Embedding(vector, engine.embedder.id, mirror), landmarks, look, squeeze)
