"""embedding -> verdict: is the nearest person near enough, and clearly nearer than the next?

The threshold follows the size of the gallery (more people, more chances for a stranger to resemble
one of them) and the number of references behind a template (a mean of several faces is nearer to
everybody), for the rate of false names that the installer has chosen. One constant would be wrong for
all but one gallery.
"""

from __future__ import annotations

import enum
import math
from dataclasses import dataclass

from edge.calibration import Calibration
from edge.gallery import Candidate

AT_THRESHOLD = 75.0
"""Similarity in percent at the threshold itself, whatever the gallery and the chosen rate."""

BELOW_THRESHOLD = 74.9
"""What an unknown face is at most similar to anybody: rounded to a tenth, it still is below AT_THRESHOLD."""

PER_DECADE = 5.0
"""Percent above the threshold for each factor of ten by which fewer strangers get there."""

LEARN_FROM = AT_THRESHOLD + PER_DECADE
"""Similarity in percent from which a match may become a reference although nobody said who it is: ten times
fewer strangers get there than to the threshold."""

LEAST_PEOPLE = 10
"""A smaller gallery counts as this many people: it is often a family, whose faces resemble each other more
than strangers' do."""

CLAIM_RATE = 0.03
"""A picture of whom somebody says it shows is refused when more strangers than this are as similar to the
person's nearest reference."""


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


def similarity_percent(log_rate: float, rate: float) -> float:
    """How rarely strangers get so near (log10, at most 0) as a percentage, for a chosen rate (0..1).

    0 where every stranger gets, AT_THRESHOLD at the chosen rate, linear in the logarithm between; above it
    PER_DECADE for each further factor of ten, up to 100.
    """
    chosen = math.log10(rate)
    if log_rate > chosen:
        return AT_THRESHOLD * abs(log_rate / chosen)
    return min(AT_THRESHOLD + PER_DECADE * (chosen - log_rate), 100.0)


def decide(calibration: Calibration, nearest: list[Candidate], people: int, rate: float) -> Verdict:
    """The verdict on the two nearest candidates of a gallery of that many people.

    rate: how many strangers may get a name (0..1).
    """
    people = max(people, LEAST_PEOPLE)
    if not nearest:
        return Verdict(Kind.UNKNOWN, None, None, None)
    rarity = {one.person_row: calibration.log_rate(one.score, people, one.references) for one in nearest}
    best, *others = sorted(nearest, key=lambda one: (rarity[one.person_row], -one.score))
    similarity = similarity_percent(rarity[best.person_row], rate)
    if best.score < calibration.threshold(rate, people, best.references):
        return Verdict(Kind.UNKNOWN, min(similarity, BELOW_THRESHOLD), None, None)
    similarity = max(similarity, AT_THRESHOLD)
    if others and best.score - others[0].score < calibration.margin:
        return Verdict(Kind.AMBIGUOUS, similarity, best.person_row, others[0].person_row)
    return Verdict(Kind.MATCH, similarity, best.person_row, None)
