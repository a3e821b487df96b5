"""Verdicts: strangers stay strangers."""

from __future__ import annotations

import hashlib
import json
import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge import match
from edge.calibration import Calibration, Mirror, Tail, calibration_of
from edge.errors import ModelError
from edge.gallery import Candidate
from edge.match import Kind
from edge.outliers import OUTLIER_RATE
from edge.settings import EMBEDDERS

CALIBRATIONS = [calibration_of(model) for model in EMBEDDERS.values()]
CALIBRATION = CALIBRATIONS[0]
RATES = st.sampled_from([1e-5, 1e-4, 1e-3, 1e-2, 0.1])
SCORES = st.floats(-1, 1)
PEOPLE = st.integers(1, 100_000)
REFERENCES = st.integers(1, 64)


def test_nobody_known_means_unknown_without_similarity() -> None:
    verdict = match.decide(CALIBRATION, [], 0, 1e-3)
    assert verdict.kind is Kind.UNKNOWN
    assert verdict.similarity is None


@pytest.mark.parametrize("calibration", CALIBRATIONS)
def test_the_threshold_rises_with_people_references_and_rarity(calibration: Calibration) -> None:
    by_people = [calibration.threshold(1e-3, people, 1) for people in (1, 10, 100, 1000, 100_000)]
    assert by_people == sorted(set(by_people))
    by_references = [calibration.threshold(1e-3, 10, references) for references in (1, 2, 3, 5, 8)]
    assert by_references == sorted(set(by_references))
    assert by_references[-1] == calibration.threshold(1e-3, 10, 64)
    assert calibration.threshold(1e-4, 10, 1) > calibration.threshold(1e-3, 10, 1)
    assert 0.2 < by_people[0] < by_people[-1] < 1
    assert calibration.threshold(1e-6, 10**12, 10**6) < 1


@pytest.mark.parametrize("calibration", CALIBRATIONS)
@given(rate=RATES, people=PEOPLE, references=REFERENCES)
def test_threshold_and_rate_are_each_others_inverse(
    calibration: Calibration, rate: float, people: int, references: int
) -> None:
    threshold = calibration.threshold(rate, people, references)
    if threshold < 0.999:
        found = calibration.log_rate(threshold, people, references)
        assert found == pytest.approx(math.log10(rate), abs=1e-6)


@pytest.mark.parametrize("calibration", CALIBRATIONS)
@given(scores=st.tuples(SCORES, SCORES), people=PEOPLE, references=REFERENCES, rate=RATES)
def test_similarity_never_falls_when_the_score_rises(
    calibration: Calibration, scores: tuple[float, float], people: int, references: int, rate: float
) -> None:
    rates = [calibration.log_rate(score, people, references) for score in sorted(scores)]
    found = [match.similarity_percent(log_rate, rate) for log_rate in rates]
    assert 0 <= found[0] <= found[1] <= 100


def test_similarity_in_words() -> None:
    """The scale of docs/matching.md."""
    percents = {0.0: 0, -1.0: 25, -2.0: 50, -3.0: 75, -4.0: 80, -6.0: 90, -9.0: 100}
    for log_rate, percent in percents.items():
        assert match.similarity_percent(log_rate, 1e-3) == pytest.approx(percent)
    assert match.similarity_percent(-4.0, 1e-4) == match.AT_THRESHOLD


@given(score=SCORES, people=PEOPLE, references=REFERENCES, rate=RATES)
def test_similarity_is_at_75_exactly_where_the_verdict_turns(
    score: float, people: int, references: int, rate: float
) -> None:
    verdict = match.decide(CALIBRATION, [Candidate(7, score, references)], people, rate)
    assert verdict.similarity is not None
    assert 0 <= verdict.similarity <= 100
    threshold = CALIBRATION.threshold(rate, max(people, match.LEAST_PEOPLE), references)
    assert (verdict.kind is Kind.MATCH) == (score >= threshold)
    if verdict.kind is Kind.MATCH:
        assert verdict.similarity >= match.AT_THRESHOLD
        assert verdict.person_row == 7
    else:
        assert verdict.similarity <= match.BELOW_THRESHOLD
        assert round(verdict.similarity, 1) < match.AT_THRESHOLD
        assert verdict.person_row is None


@given(people=PEOPLE, references=REFERENCES, rate=RATES)
def test_next_to_the_threshold_no_rounding_puts_the_similarity_on_the_other_side(
    people: int, references: int, rate: float
) -> None:
    threshold = CALIBRATION.threshold(rate, max(people, match.LEAST_PEOPLE), references)
    for score in (math.nextafter(threshold, -1), threshold, math.nextafter(threshold, 1)):
        verdict = match.decide(CALIBRATION, [Candidate(7, score, references)], people, rate)
        assert verdict.similarity is not None
        for digits in (0, 1, 2):
            told = round(verdict.similarity, digits)
            assert told >= match.AT_THRESHOLD if verdict.kind is Kind.MATCH else digits == 0 or told < 75


