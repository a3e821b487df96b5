"""The server alone: real TLS, real store, real budget, and a recogniser that does what a test says."""

from __future__ import annotations

import contextlib
import http.client
import json
import queue
import socket
import ssl
import threading
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from edge.access import new_token, token_hash
from edge.budget import MemoryBudget
from edge.bus import Bus
from edge.calibration import calibration_of
from edge.clock import SystemClock
from edge.engine import EMBEDDER
from edge.enrol import Answer
from edge.face import Box, Face
from edge.gallery import Gallery
from edge.match import Kind
from edge.notices import Notice
from edge.recognize import Identified, Known
from edge.server.serve import Server
from edge.server.services import Services, Watching
from edge.server.tls import Certificates
from edge.settings import Settings
from edge.store import Person, Store, open_store
from edge.vision import Detection

MIB = 1 << 20
FACE = Face(Box(1.4, 2.6, 100.0, 50.0), 0.994, None)
PERSON = Person(1, str(uuid.uuid4()), "Joey Elliott", 1_700_000_000.0, "train", 1)
BODY = b'{"key": "data:image/jpeg;base64,/9j/4AAQ"}'


@dataclass
class Recognizing:
    """Stands for both the recogniser and the enroller; notes the pictures it is given."""

    pictures: list[bytes] = field(default_factory=list)
    asked: list[tuple[Any, ...]] = field(default_factory=list)
    failure: Exception | None = None
    hold: threading.Event | None = None
    holding: queue.SimpleQueue[None] = field(default_factory=queue.SimpleQueue)
    warnings: tuple[Notice, ...] = ()
    person: Person = PERSON
    people: int = 0
    gallery: Gallery = field(default_factory=lambda: Gallery(128))

    def detect(self, data: bytes) -> Detection:
        self._take(data)
        return Detection(640, 480, (FACE,))

    def identify(self, data: bytes) -> list[Identified]:
        self._take(data)
        known = Identified(FACE, self.person, 91.23, Kind.MATCH)
        return [known, Identified(FACE, None, None, Kind.UNKNOWN)]

    def index(self, data: bytes, may_enrol: bool) -> Answer:
        self.asked.append(("index", may_enrol))
        self._take(data)
        return Answer(self.person, self.warnings)

    def train(self, data: bytes, name: str | None, person_id: str | None) -> Answer:
        self.asked.append(("train", name, person_id))
        self._take(data)
        return Answer(self.person, self.warnings)

    def forget_unseen(self) -> int:
        return 0

    def refresh(self) -> int:
        if self.failure is not None:
            raise self.failure
        return self.people

    def known(self) -> Known:
        if self.failure is not None:
            raise self.failure
        return Known("m1", self.gallery, calibration_of(EMBEDDER))

    def _take(self, data: bytes) -> None:
        self.pictures.append(data)
        if self.hold is not None:
            self.holding.put(None)
            assert self.hold.wait(30)
        if self.failure is not None:
            raise self.failure


@dataclass(frozen=True)
class Reply:
    """An answer that has been read."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        assert self.headers["content-type"] == "application/json"
        return json.loads(self.body)

    @property
    def code(self) -> str:
        """The code of an error, whose form is checked."""
        error = self.json["error"]
        assert isinstance(error["message"], str)
        assert error["message"]
        return str(error["code"])


def read_reply(response: http.client.HTTPResponse) -> Reply:
    body = response.read()
    return Reply(response.status, {name.lower(): value for name, value in response.getheaders()}, body)


class Served:
    """A server in a thread of its own."""

    def __init__(self, state: Path, certificates: Certificates, **settings: Any) -> None:
        self.settings = Settings(host="127.0.0.1", port=0, **settings)
        self.clock = SystemClock()
        self.store: Store = open_store(state, self.clock)
        self.budget = MemoryBudget(128 * MIB, 96 * MIB, self.clock)
        self.recognizing = Recognizing()
        self.bus = Bus()
        self.camera = "none"
        self.gauges: dict[str, float] = {}
        self.services = Services(
            self.settings,
            self.store,
            self.recognizing,
            self.recognizing,
            self.budget,
            self.clock,
            certificates.ca_path,
            watching=Watching(self.bus.subscribe, lambda: self.camera, lambda: self.gauges),
            state=state,
        )
        self.server = Server(self.services, certificates)
        self.trust = ssl.create_default_context(cafile=certificates.ca_path)
        ready: queue.SimpleQueue[str] = queue.SimpleQueue()
        self.thread = threading.Thread(target=self.server.run, args=(ready.put,))
        self.thread.start()
        self.port = int(ready.get(timeout=20).rpartition(":")[2])
        self.token = self.add_token("everything")

    def add_token(
        self,
        name: str,
        scopes: tuple[str, ...] = ("recognise", "train", "admin"),
        quota: int | None = None,
        expires: float | None = None,
    ) -> str:
        token = new_token()
        self.store.add_token(name, token_hash(token), scopes, quota, expires)
        return token

    def connect(self, timeout: float = 20) -> http.client.HTTPSConnection:
        return http.client.HTTPSConnection("localhost", self.port, context=self.trust, timeout=timeout)

    def request(
        self,
        method: str,
        path: str,
        body: bytes | Iterator[bytes] | None = None,
        token: str | None = "",
        headers: Mapping[str, str] | None = None,
    ) -> Reply:
        """One request on a connection of its own. token: "" is the one for everything, None is none."""
        sent = {} if token is None else {"Authorization": f"Bearer {token or self.token}"}
        with contextlib.closing(self.connect()) as connection:
            connection.request(method, path, body, {**sent, **(headers or {})})
            return read_reply(connection.getresponse())

    def post(self, path: str, value: Any, token: str | None = "") -> Reply:
        return self.request("POST", path, json.dumps(value).encode(), token)

    def raw(self, data: bytes) -> bytes:
        """What comes back, until the server closes, for bytes sent inside TLS."""
        with self.open_tls() as sock:
            sock.sendall(data)
            received = bytearray()
            with contextlib.suppress(ConnectionError, ssl.SSLEOFError):
                while part := sock.recv(65536):
                    received += part
            return bytes(received)

    def open_tls(self) -> ssl.SSLSocket:
        plain = socket.create_connection(("127.0.0.1", self.port), timeout=20)
        return self.trust.wrap_socket(plain, server_hostname="localhost")

    def stop(self) -> None:
        self.server.stop()
        self.thread.join(40)
        assert not self.thread.is_alive()
        self.store.close()


@contextlib.contextmanager
def serving(state: Path, certificates: Certificates, **settings: Any) -> Iterator[Served]:
    served = Served(state, certificates, **settings)
    try:
        yield served
    finally:
        if served.recognizing.hold is not None:
            served.recognizing.hold.set()
        served.stop()
