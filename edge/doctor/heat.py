"""The board's temperature, and whether its firmware slows it down."""

from __future__ import annotations

from collections.abc import Iterator

from edge.doctor.finding import Finding, failed, not_applicable, passed
from edge.doctor.patient import Patient
from edge.heat import HOT, strain


def look(patient: Patient) -> Iterator[Finding]:
    """As it is now."""
    found = strain(patient.root / "sys/class/thermal")
    warmth = "unknown" if found.celsius is None else f"{found.celsius:.0f} °C"
    if found.undervoltage:
        yield failed("temperature", f"{warmth}; the voltage is too low", "use the power supply made for it")
    elif found.throttled:
        yield failed("temperature", f"{warmth}; the firmware slows it down", "give it air, or a heat sink")
    elif found.celsius is None:
        yield not_applicable("temperature", "this machine tells none")
    elif found.celsius >= HOT:
        yield failed(
            "temperature", f"{warmth}; from {HOT:.0f} on it slows down", "give it air, or a heat sink"
        )
    else:
        yield passed("temperature", f"{warmth}, not slowed down")