def test_a_match_at_the_highest_threshold_is_at_least_75_percent() -> None:
    """More people than a threshold below 0.999 would do for."""
    verdict = match.decide(CALIBRATION, [Candidate(7, 0.9995, 8)], 10**30, 1e-6)
    assert CALIBRATION.log_rate(0.9995, 10**30, 8) > -6
    assert (verdict.kind, verdict.similarity) == (Kind.MATCH, match.AT_THRESHOLD)


def test_two_people_almost_equally_near_are_ambiguous() -> None:
    high = 0.99
    nearest = [Candidate(1, high, 1), Candidate(2, high - CALIBRATION.margin / 2, 1)]
    verdict = match.decide(CALIBRATION, nearest, 50, 1e-3)
    assert (verdict.kind, verdict.person_row, verdict.rival_row) == (Kind.AMBIGUOUS, 1, 2)
    clear = [Candidate(1, high, 1), Candidate(2, high - CALIBRATION.margin * 2, 1)]
    assert match.decide(CALIBRATION, clear, 50, 1e-3).kind is Kind.MATCH


def test_of_two_equally_near_the_one_with_fewer_references_is_the_rarer_match() -> None:
    """The mean of several faces is nearer to everybody: the same cosine says less."""
    score = CALIBRATION.threshold(1e-3, 10, 1) + 0.001
    nearest = [Candidate(1, score, 8), Candidate(2, score, 1)]
    verdict = match.decide(CALIBRATION, nearest, 10, 1e-3)
    assert (verdict.kind, verdict.person_row) == (Kind.AMBIGUOUS, 2)


def test_between_the_measured_numbers_of_references_the_tail_is_between() -> None:
    tails = ((1, Tail(0.0, -4.0, 0.0)), (4, Tail(1.0, -4.0, 0.0)))
    calibration = Calibration(tails, 0.01, 0.99, Mirror(0.99, 0.9))
    assert calibration.tail(2) == Tail(0.5, -4.0, 0.0)
    assert calibration.tail(1) == tails[0][1]
    assert calibration.tail(9) == tails[1][1]


def test_a_claim_needs_more_than_a_strangers_likeness() -> None:
    score = CALIBRATION.tail(1).score(math.log10(match.CLAIM_RATE))
    assert CALIBRATION.log_rate(score, 1, 1) == pytest.approx(math.log10(match.CLAIM_RATE), abs=1e-3)
    assert OUTLIER_RATE < match.CLAIM_RATE
    assert match.BELOW_THRESHOLD < match.AT_THRESHOLD < match.LEARN_FROM < 100


def test_an_embedder_without_thresholds_is_refused() -> None:
    with pytest.raises(ModelError, match="no calibrated thresholds"):
        calibration_of("guesswork")


GOOD = {
    "tails": {"1": [-1.7, 5.7, -18.7], "4": [-1.0, -2.0, 0.0]},
    "margin": 0.08,
    "duplicate": 0.97,
    "mirror": {"typical": 0.97, "uneven": 0.93},
}


def written(folder: Path, content: object) -> Calibration:
    text = json.dumps(content)
    (folder / "m.calibration.json").write_text(text)
    (folder / "SHA256SUMS").write_text(f"{hashlib.sha256(text.encode()).hexdigest()}  m.calibration.json\n")
    return calibration_of("m", folder)


@pytest.mark.parametrize(
    "nonsense",
    [
        {"tails": {}},
        {"tails": []},
        {"tails": {"0": [-1.7, 5.7, -18.7]}},
        {"tails": {"1": [-1.7, 5.7]}},
        {"tails": {"1": [-1.7, 5.7, math.nan]}},
        {"tails": {"1": [-1.0, 2.0, 0.0]}},
        {"tails": {"1": [-1.0, 0.0, 0.0]}},
        {"tails": {"1": [-9.0, 1.0, -1.0]}},
        {"tails": {"1": [-1.0, -4.0, 3.0]}},
        {"margin": -0.1},
        {"margin": math.inf},
        {"duplicate": 0},
        {"duplicate": 1.1},
        {"mirror": {"typical": 1.0, "uneven": 0.9}},
        {"mirror": {"typical": 0.9}},
    ],
    ids=str,
)
def test_nonsense_is_no_calibration(tmp_path: Path, nonsense: dict[str, object]) -> None:
    assert written(tmp_path, GOOD).margin == 0.08
    with pytest.raises(ModelError, match="calibration of m"):
        written(tmp_path, {**GOOD, **nonsense})
