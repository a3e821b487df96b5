"""`api-face people set-aside` and `take-back`: a reference that counts no longer, or again."""

from __future__ import annotations

import argparse

from edge.errors import SettingsError
from edge.store import Person, Remembered, Store

BY_HAND = "by hand"
"""The reason where none is given."""


def set_aside(store: Store, args: argparse.Namespace) -> None:
    """args: reference (its number), why, last, max_references."""
    with store.writing():
        person = store.person_of(args.reference)
        one, others = _one_and_others(store, person, args.reference)
        if one.set_aside is None:
            _check_set_aside(one, others, store.model(), args)
        why = args.why or one.set_aside_why or BY_HAND
        store.set_aside(args.reference, why)
    if one.set_aside is not None:
        print(f"reference {one.row} of {person.id} was set aside already: {why}")
    else:
        print(f"reference {one.row} of {person.id} is set aside; {len(in_use(others))} still count")


def _check_set_aside(one: Remembered, others: list[Remembered], model: str, args: argparse.Namespace) -> None:
    """Refuse to make a stranger of somebody unasked, and to hoard what counts for nothing."""
    left = in_use(others)
    counts = model in one.models or not left
    if counts and not args.last and not any(model in other.models for other in left):
        raise SettingsError(
            f"reference {one.row} is the last one of the person that counts: they would be a stranger. "
            "Train another picture with their personId first, or say --last"
        )
    aside = len(others) - len(left)
    if aside >= args.max_references:
        raise SettingsError(
            f"{aside} references of the person are set aside already, as many as max_references allows; "
            "take one back that is good, or raise max_references"
        )


def take_back(store: Store, args: argparse.Namespace) -> None:
    """args: reference."""
    with store.writing():
        person = store.person_of(args.reference)
        one, _ = _one_and_others(store, person, args.reference)
        store.take_back(args.reference)
    done = "was in use already" if one.set_aside is None else "counts again"
    print(f"reference {one.row} of {person.id} {done}")


def _one_and_others(store: Store, person: Person, row: int) -> tuple[Remembered, list[Remembered]]:
    remembered = store.remembered(person.row)
    (one,) = (one for one in remembered if one.row == row)
    return one, [other for other in remembered if other.row != row]


def in_use(remembered: list[Remembered]) -> list[Remembered]:
    """Those that are not set aside."""
    return [one for one in remembered if one.set_aside is None]
