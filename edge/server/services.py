"""What the server is given: the rooms below it; the two that need models as small protocols."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from edge.budget import MemoryBudget
from edge.clock import Clock
from edge.enrol import Answer
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


@dataclass(frozen=True, slots=True)
class Services:
    """The rooms that one server works with. ca: the device's CA certificate, if it has its own. switching:
    whether the embedder of the settings is still to take over."""

    settings: Settings
    store: Store
    recognizer: Recognizer
    enroller: Enroller
    budget: MemoryBudget
    clock: Clock
    ca: Path | None
    switching: Callable[[], bool] = _never
