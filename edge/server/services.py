"""What the server is given: the rooms below it; the two that need models as small protocols."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from edge.budget import MemoryBudget
from edge.clock import Clock
from edge.enrol import Answer
from edge.event import Event
from edge.recognize import Identified, Known
from edge.settings import Settings
from edge.store import Store
from edge.vision import Detection


class Recognizer(Protocol):
    """edge.recognize.Recognizer."""

    def detect(self, data: bytes) -> Detection: ...
    def identify(self, data: bytes) -> Sequence[Identified]: ...
    def refresh(self) -> int: ...
    def known(self) -> Known: ...


class Enroller(Protocol):
    """edge.enrol.Enroller."""

    def index(self, data: bytes, may_enrol: bool) -> Answer: ...
    def train(self, data: bytes, name: str | None, person_id: str | None) -> Answer: ...
    def forget_unseen(self) -> int: ...


def _never() -> bool:
    return False


def _no_event(_: Callable[[Event], None]) -> Callable[[], None]:
    return lambda: None


def _no_camera() -> str:
    return "none"


def _no_gauges() -> Mapping[str, float]:
    return {}


@dataclass(frozen=True, slots=True)
class Watching:
    """What the camera loop of this process tells the server; as it comes, there is none.

    subscribe: Bus.subscribe. camera: the camera's state in a word, see schemas.CAMERA. gauges: figures for
    /metrics by name.
    """

    subscribe: Callable[[Callable[[Event], None]], Callable[[], None]] = _no_event
    camera: Callable[[], str] = _no_camera
    gauges: Callable[[], Mapping[str, float]] = _no_gauges


@dataclass(frozen=True, slots=True)
class Services:
    """The rooms that one server works with. ca: the device's CA certificate, if it has its own. switching:
    whether the embedder of the settings is still to take over. state: the folder of the store, None where
    nobody asks how much room there is."""

    settings: Settings
    store: Store
    recognizer: Recognizer
    enroller: Enroller
    budget: MemoryBudget
    clock: Clock
    ca: Path | None
    switching: Callable[[], bool] = _never
    watching: Watching = field(default_factory=Watching)
    state: Path | None = None
