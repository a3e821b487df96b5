"""Whose face it is, by several views: strangers are not named, and nobody is decided on by one frame."""

from __future__ import annotations

import numpy as np
import pytest

from edge.calibration import calibration_of
from edge.engine import EMBEDDER
from edge.evidence import GOOD_VIEWS, OPEN, SAME, STRICTER, Evidence, Opinion, View, usable, weight
from edge.face import Vector
from edge.gallery import Gallery, unit

CALIBRATION = calibration_of(EMBEDDER)
RATE = 0.001


def near(vector: Vector, cosine: float, seed: int) -> Vector:
    """A unit vector at that cosine."""
    other = np.random.default_rng(seed).standard_normal(len(vector)).astype(np.float32)
    other -= (other @ vector) * vector
    return unit(cosine * vector + np.sqrt(1 - cosine**2) * unit(other))


def somebody(seed: int) -> Vector:
    return unit(np.random.default_rng(seed).standard_normal(192).astype(np.float32))


@pytest.fixture
def gallery() -> Gallery:
    """20 people with three references each."""
    found = Gallery(192)
    for row in range(20):
        found.update(row, np.stack([near(somebody(row), 0.9, 1000 + 3 * row + k) for k in range(3)]))
    return found


def views(
    mean: Vector, count: int, cosine: float = 0.9, *, good: bool = True, weight: float = 1.0
) -> list[View]:
    return [View(near(mean, cosine, 5000 + number), weight, good, number / 4) for number in range(count)]


def evidence(*seen: View) -> Evidence:
    found = Evidence()
    for view in seen:
        found.add(view)
    return found


def test_one_view_decides_nothing(gallery: Gallery) -> None:
    """However like a known person it is."""
    assert evidence(*views(somebody(7), 1, 0.99)).belief(CALIBRATION, gallery, RATE, final=True) == OPEN
    assert Evidence().belief(CALIBRATION, gallery, RATE, final=True) == OPEN


def test_two_views_name_somebody(gallery: Gallery) -> None:
    belief = evidence(*views(somebody(7), 2)).belief(CALIBRATION, gallery, RATE, final=True)
    assert (belief.opinion, belief.person_row) == (Opinion.KNOWN, 7)
    assert belief.similarity is not None
    assert belief.similarity >= 80


def test_poor_views_together_name_somebody(gallery: Gallery) -> None:
    """Each alone would be too far away; their mean is not."""
    poor = views(somebody(7), 6, 0.6)
    alone = [match_of(view, gallery) for view in poor]
    assert max(alone) < CALIBRATION.threshold(RATE * STRICTER, 20, 3)
    assert evidence(*poor).belief(CALIBRATION, gallery, RATE, final=True).person_row == 7


def match_of(view: View, gallery: Gallery) -> float:
    return gallery.nearest(view.vector)[0].score


def test_a_stranger_needs_good_views(gallery: Gallery) -> None:
    """Blurred ones are not what somebody is remembered by."""
    seen = views(somebody(99), GOOD_VIEWS)
    assert evidence(*seen[:-1]).belief(CALIBRATION, gallery, RATE, final=True) == OPEN
    assert evidence(*seen).belief(CALIBRATION, gallery, RATE, final=True).opinion is Opinion.STRANGER
    assert (
        evidence(*views(somebody(99), 12, good=False)).belief(CALIBRATION, gallery, RATE, final=True) == OPEN
    )


def test_a_stranger_is_one_only_in_the_end(gallery: Gallery) -> None:
    """While more views may come nobody is written off; a name is given at once."""
    seen = evidence(*views(somebody(99), 6))
    assert seen.belief(CALIBRATION, gallery, RATE, final=False) == OPEN
    assert evidence(*views(somebody(7), 2)).belief(CALIBRATION, gallery, RATE, final=False).person_row == 7


def test_from_afar_and_near(gallery: Gallery) -> None:
    """What was seen badly at first does not count beside what is seen well."""
    afar = [View(near(somebody(7), 0.4, 6000 + n), 0.5, True, n / 4) for n in range(4)]
    close = [View(near(somebody(7), 0.8, 7000 + n), 2.0, True, 1 + n / 4) for n in range(2)]
    assert evidence(*afar).belief(CALIBRATION, gallery, RATE, final=False) == OPEN
    assert evidence(*afar, *close).belief(CALIBRATION, gallery, RATE, final=False).person_row == 7


