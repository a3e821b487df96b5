"""Memory: what there is, against what the settings allow the service to take."""

from __future__ import annotations

import re
from collections.abc import Iterator

from edge.doctor.finding import Finding, failed, not_applicable, passed
from edge.doctor.patient import UNIT, Patient

BASE_MIB = 80
"""Program, store and gallery. With the two below and the default settings this gives 268 MiB, at which
release 1.3.0 peaked when 8 clients asked it 5,000 times. It has become less since (docs/service.md,
"Memory"), but not by a part that could be promised."""

ENGINE_MIB = 30
"""Each worker's interpreters, as the setting workers says."""

_MIB = 1 << 20


def look(patient: Patient) -> Iterator[Finding]:
    """What is available, and what the running service has of it already."""
    meminfo = patient.text("proc/meminfo") or ""
    available, total = (_kib(meminfo, key) for key in ("MemAvailable", "MemTotal"))
    if available is None or total is None:
        yield not_applicable("memory", "/proc/meminfo cannot be read")
        return
    need = needed_mib(patient)
    have = available / 1024 + _taken_mib(patient)
    limit = patient.unit.get("MemoryMax", "")
    words = f"{have:.0f} MiB of {total / 1024:.0f} for the service, whose settings allow {need} MiB"
    if limit.isdigit() and int(limit) / _MIB < need:
        words += f", and {UNIT} is limited to {int(limit) // _MIB}"
        have = min(have, int(limit) / _MIB)
    if have < need:
        yield failed("memory", words, "make workers, total_memory_mib or camera_memory_mib smaller")
    else:
        yield passed("memory", words)


def needed_mib(patient: Patient) -> int:
    """The most that the service may take with these settings, MiB."""
    settings = patient.settings
    camera = 0 if settings.camera == "none" else settings.camera_memory_mib
    return BASE_MIB + settings.workers * ENGINE_MIB + settings.total_memory_mib + camera


def _taken_mib(patient: Patient) -> float:
    """By the running service, MiB; without the camera's process."""
    pid = patient.service_pid
    status = "" if pid is None else patient.text(f"proc/{pid}/status") or ""
    return (_kib(status, "VmRSS") or 0) / 1024


def _kib(text: str, key: str) -> int | None:
    found = re.search(rf"^{key}:\s+(\d+) kB", text, re.M)
    return int(found[1]) if found else None
