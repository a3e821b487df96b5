"""The nightly copies: is there a whole one, how old is it, and did the last run work?"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta

from edge.announce import EPOCH
from edge.doctor.finding import Finding, failed, not_applicable, passed
from edge.doctor.patient import Patient
from edge.store.copies import last_good, nightly_copies
from edge.store.opening import IN_USE

MOST_DAYS = 2
"""Between the day of the newest copy and today: one is made each night, and a board may have been off."""

UNIT = "api-face-housekeeping"
_LOOK = f"see journalctl -u {UNIT}; systemctl start {UNIT} makes one now"


def look(patient: Patient) -> Iterator[Finding]:
    """The newest copy on this device that is whole. Sealed files that were taken away are not known here."""
    if not (patient.state / "people.sqlite").exists():
        yield not_applicable("backup", "there is nobody to copy yet")
        return
    copies, copy = nightly_copies(patient.state), last_good(patient.state, str(_today(patient)))
    result = _last_result(patient)
    if copy is not None:
        days = (_today(patient) - date.fromisoformat(copy.date)).days
        words = f"{len(copies)} nightly; the newest whole one is of {copy.date}"
        yield _judged(words, result, good=0 <= days <= MOST_DAYS)
    elif copies:
        yield failed("backup", f"none of the {len(copies)} nightly copies is whole", _LOOK)
    elif result is None:
        yield not_applicable("backup", f"none, and {UNIT}.timer is not here to make any (scripts/install)")
    elif result == "success":
        yield _none_yet(patient)
    else:
        yield _judged("none", result, good=False)


def _none_yet(patient: Patient) -> Finding:
    """systemd calls a run that never was a success, after each boot anew. Since when the store is there says
    the file that its first opening made, and nobody has written since."""
    first = patient.state / IN_USE
    made = EPOCH + timedelta(seconds=int(first.stat().st_mtime if first.exists() else patient.clock.now()))
    if (_today(patient) - made.date()).days > MOST_DAYS:
        return failed("backup", f"none, and the store is there since {made:%Y-%m-%d}", _LOOK)
    return not_applicable("backup", "none yet: the first is made tonight")


def _judged(words: str, result: str | None, good: bool) -> Finding:
    if result not in (None, "success"):
        return failed("backup", f"{words}; the last run failed ({result})", _LOOK)
    return passed("backup", words) if good else failed("backup", words, _LOOK)


def _today(patient: Patient) -> date:
    return (EPOCH + timedelta(seconds=int(patient.clock.now()))).date()


def _last_result(patient: Patient) -> str | None:
    """As systemd keeps it, "success" also before the first run; None: its timer does not run here."""
    if (patient.program(("systemctl", "is-active", f"{UNIT}.timer")) or "").strip() != "active":
        return None
    said = patient.program(("systemctl", "show", f"{UNIT}.service", "--property=Result", "--value"))
    return (said or "").strip() or None
