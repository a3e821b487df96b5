"""face -> portrait: align and embed one face, from as fine a picture as that needs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from edge.crop import read_crop
from edge.engine import Engine
from edge.face import Box, Embedding, Face, Landmarks, Pixels, Vector
from edge.gallery import unit
from edge.picture import Picture, Source


@dataclass(frozen=True, slots=True, eq=False)
class Portrait:
    """A face that was embedded, and what is kept of it: the aligned crop and the landmarks on it."""

    face: Face
    embedding: Embedding
    crop: Pixels
    crop_landmarks: Vector


def portrait_of(engine: Engine, source: Source, face: Face, landmarks: Landmarks) -> Portrait:
    """The portrait of a detected face, from as fine a picture as its chip needs."""
    matrix = engine.embedder.alignment(landmarks)
    scale = float(np.hypot(matrix[0, 0], matrix[1, 0]))
    picture = source.picture(round(scale * max(source.width, source.height)))
    crop, crop_landmarks = engine.embedder.reference_crop(picture, landmarks)
    return Portrait(face, engine.embedder.embed(picture, landmarks), crop, crop_landmarks)


def cut_out_portrait(engine: Engine, picture: Picture) -> Portrait:
    """The portrait of a picture that is one cut-out face. Raises NoFace."""
    readings = read_crop(engine.landmark_net, picture)
    best = readings[0]
    face = Face(Box(0.0, 0.0, picture.width, picture.height), best.landmarks.score, best.landmarks)
    embeddings = [
        engine.embedder.embed(picture, reading.landmarks, reading.squeeze).vector * np.float32(reading.weight)
        for reading in readings
    ]
    embedding = Embedding(unit(np.sum(embeddings, axis=0)), engine.embedder.id)
    crop, landmarks = engine.embedder.reference_crop(picture, best.landmarks, best.squeeze)
    return Portrait(face, embedding, crop, landmarks)
