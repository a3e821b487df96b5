"""The bare pipeline: what the models and the decoding alone cost, without a server and without a store."""

from __future__ import annotations

from edge.engine import Engine
from edge.landmarks import steadied
from edge.picture import decode
from edge.portrait import cut_out_portrait
from edge.settings import Settings
from edge.vision import DETECT_SIDE

MIN_CONFIDENCE = Settings().min_confidence


class Bare:
    """The steps of each endpoint, called one after the other; for one thread."""

    def __init__(self) -> None:
        self._engine = Engine.load(1)

    def detect(self, data: bytes) -> int:
        """Decode, detect; the number of faces."""
        return len(self._engine.detector.detect(decode(data, long_side=DETECT_SIDE), MIN_CONFIDENCE))

    def portrait(self, data: bytes) -> int:
        """Decode, detect, look again at each face and embed it: what identify and train need; the number of faces."""
        picture = decode(data, long_side=DETECT_SIDE)
        faces = self._engine.detector.detect(picture, MIN_CONFIDENCE)
        for face in faces:
            assert face.landmarks is not None
            self._engine.embedder.embed(picture, steadied(self._engine.landmark_net, picture, face.landmarks))
        return len(faces)

    def crop(self, data: bytes) -> int:
        """Decode, find the landmarks of a cut-out face, embed: what index needs; 1."""
        cut_out_portrait(self._engine, decode(data))
        return 1
