"""The parts of one process, put together from a state folder and the settings."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from edge.budget import MemoryBudget
from edge.clock import Clock, SystemClock
from edge.engine import EnginePool
from edge.enrol import Enroller
from edge.recognize import Recognizer
from edge.settings import EMBEDDERS, Settings
from edge.store import Store, open_store
from edge.vision import Vision

_MIB = 1 << 20


@dataclass(frozen=True, slots=True)
class Device:
    """Everything that recognises and remembers."""

    settings: Settings
    clock: Clock
    memory: MemoryBudget
    store: Store
    recognizer: Recognizer
    enroller: Enroller


@contextmanager
def opened_store(state: Path, clock: Clock | None = None) -> Iterator[Store]:
    """The store of a state folder, made if there is none. Raises StoreError."""
    store = open_store(state, clock or SystemClock())
    try:
        yield store
    finally:
        store.close()


def made_vision(settings: Settings, clock: Clock | None = None) -> tuple[MemoryBudget, Vision]:
    """What sees but remembers nothing, and the memory it works in. Raises ModelError."""
    mib = settings.total_memory_mib * _MIB, settings.request_memory_mib * _MIB
    memory = MemoryBudget(*mib, clock or SystemClock())
    pool = EnginePool(settings.workers, settings.model_threads, EMBEDDERS[settings.embedder])
    return memory, Vision(pool, memory, settings)


@contextmanager
def opened_device(state: Path, settings: Settings, clock: Clock | None = None) -> Iterator[Device]:
    """The whole device. Raises StoreError, ModelError."""
    clock = clock or SystemClock()
    with opened_store(state, clock) as store:
        memory, vision = made_vision(settings, clock)
        recognizer = Recognizer(vision, store, settings.false_positive_rate)
        yield Device(settings, clock, memory, store, recognizer, Enroller(recognizer, store, settings, clock))
