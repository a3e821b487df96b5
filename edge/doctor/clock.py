"""The clock: quotas begin anew at its midnight, and certificates hold by its date."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from datetime import timedelta

from edge.announce import EPOCH
from edge.clock import RELEASED
from edge.doctor.finding import Finding, failed, passed
from edge.doctor.patient import Patient

_TIME_ERROR = 5
"""What adjtimex(2) gives while nobody has synchronised the clock."""

_SET_IT = (
    "let it reach a time server (timedatectl timesync-status); without the internet name one of the network, "
    "such as its router, in /etc/systemd/timesyncd.conf"
)


class _Timex(ctypes.Structure):
    """struct timex: modes, of which 0 only asks; the rest is not looked at."""

    _fields_ = (("modes", ctypes.c_uint), ("rest", ctypes.c_byte * 508))


def synchronised() -> bool:
    """Whether the kernel has been told the right time, by whatever program."""
    return ctypes.CDLL(None).adjtimex(ctypes.byref(_Timex())) not in (_TIME_ERROR, -1)


def look(patient: Patient) -> Iterator[Finding]:
    """Set at all; and kept right."""
    now = patient.clock.now()
    words = f"{EPOCH + timedelta(seconds=int(now)):%Y-%m-%d %H:%M:%S} GMT"
    if now < RELEASED:
        yield failed("clock", f"{words}: it was never set", _SET_IT)
    elif not synchronised():
        yield failed("clock", f"{words}, not synchronised", _SET_IT)
    else:
        yield passed("clock", f"{words}, synchronised")
