"""What train says of a picture beside whose face it shows: the warnings of the contract."""

from __future__ import annotations

import enum
import math
from dataclasses import dataclass

from edge import match
from edge.learn import Likeness
from edge.outliers import OUTLIER_RATE
from edge.quality import MARKS, Flaw
from edge.wording import strangers

NOT_ADDED = "not_added"
"""The code that says that a picture did not become a reference."""

UNLIKE_OTHERS = "unlike_others"
"""The code that says that a picture did, although it is unlike the person's other references."""

UNVERIFIED = "unverified"
"""The code that says that a picture became one, although nothing told whether it shows the person."""

WARNINGS = (*MARKS, NOT_ADDED, UNLIKE_OTHERS, UNVERIFIED)
"""Every code that a warning may have."""


_UNSURE = "and only the personId, or the name that the person had already, would say surely who it is"


@dataclass(frozen=True, slots=True)
class Notice:
    """Something the caller should know although the request succeeded."""

    code: str
    message: str


class Standing(enum.Enum):
    """How sure it is that a picture shows the person whose reference it may become."""

    FIRST = "nobody known has this face, or the caller asked for a new person"
    CLAIMED = "the caller says whose face it is with the personId"
    VOUCHED = "it matches, and the caller gives the person's own name"
    SURE = "it matches above match.LEARN_FROM"
    DOUBTFUL = "it matches"


def notices(flaws: tuple[Flaw, ...], standing: Standing, likeness: Likeness) -> tuple[Notice, ...]:
    """The warnings about a picture of somebody. likeness: as it was before the picture became a reference."""
    found = [Notice(flaw.code, flaw.message) for flaw in flaws]
    why = _why_not(flaws, standing, likeness)
    if why is not None:
        found.append(Notice(NOT_ADDED, f"the picture did not become a reference: {why}"))
    elif standing is Standing.CLAIMED and likeness.nearest is None:
        found.append(Notice(UNVERIFIED, _unverified(likeness.references)))
    elif standing in (Standing.CLAIMED, Standing.VOUCHED) and _unlike(likeness):
        found.append(Notice(UNLIKE_OTHERS, _unlike(likeness)))
    return tuple(found)


def _why_not(flaws: tuple[Flaw, ...], standing: Standing, likeness: Likeness) -> str | None:
    """Why nothing is learnt from the picture; None when it is."""
    twin, grave = likeness.twin, [flaw for flaw in flaws if flaw.grave]
    if twin is not None and twin.set_aside is not None:
        return (
            f"it is reference {twin.row} again, which is set aside; "
            f"`api-face people take-back {twin.row}` lets that one count again"
        )
    if standing is Standing.DOUBTFUL:
        return f"it matches below {match.LEARN_FROM:.0f} %, {_UNSURE}"
    if standing is Standing.SURE and grave:
        return f"{grave[0].message}, {_UNSURE}"
    return None


def _unlike(likeness: Likeness) -> str:
    """In words how unlike the person's other references the picture is; "" when it is like them."""
    if likeness.others is None or likeness.others <= math.log10(OUTLIER_RATE):
        return ""
    return (
        f"compared with the person's other references alone, {strangers(likeness.others, OUTLIER_RATE)} "
        f"come as near as this face; above {1000 * OUTLIER_RATE:.0f} it may be somebody else's"
    )


def _unverified(references: int) -> str:
    if references == 0:
        return "there is no reference of the person to compare this picture with: make sure it is theirs"
    which = "the person's only reference cannot"
    if references > 1:
        which = f"none of the person's {references} references can"
    return f"{which} be compared with this picture: make sure it is theirs"
