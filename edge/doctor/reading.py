"""The store opened for a check, where that changes nothing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from edge.doctor.patient import Patient
from edge.errors import EdgeError
from edge.store import Store
from edge.store.inspecting import inspected
from edge.wiring import opened_store


@contextmanager
def readable_store(patient: Patient) -> Iterator[Store | None]:
    """None: it is not whole, or opening it would make or migrate a file."""
    try:
        files = inspected(patient.state, 0.0) if (patient.state / "people.sqlite").exists() else []
    except EdgeError:
        files = []
    if not files or any(file.version != file.newest for file in files):
        yield None
        return
    with opened_store(patient.state, patient.clock) as store:
        yield store
