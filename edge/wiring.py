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
from edge.errors import ModelError
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


def made_vision(
    settings: Settings, clock: Clock | None = None, embedder: str | None = None
) -> tuple[MemoryBudget, Vision]:
    """What sees but remembers nothing, and the memory it works in. Raises ModelError.

    embedder: a model file; None: that of the settings.
    """
    clock = clock or SystemClock()
    mib = settings.total_memory_mib * _MIB, settings.request_memory_mib * _MIB
    memory = MemoryBudget(*mib, clock)
    pool = EnginePool(settings.workers, settings.model_threads, embedder or EMBEDDERS[settings.embedder])
    return memory, Vision(pool, memory, settings, clock)


def answering_embedder(state: Path, settings: Settings) -> str:
    """The embedder that tells the people of a state folder apart. Makes no store. Raises StoreError."""
    wanted = EMBEDDERS[settings.embedder]
    if not (state / "people.sqlite").exists():
        return wanted
    with opened_store(state) as store:
        return store.model_for(wanted)


@contextmanager
def opened_device(state: Path, settings: Settings, clock: Clock | None = None) -> Iterator[Device]:
    """The whole device, with the embedder that its people are known by. Raises StoreError, ModelError."""
    clock = clock or SystemClock()
    with opened_store(state, clock) as store:
        embedder = store.model_for(EMBEDDERS[settings.embedder])
        try:
            memory, vision = made_vision(settings, clock, embedder)
        except ModelError as error:
            raise _in_context(error, embedder, settings) from error
        store.begin_with(embedder)  # not before it is loaded
        recognizer = Recognizer(vision, store, settings.false_positive_rate)
        yield Device(settings, clock, memory, store, recognizer, Enroller(recognizer, store, settings, clock))


def _in_context(error: ModelError, embedder: str, settings: Settings) -> ModelError:
    if embedder == EMBEDDERS[settings.embedder]:
        return error
    return ModelError(
        f"{error.message}; the people here are still known by {embedder}: "
        f"put it back, or run `api-face embedder switch` to go over to {settings.embedder}"
    )