def test_one_good_moment_of_somebody_known(gallery: Gallery) -> None:
    """Many bad views and one that is near: not enough for a name, but no stranger."""
    bad = [View(near(somebody(99), 0.9, 6000 + n), 1.0, True, n / 4) for n in range(6)]
    mixed = unit(somebody(7) + 0.6 * somebody(99))
    found = evidence(*bad, View(mixed, 1.0, True, 2.0))
    assert len(found.views) == 7
    assert found.belief(CALIBRATION, gallery, RATE, final=True) == OPEN


def test_neither_known_nor_certainly_a_stranger(gallery: Gallery) -> None:
    """As near as one stranger in 1,000 gets: too far for a name, too near to be taken for somebody new."""
    threshold = CALIBRATION.threshold(RATE, 20, 3)
    template = gallery.nearest(somebody(7))[0]
    face = near(somebody(7), threshold / template.score, 77)
    seen = views(face, 8, 0.999)
    assert match_of(seen[0], gallery) == pytest.approx(threshold, abs=0.03)
    assert evidence(*seen).belief(CALIBRATION, gallery, RATE, final=True) == OPEN


def test_two_who_resemble_each_other_stay_open(gallery: Gallery) -> None:
    """Twins: nobody is guessed, and no third person is made of them."""
    gallery.update(7, np.stack([near(somebody(50), 0.9, 1)]))
    gallery.update(8, np.stack([near(somebody(50), 0.9, 2)]))
    assert evidence(*views(somebody(50), 8)).belief(CALIBRATION, gallery, RATE, final=True) == OPEN


def test_nobody_is_known_yet() -> None:
    """The first stranger in an empty gallery is one."""
    seen = evidence(*views(somebody(1), GOOD_VIEWS))
    assert seen.belief(CALIBRATION, Gallery(192), RATE, final=True).opinion is Opinion.STRANGER


def test_the_track_goes_over_to_another(gallery: Gallery) -> None:
    """One view of somebody else does not count; a second one is a contradiction."""
    found = evidence(*views(somebody(7), 3))
    for number, view in enumerate(views(somebody(8), 2)):
        assert found.contradicted == (number > 1)
        found.add(view)
    assert found.contradicted
    assert len(found.views) == 3
    assert found.belief(CALIBRATION, gallery, RATE, final=True).person_row == 7


def test_one_wrong_view_is_forgiven(gallery: Gallery) -> None:
    found = evidence(*views(somebody(7), 3), *views(somebody(8), 1), *views(somebody(7), 1))
    assert not found.contradicted
    assert len(found.views) == 4


def test_of_two_that_disagree_the_better_stays() -> None:
    """A first glance at the edge of the frame must not stand against all that come."""
    blurred, sharp = views(somebody(1), 1, weight=0.2)[0], views(somebody(2), 1, weight=0.9)[0]
    assert [view.vector @ sharp.vector > SAME for view in evidence(blurred, sharp).views] == [True]
    assert [view.vector @ sharp.vector > SAME for view in evidence(sharp, blurred).views] == [True]


def test_good_views_count_more() -> None:
    """The mean lies nearer to the sharp one."""
    one, other = View(somebody(1), 0.9, True, 0.0), View(near(somebody(1), 0.6, 3), 0.3, True, 0.1)
    mean = evidence(one, other).mean
    assert mean @ one.vector > mean @ other.vector
    assert np.linalg.norm(mean) == pytest.approx(1, abs=1e-5)


def test_weights() -> None:
    """Large, sharp and useful counts most; nothing counts nothing."""
    assert weight(0.9, 0.4, 100) > weight(0.9, 0.1, 100) > 0
    assert weight(0.9, 0.4, 100) > weight(0.9, 0.4, 30) > 0
    assert weight(0.9, 0.4, 100) > weight(0.2, 0.4, 100) > 0
    assert weight(0.0, 0.0, 0.0) > 0


def test_promise() -> None:
    """Frontal and large faces first."""
    assert usable(100, 0) > usable(100, 50) > usable(100, -80) > 0
    assert usable(100, 0) > usable(40, 0)
