"""What train says of a picture beside whose face it shows: the warnings of the contract."""

from __future__ import annotations

import enum
from dataclasses import dataclass

from edge import match, outliers
from edge.quality import MARKS, Flaw

NOT_ADDED = "not_added"
"""The code that says that a picture did not become a reference."""

UNLIKE_OTHERS = "unlike_others"
"""The code that says that a picture did, although it is unlike the person's other references."""

WARNINGS = (*MARKS, NOT_ADDED, UNLIKE_OTHERS)
"""Every code that a warning may have."""


@dataclass(frozen=True, slots=True)
class Notice:
    """Something the caller should know although the request succeeded."""

    code: str
    message: str


class Standing(enum.Enum):
    """How sure it is that a picture shows the person whose reference it may become."""

    FIRST = "nobody known has this face, or the caller asked for a new person"
    VOUCHED = "the caller says who it is"
    SURE = "it matches above match.LEARN_FROM"
    DOUBTFUL = "it matches"


def notices(flaws: tuple[Flaw, ...], standing: Standing, similarity: float | None) -> tuple[Notice, ...]:
    """The warnings about a picture. similarity: percent, to the template of the person's other references;
    None when there are none."""
    found = [Notice(flaw.code, flaw.message) for flaw in flaws]
    if standing is Standing.DOUBTFUL:
        found.append(_not_added(f"it matches below {match.LEARN_FROM:.0f} %"))
    elif standing is Standing.SURE and (grave := [flaw for flaw in flaws if flaw.grave]):
        found.append(_not_added(grave[0].message))
    elif standing is Standing.VOUCHED and similarity is not None and similarity < outliers.LEAST_ALIKE:
        found.append(
            Notice(
                UNLIKE_OTHERS,
                f"the face is {similarity:.0f} % similar to the person's other references; "
                f"below {outliers.LEAST_ALIKE:.0f} % it may be somebody else's",
            )
        )
    return tuple(found)


def _not_added(why: str) -> Notice:
    return Notice(
        NOT_ADDED,
        f"the picture did not become a reference: {why}, "
        "and neither personId nor the person's name says who it is",
    )
