"""What a person's references say of a picture that may become one more, and how it becomes one."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from edge.calibration import Calibration
from edge.cap import cap_references
from edge.outliers import log_rate_to
from edge.store import Person, Reference, Store


@dataclass(frozen=True, slots=True)
class Likeness:
    """How a picture compares with what is remembered of one person, nobody else being asked for.

    references: all that are remembered. nearest: log10 of the share of strangers who are as near to one
    reference as the picture is to the nearest, set aside or not; None when none has a vector of its model.
    others: the same for the template of those in use; None when there is none. twin: the reference that is
    this picture again, one in use rather than one set aside.
    """

    references: int
    nearest: float | None
    others: float | None
    twin: Reference | None


def likeness_of(store: Store, person: Person, reference: Reference, calibration: Calibration) -> Likeness:
    """The likeness of a picture, as the reference it would become. calibration: that of its model."""
    known = store.references(person.row, model=reference.model)
    used = [one.vector for one in known if one.set_aside is None]
    cosines = [_cosine(reference, one) for one in known]
    return Likeness(
        references=len(store.remembered(person.row)),
        nearest=calibration.log_rate(max(cosines), 1, 1) if cosines else None,
        others=log_rate_to(reference.vector, np.stack(used), calibration) if used else None,
        twin=_twin(reference, known, calibration.duplicate),
    )


def learn(store: Store, person: Person, reference: Reference, twin: Reference | None, most: int) -> None:
    """Add a reference; at the cap the least useful one gives way. Its twin gets the crop if it lacks one.

    Inside store.writing(). Raises ModelChanged.
    """
    if twin is None or twin.row is None:
        store.add_reference(person, reference)
        cap_references(store, person, most)
    else:
        store.mend_crop(twin.row, reference)


def _twin(reference: Reference, known: list[Reference], duplicate: float) -> Reference | None:
    same = [one for one in known if _cosine(reference, one) >= duplicate]
    return max(same, key=lambda one: (one.set_aside is None, _cosine(reference, one)), default=None)


def _cosine(one: Reference, other: Reference) -> float:
    return float(one.vector @ other.vector)
