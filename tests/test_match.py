"""Verdicts: strangers stay strangers."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge import match
from edge.engine import EMBEDDER
from edge.errors import ModelError
from edge.gallery import Candidate
from edge.match import Kind

CALIBRATION = match.calibration_of(EMBEDDER)


def test_nobody_known_means_unknown_without_similarity() -> None:
    verdict = match.decide(CALIBRATION, [], 0)
    assert verdict.kind is Kind.UNKNOWN
    assert verdict.similarity is None


def test_the_threshold_rises_with_people_and_with_references() -> None:
    thresholds = [match.threshold(CALIBRATION, people, 1) for people in (1, 10, 100, 1000, 100_000)]
    assert thresholds == sorted(thresholds)
    assert thresholds[0] == thresholds[1] < thresholds[2]
    assert match.threshold(CALIBRATION, 10, 3) > match.threshold(CALIBRATION, 10, 1)
    assert match.threshold(CALIBRATION, 10**12, 10**6) < 1


@given(st.floats(-1, 1), st.integers(1, 100_000), st.integers(1, 8))
def test_similarity_is_at_80_exactly_where_the_verdict_turns(
    score: float, people: int, references: int
) -> None:
    verdict = match.decide(CALIBRATION, [Candidate(7, score, references)], people)
    assert verdict.similarity is not None
    assert 0 <= verdict.similarity <= 100
    assert (verdict.kind is Kind.MATCH) == (score >= match.threshold(CALIBRATION, people, references))
    if verdict.kind is Kind.MATCH:
        assert verdict.similarity >= match.AT_THRESHOLD - 1e-9
        assert verdict.person_row == 7
    else:
        assert verdict.similarity <= match.AT_THRESHOLD
        assert verdict.person_row is None


def test_two_people_almost_equally_near_are_ambiguous() -> None:
    nearest = [Candidate(1, 0.990, 1), Candidate(2, 0.990 - CALIBRATION.margin / 2, 1)]
    verdict = match.decide(CALIBRATION, nearest, 50)
    assert (verdict.kind, verdict.person_row, verdict.rival_row) == (Kind.AMBIGUOUS, 1, 2)
    clear = [Candidate(1, 0.990, 1), Candidate(2, 0.990 - CALIBRATION.margin * 2, 1)]
    assert match.decide(CALIBRATION, clear, 50).kind is Kind.MATCH


def test_an_embedder_without_thresholds_is_refused() -> None:
    with pytest.raises(ModelError, match="no calibrated thresholds"):
        match.calibration_of("guesswork")
