"""The real program for the acceptance tests: `python -m edge serve` as a child, and a client of it.

Real models, real TLS: the client trusts the device's CA and nothing else.
"""

from __future__ import annotations

import base64
import contextlib
import http.client
import json
import os
import re
import signal
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from email.message import Message
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

ROOT = Path(__file__).resolve().parent.parent
START_S = 60
STOP_S = 30
ANSWER_S = 60


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    headers: Message
    body: bytes

    @property
    def json(self) -> Any:
        assert self.headers["Content-Type"].startswith("application/json"), self.headers["Content-Type"]
        return json.loads(self.body)

    @property
    def error(self) -> dict[str, Any]:
        """The error object: a code, a message, and nothing of the device's inside."""
        error = self.json["error"]
        assert isinstance(error["code"], str)
        assert isinstance(error["message"], str)
        assert error["message"]
        assert self.headers["X-Request-Id"]
        return dict(error)

    @property
    def refusal(self) -> tuple[int, str]:
        """Status and code of an error."""
        return self.status, str(self.error["code"])

    def ok(self) -> Any:
        """The JSON of a 200."""
        assert self.status == 200, self.body[:500]
        return self.json


def key_of(data: bytes) -> str:
    """The picture as a client would send it."""
    kind = "png" if data.startswith(b"\x89PNG") else "jpeg"
    return f"data:image/{kind};base64,{base64.b64encode(data).decode()}"


@dataclass(frozen=True)
class Client:
    """Speaks to one server with one token (None: without), a new connection per request."""

    host: str
    port: int
    context: ssl.SSLContext
    token: str | None = None

    def with_token(self, token: str | None) -> Client:
        return Client(self.host, self.port, self.context, token)

    def connection(self) -> http.client.HTTPSConnection:
        return http.client.HTTPSConnection(self.host, self.port, context=self.context, timeout=ANSWER_S)

    def request(
        self, method: str, path: str, body: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        with contextlib.closing(self.connection()) as connection:
            return self.exchange(connection, method, path, body, headers)

    def exchange(
        self,
        connection: http.client.HTTPSConnection,
        method: str,
        path: str,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """One request on a connection that may be used again."""
        sent = {"Authorization": f"Bearer {self.token}"} if self.token is not None else {}
        with contextlib.suppress(BrokenPipeError, ConnectionResetError, ssl.SSLEOFError):
            # Refused before the whole body was sent: the answer is there all the same.
            connection.request(method, path, body, {**sent, **(headers or {})})
        response = connection.getresponse()
        return Answer(response.status, response.headers, response.read())

    def get(self, path: str) -> Answer:
        return self.request("GET", path)

    def post(self, path: str, picture: bytes | None = None, **fields: object) -> Answer:
        """JSON fields, with the picture as `key`."""
        if picture is not None:
            fields["key"] = key_of(picture)
        return self.request("POST", path, json.dumps(fields).encode())

    def detect(self, picture: bytes) -> Answer:
        return self.post("/v1.0/detect", picture)

    def identify(self, picture: bytes) -> Answer:
        return self.post("/v1.0/identify", picture)

    def index(self, picture: bytes) -> Answer:
        return self.post("/v1.0/index", picture)

    def train(self, picture: bytes, name: str | None = None, person_id: str | None = None) -> Answer:
        fields: dict[str, object] = {} if name is None else {"metadata": {"name": name}}
        return self.post("/v1.0/train", picture, **fields, **({"personId": person_id} if person_id else {}))

    def people(self) -> list[dict[str, Any]]:
        """Everybody, page by page (admin)."""
        found: list[dict[str, Any]] = []
        after = ""
        while True:
            page = self.get(f"/v1.0/people?limit=100&after={after}").ok()
            found += page["people"]
            if page["next"] is None:
                return found
            after = page["next"]

    def erase_everybody(self) -> None:
        for person in self.people():
            self.request("DELETE", f"/v1.0/people/{person['personId']}").ok()


class Service:
    """A running server on a state folder."""

    def __init__(self, state: Path, *arguments: str, **settings: object) -> None:
        self.state = state
        state.mkdir(mode=0o700, parents=True, exist_ok=True)
        (state / "settings.toml").write_text(
            "".join(f"{key} = {json.dumps(value)}\n" for key, value in settings.items())
        )
        self._log: list[str] = []
        self.process = spawn("serve", "--host", "127.0.0.1", "--port", "0", *arguments, state=state)
        self.url = self._await_url()
        parts = urlsplit(self.url)
        context = ssl.create_default_context(cafile=state / "tls" / "ca.crt")
        self.client = Client(parts.hostname or "", parts.port or 0, context)

    def _await_url(self) -> str:
        assert self.process.stdout is not None
        assert self.process.stderr is not None
        threading.Thread(target=self._log.extend, args=(self.process.stderr,), daemon=True).start()
        timer = threading.Timer(START_S, self.process.kill)
        timer.start()
        line = self.process.stdout.readline()
        timer.cancel()
        found = re.search(r"https://\S+", line)
        assert found, f"the server did not start: {line} {self.log}"
        return found[0]

    @property
    def log(self) -> str:
        """What it wrote to stderr so far."""
        return "".join(self._log)

    def token(self, name: str, *arguments: str) -> str:
        """A new token, made by the command line beside the running server."""
        done = command("token", "add", name, *arguments, state=self.state)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def with_scopes(self, name: str, *scopes: str, quota: int | None = None) -> Client:
        """A client with a new token."""
        limits = () if quota is None else ("--quota", str(quota))
        return self.client.with_token(self.token(name, *limits, "--scope", *scopes))

    def rss_mib(self) -> float:
        """Memory in use now."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.findall(r"VmRSS:\s+(\d+)", status)[0]) / 1024

    def peak_mib(self) -> float:
        """The most memory that was ever in use."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.findall(r"VmHWM:\s+(\d+)", status)[0]) / 1024

    def stop(self) -> int:
        """Ask it to end; the exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(STOP_S)

    def kill(self) -> None:
        """As a power cut would, but for the disk."""
        self.process.kill()
        self.process.wait(STOP_S)


@contextlib.contextmanager
def served(state: Path, **settings: object) -> Iterator[Service]:
    """A server for the time of the block."""
    service = Service(state, **settings)
    try:
        yield service
    finally:
        if service.process.poll() is None:
            service.stop()


def spawn(*arguments: str, state: Path) -> subprocess.Popen[str]:
    """`python -m edge ...`, with its output in pipes; tests.twin, where a second embedder was made."""
    module = "tests.twin" if "API_FACE_TWIN" in os.environ else "edge"
    return subprocess.Popen(
        [sys.executable, "-m", module, "--state", str(state), *arguments],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )


def command(*arguments: str, state: Path) -> subprocess.CompletedProcess[str]:
    """`python -m edge ...` to its end."""
    process = spawn(*arguments, state=state)
    out, err = process.communicate(timeout=START_S)
    return subprocess.CompletedProcess(arguments, process.returncode, out, err)
