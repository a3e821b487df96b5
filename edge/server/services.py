"""What the server is given: the rooms below it, as small protocols."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from edge.access import Grant
from edge.budget import MemoryBudget
from edge.clock import Clock
from edge.face import Face
from edge.settings import Settings


class Person(Protocol):
    """Somebody who is remembered. id: the personId; name: None while unknown; created: seconds, GMT."""

    @property
    def row(self) -> int: ...
    @property
    def id(self) -> str: ...
    @property
    def name(self) -> str | None: ...
    @property
    def created(self) -> float: ...
    @property
    def enrolled_by(self) -> str: ...


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


class Enroller(Protocol):
    """edge.enrol.Enroller."""

    def index(self, data: bytes, may_enrol: bool) -> Answer: ...
    def train(self, data: bytes, name: str | None, person_id: str | None) -> Answer: ...
    def forget_unseen(self) -> int: ...


class Store(Protocol):
    """What the server itself asks of edge.store.Store."""

    def find_token(self, token_hash: bytes) -> Grant | None: ...
    def spend(self, grant: Grant, day: int) -> int: ...
    def refund(self, grant: Grant, day: int) -> None: ...
    def used(self, grant: Grant, day: int) -> int: ...
    def revision(self) -> int: ...
    def writing(self) -> AbstractContextManager[object]: ...
    def person(self, person_id: str) -> Person | None: ...
    def people(self, after: str | None, limit: int) -> Iterable[Person]: ...
    def rename(self, person: Person, name: str | None) -> Person: ...
    def merge(self, keep: Person, gone: Person) -> Person: ...
    def erase(self, person: Person) -> None: ...


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
