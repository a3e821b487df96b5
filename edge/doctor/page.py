"""The whole examination: every check in its turn, none too long, none able to spoil the page."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from edge.doctor import (
    backups,
    camera,
    certificate,
    clock,
    disk,
    heat,
    memory,
    models,
    names,
    numpy_pair,
    outlets,
    permissions,
    service,
    store,
    system,
    tokens,
)
from edge.doctor.finding import Finding, failed
from edge.doctor.patient import Patient
from edge.errors import EdgeError


@dataclass(frozen=True, slots=True)
class Check:
    """subject: of the line that stands there when it goes wrong. seconds: that it may take."""

    subject: str
    look: Callable[[Patient], Iterable[Finding]]
    seconds: float = 15.0


CHECKS = (
    Check("system", system.look),
    Check("service", service.look),
    Check("models", models.look_at_files, 60.0),
    Check("runtime", models.look_at_runtime, 60.0),
    Check("numpy", numpy_pair.look, 70.0),
    Check("camera", camera.look, 60.0),
    Check("permissions", permissions.look),
    Check("disk", disk.look),
    Check("store", store.look, 60.0),
    Check("backup", backups.look, 60.0),
    Check("tokens", tokens.look),
    Check("clock", clock.look),
    Check("certificate", certificate.look, 30.0),
    Check("network name", names.look, 30.0),
    Check("temperature", heat.look),
    Check("memory", memory.look),
    Check("outlets", outlets.look),
)
"""In the order of the page. Seconds are for a Raspberry Pi Zero 2 W that is busy."""


def examined(patient: Patient, checks: Sequence[Check] = CHECKS) -> Iterator[Finding]:
    """The findings, as they come."""
    for check in checks:
        yield from bounded(check, patient)


def bounded(check: Check, patient: Patient) -> list[Finding]:
    """Its findings; one that fails in its place when it takes too long, or breaks."""
    found: queue.SimpleQueue[list[Finding]] = queue.SimpleQueue()

    def look() -> None:
        try:
            found.put(list(check.look(patient)))
        except EdgeError as error:
            found.put([failed(check.subject, error.message, "see what is said")])
        except Exception as error:
            words = f"could not be checked: {type(error).__name__}: {error}"
            found.put([failed(check.subject, words, "run it as root, or as the user of the service")])

    threading.Thread(target=look, name=check.subject, daemon=True).start()
    try:
        return found.get(timeout=check.seconds)
    except queue.Empty:
        words = f"no answer within {check.seconds:g} s"
        return [failed(check.subject, words, "something hangs: `dmesg | tail`, then a restart of the device")]
