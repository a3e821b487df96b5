"""face -> portrait: align and embed one face, from as fine a picture as that needs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from edge.crop import find_in_crop
from edge.engine import Engine
from edge.face import Box, Embedding, Face, Landmarks, Pixels, Vector
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
    return _made(engine, picture, face, landmarks, 1.0)


def cut_out_portrait(engine: Engine, picture: Picture) -> Portrait:
    """The portrait of a picture that is one cut-out face. Raises NoFace."""
    landmarks, squeeze = find_in_crop(engine.landmark_net, picture)
    face = Face(Box(0.0, 0.0, picture.width, picture.height), landmarks.score, landmarks)
    return _made(engine, picture, face, landmarks, squeeze)


def _made(engine: Engine, picture: Picture, face: Face, landmarks: Landmarks, squeeze: float) -> Portrait:
    embedding = engine.embedder.embed(picture, landmarks, squeeze)
    crop, crop_landmarks = engine.embedder.reference_crop(picture, landmarks, squeeze)
    return Portrait(face, embedding, crop, crop_landmarks)
