"""face_recognition as its README uses it: load_image_file, face_locations (HOG), face_encodings (one jitter).

Its documented tolerance is a distance of 0.6. The package under it is dlib-bin (a wheel) or dlib (compiled).
"""

from __future__ import annotations

import importlib.metadata
import io
from collections.abc import Callable

import dlib
import face_recognition

from peers.answering import DISTANCE, Seen, answer, versions_of

TOLERANCE = 0.6
"""compare_faces of face_recognition 1.3.0: "0.6 is typical best performance"."""


def look(data: bytes, detected: Callable[[], None]) -> Seen:
    image = face_recognition.load_image_file(io.BytesIO(data))
    places = face_recognition.face_locations(image)
    detected()
    vectors = face_recognition.face_encodings(image, places)
    boxes = [(left, top, right - left, bottom - top) for top, right, bottom, left in places]
    return Seen(image.shape[1], image.shape[0], boxes, vectors)


def main() -> None:
    installed = {dist.metadata["Name"] for dist in importlib.metadata.distributions()}
    under = "dlib" if "dlib" in installed else "dlib-bin"
    built = f"AVX {dlib.USE_AVX_INSTRUCTIONS}, NEON {dlib.USE_NEON_INSTRUCTIONS}, BLAS {dlib.DLIB_USE_BLAS}"
    versions = versions_of("face_recognition", under, "numpy", "pillow")
    answer(look, f"{versions} (dlib built with {built})", DISTANCE, TOLERANCE)


if __name__ == "__main__":
    main()
