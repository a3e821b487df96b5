"""The store: are its files there, whole, and of this release?"""

from __future__ import annotations

from collections.abc import Iterator

from edge.doctor.finding import Finding, failed, passed
from edge.doctor.patient import Patient
from edge.errors import EdgeError
from edge.store.inspecting import inspected

CHECK_S = 15.0
"""For each file; what is not read by then is left out."""

_MIB = 1 << 20


def look(patient: Patient) -> Iterator[Finding]:
    """A line for all files, or the first that is not as it should be."""
    if not (patient.state / "people.sqlite").exists():
        words = f"there is none in {patient.state}"
        yield failed(
            "store", words, "a first start makes one; if people were known here: api-face restore FILE"
        )
        return
    try:
        files = inspected(patient.state, CHECK_S)
    except EdgeError as error:
        yield failed(
            "store", error.message, "leave the files as they are; api-face restore FILE puts a copy back"
        )
        return
    words = ", ".join(
        f"{file.path.name} {file.size / _MIB:.1f} MiB{'' if file.whole else ' (not all of it was read)'}"
        for file in files
    )
    old = [file.path.name for file in files if file.version < file.newest]
    note = f"; the next start brings {', '.join(old)} to the form of this release" if old else ""
    yield passed("store", f"whole: {words}{note}")
