"""What one check found."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Finding:
    """A line of the page. ok: None is "not applicable here", or "cannot be known". measured: what was seen,
    with units. advice: what to do; empty unless ok is False."""

    subject: str
    ok: bool | None
    measured: str
    advice: str = ""


def passed(subject: str, measured: str) -> Finding:
    """All is well."""
    return Finding(subject, True, measured)


def failed(subject: str, measured: str, advice: str) -> Finding:
    """Something is to be done."""
    return Finding(subject, False, measured, advice)


def not_applicable(subject: str, why: str) -> Finding:
    """There is nothing to check here, or no way to."""
    return Finding(subject, None, why)
