"""The matrix of people."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.gallery import Gallery, unit


def vectors(seed: int, count: int, dimensions: int = 16) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return unit(rng.standard_normal((count, dimensions)).astype(np.float32))


def test_an_empty_gallery_knows_nobody() -> None:
    assert Gallery(16).nearest(vectors(0, 1)[0]) == []


def test_nearest_gives_the_person_and_the_runner_up() -> None:
    gallery = Gallery(16)
    faces = vectors(1, 50)
    for row, face in enumerate(faces, 1):
        gallery.update(row, face[np.newaxis])
    nearest = gallery.nearest(faces[10])
    assert nearest[0].person_row == 11
    assert nearest[0].score > 0.999
    assert nearest[1].person_row != 11
    assert nearest[1].score == np.sort(np.delete(faces, 10, axis=0) @ faces[10])[-1]


def test_the_template_is_the_mean_of_the_references() -> None:
    gallery = Gallery(16)
    references = vectors(2, 3)
    gallery.update(5, references)
    found = gallery.nearest(unit(references.mean(axis=0, dtype=np.float32)))[0]
    assert found.references == 3
    assert found.score > 0.9999


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.integers(1, 12), st.integers(0, 3)), max_size=60))
def test_updates_in_any_order_leave_what_a_dictionary_would_hold(changes: list[tuple[int, int]]) -> None:
    gallery = Gallery(16)
    expected: dict[int, np.ndarray] = {}
    for step, (row, count) in enumerate(changes):
        references = vectors(step, count)
        gallery.update(row, references)
        if count:
            expected[row] = unit(unit(references).mean(axis=0))
        else:
            expected.pop(row, None)
    assert len(gallery) == len(expected)
    for row, template in expected.items():
        best = gallery.nearest(template, 1)[0]
        assert best.score > 0.999
        assert best.person_row == row or np.allclose(expected[best.person_row], template, atol=1e-5)


def test_people_may_come_in_any_order() -> None:
    forwards, backwards = Gallery(16), Gallery(16)
    faces = vectors(4, 300)
    for row in range(300):
        forwards.update(row, faces[row : row + 1])
        backwards.update(299 - row, faces[299 - row : 300 - row])
    for gallery in (forwards, backwards):
        for row in (7, 0, 299):
            gallery.update(row, np.zeros((0, 16), np.float32))
        assert len(gallery) == 297
        for row in (1, 150, 298):
            assert gallery.nearest(faces[row])[0].person_row == row
        assert gallery.nearest(faces[7])[0].person_row != 7
