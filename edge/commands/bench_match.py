"""How long one face takes against a gallery, beside what NumPy needs to read the same matrix once."""

from __future__ import annotations

import statistics
import time

import numpy as np

from edge.gallery import Gallery, unit

_SIZES = (1_000, 10_000, 100_000)
_MIB = 1 << 20


def match_rows(dimensions: int, seconds: float) -> list[tuple[str, str, str, str, str]]:
    """References (people of one each), match, plain dot, their ratio, memory of the gallery."""
    draw = np.random.default_rng(1)
    gallery = Gallery(dimensions)
    rows = []
    for size in _SIZES:
        for person in range(len(gallery), size):
            gallery.update(person, draw.standard_normal((1, dimensions), np.float32))
        matrix = unit(draw.standard_normal((size, dimensions), np.float32))
        face = unit(draw.standard_normal(dimensions, np.float32))
        match, plain = _alternating(gallery, matrix, face, seconds)
        rows.append(
            (
                f"{size:,}",
                f"{1000 * match:.3f} ms",
                f"{1000 * plain:.3f} ms",
                f"{match / plain:.2f}",
                f"{gallery.memory / _MIB:.1f} MiB",
            )
        )
    return rows


def _alternating(
    gallery: Gallery, matrix: np.ndarray, face: np.ndarray, seconds: float
) -> tuple[float, float]:
    """Median seconds of a match and of a plain dot."""
    match: list[float] = []
    plain: list[float] = []
    end = time.perf_counter() + seconds
    while len(match) < 3 or time.perf_counter() < end:
        began = time.perf_counter()
        gallery.nearest(face)
        between = time.perf_counter()
        matrix @ face
        plain.append(time.perf_counter() - between)
        match.append(between - began)
    return statistics.median(match), statistics.median(plain)
