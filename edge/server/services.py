"""What the server is given: the rooms below it, as small protocols."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from edge.budget import MemoryBudget
from edge.clock import Clock
from edge.face import Face
from edge.settings import Settings
from edge.store import Person, Store


class Detection(Protocol):
    """The faces of a picture, highest confidence first, boxes clipped to it."""

    @property
    def faces(self) -> Sequence[Face]: ...


class Identified(Protocol):
    """A face and who it is; similarity in percent."""

    @property
    def face(self) -> Face: ...
    @property
    def person(self) -> Person | None: ...
    @property
    def similarity(self) -> float | None: ...
    @property
    def verdict(self) -> str: ...


class Notice(Protocol):
    """A warning of a request that succeeded."""

    @property
    def code(self) -> str: ...
    @property
    def message(self) -> str: ...


class Answer(Protocol):
    """Whose face it is."""

    @property
    def person(self) -> Person: ...
    @property
    def warnings(self) -> Sequence[Notice]: ...


class Recognizer(Protocol):
    """edge.recognize.Recognizer."""

    def detect(self, data: bytes) -> Detection: ...
    def identify(self, data: bytes) -> Sequence[Identified]: ...
    def refresh(self) -> int: ...


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
