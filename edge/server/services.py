"""What the server is given: the rooms below it; the two that need models as small protocols."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from edge.budget import MemoryBudget
from edge.calibration import Calibration
from edge.clock import Clock
from edge.enrol import Answer
from edge.face import Vector
from edge.gallery import Candidate
from edge.recognize import Identified
from edge.settings import Settings
from edge.store import Store
from edge.vision import Detection


class Recognizer(Protocol):
    """edge.recognize.Recognizer."""

    @property
    def model(self) -> str: ...
    @property
    def calibration(self) -> Calibration: ...
    def detect(self, data: bytes) -> Detection: ...
    def identify(self, data: bytes) -> Sequence[Identified]: ...
    def refresh(self) -> int: ...
    def nearest(self, vector: Vector, count: int) -> list[Candidate]: ...


class Enroller(Protocol):
    """edge.enrol.Enroller."""

    def index(self, data: bytes, may_enrol: bool) -> Answer: ...
    def train(self, data: bytes, name: str | None, person_id: str | None) -> Answer: ...
    def forget_unseen(self) -> int: ...


@dataclass(frozen=True, slots=True)
class Services:
    """The rooms that one server works with. ca: the device's CA certificate, if it has its own."""

    settings: Settings
    store: Store
    recognizer: Recognizer
    enroller: Enroller
    budget: MemoryBudget
    clock: Clock
    ca: Path | None
