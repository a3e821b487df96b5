"""The models, the runtime that runs them, and whether its fast kernels are used."""

from __future__ import annotations

from collections.abc import Iterator

from edge.doctor.finding import Finding, failed, not_applicable, passed
from edge.doctor.patient import UNIT, Patient
from edge.errors import ModelError
from edge.interpreter import MODELS, runtime, verify_files
from edge.selftest import SelfTest
from edge.wiring import made_vision

_HIDDEN = "the unit hides /proc/cpuinfo: take ProcSubset=pid out of it, and of its drop-ins"


def look_at_files(patient: Patient) -> Iterator[Finding]:
    """Whether every file is as SHA256SUMS says."""
    try:
        count = verify_files()
    except ModelError as error:
        yield failed("models", error.message, "install this release anew: the file is damaged or missing")
        return
    yield passed("models", f"{count} files in {MODELS}, each with the hash of SHA256SUMS")


def look_at_runtime(patient: Patient) -> Iterator[Finding]:
    """Whether a drawn face is found, and whether XNNPACK runs the networks, here and in the service. Without
    it everything is several times as slow and nothing says so."""
    try:
        vision = made_vision(patient.settings)[1]
        SelfTest(vision).run()
        name = f"{runtime().name} {runtime().version} finds the drawn face"
    except ModelError as error:
        yield failed("runtime", error.message, "install this release anew, or pin the other runtime")
        return
    if vision.delegated():
        yield passed("runtime", f"{name}, all networks in XNNPACK")
    else:
        there = bool(patient.text("proc/cpuinfo"))
        advice = "install this release anew, or pin the other runtime" if there else "/proc/cpuinfo is hidden"
        yield failed("runtime", f"{name}, but runs without XNNPACK", advice)
    yield from _of_the_service(patient)


def _of_the_service(patient: Patient) -> Iterator[Finding]:
    """What its sandbox lets it see; XNNPACK asks /proc/cpuinfo what the processor can do."""
    pid = patient.service_pid
    if pid is None:
        return
    mounts = patient.text(f"proc/{pid}/mountinfo")
    if mounts is None:
        yield not_applicable("runtime", f"what {UNIT} sees of /proc can be told to root alone")
    elif any("subset=pid" in line for line in mounts.splitlines() if " /proc " in line):
        yield failed("runtime", f"{UNIT} cannot see /proc/cpuinfo: it runs without XNNPACK", _HIDDEN)
