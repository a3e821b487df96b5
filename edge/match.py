"""embedding -> verdict: is the nearest person near enough, and clearly nearer than the next?

The threshold follows the size of the gallery (more people, more chances for a stranger to resemble
one of them) and the number of references behind a template (a mean of several faces is nearer to
everybody). One constant would be wrong for all but one gallery.
"""

from __future__ import annotations

import enum
import math
from collections.abc import Mapping
from dataclasses import dataclass

from edge.errors import ModelError
from edge.gallery import Candidate

AT_THRESHOLD = 80.0
"""Similarity in percent at the threshold itself, whatever the gallery."""

LEARN_FROM = 90.0
"""Similarity in percent from which a match may become a reference although nobody said who it is."""

SAME_PERSON_CLAIM = 65.0
"""Similarity in percent, to the nearest reference, below which a picture is refused for a person somebody
says it shows: 1 in 30 strangers would pass, 1 in 300 true pictures would not (docs/matching.md)."""


@dataclass(frozen=True, slots=True)
class Calibration:
    """Thresholds of one embedding model, as cosines; for one false name in 1,000 strangers."""

    base: float
    """Threshold with 10 people of one reference each."""

    per_decade: float
    """Added for each tenfold of people."""

    per_tripling: float
    """Added for each tripling of the references behind a template."""

    margin: float
    """How much nearer the nearest must be than the next one."""

    duplicate: float
    """From here two references are the same picture again."""


CALIBRATIONS: Mapping[str, Calibration] = {
    "dlib-resnet-150-int8": Calibration(
        base=0.942, per_decade=0.0105, per_tripling=0.007, margin=0.005, duplicate=0.995
    ),
}
"""Measured by scripts/measure-recognition (docs/matching.md says on what and how)."""


class Kind(enum.StrEnum):
    """The three answers to "who is it"."""

    MATCH = "match"
    AMBIGUOUS = "ambiguous"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the gallery says of one face. similarity: percent, None for an empty gallery."""

    kind: Kind
    similarity: float | None
    person_row: int | None
    rival_row: int | None


def calibration_of(model: str) -> Calibration:
    """The calibration of an embedder. Raises ModelError for one that was never calibrated."""
    try:
        return CALIBRATIONS[model]
    except KeyError:
        raise ModelError(f"embedder {model} has no calibrated thresholds") from None


def threshold(calibration: Calibration, people: int, references: int) -> float:
    """The cosine a stranger reaches once in 1,000 times, in a gallery of that many people."""
    decades = math.log10(max(people, 10) / 10)
    triplings = math.log(max(references, 1)) / math.log(3)
    return min(
        calibration.base + calibration.per_decade * decades + calibration.per_tripling * triplings, 0.995
    )


def similarity_percent(score: float, threshold_score: float) -> float:
    """A cosine as a percentage: AT_THRESHOLD at the threshold, 100 at 1, linear between and below to 0."""
    percent = 100 - (100 - AT_THRESHOLD) * (1 - score) / (1 - threshold_score)
    return min(max(percent, 0.0), 100.0)


def decide(calibration: Calibration, nearest: list[Candidate], people: int) -> Verdict:
    """The verdict on the two nearest candidates (best first) of a gallery of that many people."""
    if not nearest:
        return Verdict(Kind.UNKNOWN, None, None, None)
    best = nearest[0]
    limit = threshold(calibration, people, best.references)
    similarity = similarity_percent(best.score, limit)
    if best.score < limit:
        return Verdict(Kind.UNKNOWN, similarity, None, None)
    if len(nearest) > 1 and best.score - nearest[1].score < calibration.margin:
        return Verdict(Kind.AMBIGUOUS, similarity, best.person_row, nearest[1].person_row)
    return Verdict(Kind.MATCH, similarity, best.person_row, None)
