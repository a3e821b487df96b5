"""The webhook against real HTTP servers: signed, bounded, obedient to no redirect."""

from __future__ import annotations

import http.server
import json
import logging
import os
import re
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from edge.clock import Clock
from edge.errors import SettingsError
from edge.outlets import Delivery, opened_outlets
from edge.outlets.webhook import address_of, signature
from edge.server.tls import ensure
from edge.settings import Settings
from edge.store import Store, open_store
from tests.broker import free_port
from tests.outbox import FastClock, add_events, until

ROOT = Path(__file__).resolve().parent.parent
SECRET = "a secret of the installer's"


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """A state folder."""
    return tmp_path / "state"


@pytest.fixture
def store(state: Path) -> Iterator[Store]:
    """An empty one."""
    with open_store(state) as store:
        yield store


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    """The secret's file."""
    file = tmp_path / "secret"
    file.write_text(SECRET + "\n")
    file.chmod(0o600)
    return file


class Receiver:
    """Keeps every post with its headers; answer says with which status (and further headers)."""

    def __init__(self) -> None:
        self.posts: list[tuple[dict[str, str], bytes]] = []
        self.answer: Callable[[str], tuple[int, dict[str, str]]] = lambda _: (200, {})

    def ids(self) -> list[str]:
        """Of the posts, in order."""
        return [headers["x-api-face-id"] for headers, _ in self.posts]


@contextmanager
def listening(tls: Path | None = None) -> Iterator[tuple[Receiver, str]]:
    """A receiver and its address. tls: a folder with server.crt and server.key."""
    receiver = Receiver()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            headers = {name.lower(): value for name, value in self.headers.items()}
            receiver.posts.append(({**headers, "path": self.path}, body))
            status, further = receiver.answer(headers["x-api-face-id"])
            self.send_response(status)
            for name, value in further.items():
                self.send_header(name, value)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            """Not into the test's output."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    if tls is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(tls / "server.crt", tls / "server.key")
        server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield receiver, f"http{'s' if tls else ''}://127.0.0.1:{server.server_port}/faces?room=1"
    finally:
        server.shutdown()
        server.server_close()


@contextmanager
def posting(
    store: Store, state: Path, url: str, secret: Path, clock: Clock | None = None, **settings: Any
) -> Iterator[Delivery]:
    """The webhook outlet of a device with these settings."""
    told = Settings(webhook_url=url, webhook_secret_file=str(secret), **settings)
    deliveries = opened_outlets(told, store, state, clock or FastClock(), lambda: "ok")
    (delivery,) = [delivery for delivery in deliveries if delivery.name == "webhook"]
    delivery.start()
    try:
        yield delivery
    finally:
        delivery.stop()


def test_a_post_is_signed(store: Store, state: Path, secret: Path) -> None:
    with listening() as (receiver, url), posting(store, state, url, secret) as delivery:
        sent = add_events(store, 2)
        delivery.wake()
        assert until(lambda: delivery.cursor() == store.newest_event())
    assert receiver.ids() == sent
    for headers, body in receiver.posts:
        assert headers["path"] == "/faces?room=1"
        assert headers["content-type"] == "application/json"
        assert re.fullmatch(r"api-face-edge/[\w.]+", headers["user-agent"])
        assert headers["x-api-face-event"] == "person.unknown"
        assert abs(int(headers["x-api-face-timestamp"]) - time.time()) < 60
        expected = signature(SECRET.encode(), headers["x-api-face-timestamp"], body)
        assert headers["x-api-face-signature"] == expected
        assert json.loads(body)["id"] == headers["x-api-face-id"]


def test_the_signature_is_what_openssl_makes(tmp_path: Path) -> None:
    """Not compared with Python's own HMAC."""
    signed = tmp_path / "signed"
    signed.write_bytes(b'1800000000.{"id":"1"}')
    command = ["openssl", "dgst", "-sha256", "-hmac", SECRET, "-r", str(signed)]
    told = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()[0]
    assert signature(SECRET.encode(), "1800000000", b'{"id":"1"}') == f"sha256={told}"


def test_500_is_tried_again(store: Store, state: Path, secret: Path) -> None:
    with listening() as (receiver, url), posting(store, state, url, secret, FastClock(20.0)) as delivery:
        statuses = iter((500, 503, 200))
        receiver.answer = lambda _: (next(statuses, 204), {})
        sent = add_events(store, 2)
        delivery.wake()
        assert until(lambda: delivery.cursor() == store.newest_event(), 20.0)
    assert receiver.ids() == [sent[0]] * 3 + [sent[1]]


def test_a_redirect_is_not_followed(
    store: Store, state: Path, secret: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with listening() as (elsewhere, there), listening() as (receiver, url):
        receiver.answer = lambda _: (307, {"Location": there})
        with posting(store, state, url, secret, FastClock(20.0)) as delivery:
            before = delivery.cursor()
            add_events(store, 1)
            delivery.wake()
            assert until(lambda: len(receiver.posts) >= 3)
            assert delivery.cursor() == before
    assert not elsewhere.posts
    assert caplog.text.count("redirects are not followed") == 1


def test_a_refused_event_is_given_up_and_the_next_goes_on(
    store: Store, state: Path, secret: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with listening() as (receiver, url), posting(store, state, url, secret, FastClock(100.0)) as delivery:
        bad, good = add_events(store, 2)
        receiver.answer = lambda event: (422 if event == bad else 200, {})
        delivery.wake()
        assert until(lambda: delivery.cursor() == store.newest_event(), 20.0)
    assert receiver.ids() == [bad] * 5 + [good]
    assert f"gave event {bad} up after 5 tries" in caplog.text


def test_the_receivers_certificate_is_verified(
    store: Store, state: Path, secret: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    made, other = tmp_path / "tls", tmp_path / "other"
    for folder in (made, other):
        ensure(folder, ("127.0.0.1",), time.time())
    with listening(made) as (receiver, url):
        for ca in ("", str(other / "ca.crt")):
            caplog.clear()
            with posting(store, state, url, secret, webhook_ca=ca) as delivery:
                add_events(store, 1)
                delivery.wake()
                assert until(lambda: "is not trusted" in caplog.text)
        assert not receiver.posts
        with posting(store, state, url, secret, webhook_ca=str(made / "ca.crt")) as delivery:
            assert until(lambda: delivery.cursor() == store.newest_event())
        assert len(receiver.posts) == 2


@contextmanager
def dripping(answer: bytes, every_s: float) -> Iterator[int]:
    """A server that answers a byte at a time, and its port."""
    over = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            peer, _ = server.accept()
            with peer:
                try:
                    for byte in answer:
                        peer.sendall(bytes([byte]))
                        if over.wait(every_s):
                            return
                except OSError:
                    return

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield server.getsockname()[1]
        over.set()


def test_a_receiver_that_drips_is_cut_off(
    store: Store,
    state: Path,
    secret: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr("edge.outlets.webhook.TOTAL_S", 1.0)
    with (
        dripping(b"HTTP/1.1 200 OK\r\n" + b"X-A: b\r\n" * 90, 0.1) as port,
        posting(store, state, f"http://127.0.0.1:{port}/", secret) as delivery,
    ):
        before = delivery.cursor()
        add_events(store, 1)
        began = time.monotonic()
        delivery.wake()
        assert until(lambda: "took longer than" in caplog.text)
        assert time.monotonic() - began < 3.0
        assert delivery.cursor() == before


def test_stopping_does_not_wait_for_a_slow_receiver(store: Store, state: Path, secret: Path) -> None:
    with listening() as (receiver, url), posting(store, state, url, secret) as delivery:
        answering = threading.Event()

        def slow(_: str) -> tuple[int, dict[str, str]]:
            answering.wait(20.0)
            return 200, {}

        receiver.answer = slow
        add_events(store, 1)
        delivery.wake()
        assert until(lambda: receiver.posts)
        began = time.monotonic()
        delivery.stop()
        assert time.monotonic() - began < 3.0
        answering.set()


@pytest.mark.parametrize(
    ("content", "mode", "words"),
    [
        (None, 0, "No such file"),
        ("", 0o600, "is empty"),
        ("\n", 0o600, "is empty"),
        ("secret", 0o644, "every user of this device can read"),
        ("secret", 0o602, "every user of this device can read"),
    ],
)
def test_a_secret_that_is_none(
    store: Store, state: Path, tmp_path: Path, content: str | None, mode: int, words: str
) -> None:
    file = tmp_path / "file"
    if content is not None:
        file.write_text(content)
        file.chmod(mode)
    url = "https://receiver.example/"
    with pytest.raises(SettingsError, match=words), posting(store, state, url, file):
        pass


@pytest.mark.parametrize(
    "url",
    ["https://", "ftp://a.example/", "https://a.example:port/", "https://u:p@a.example/", "https://a.example/ü"],
)
def test_an_address_that_is_none(url: str) -> None:
    with pytest.raises(SettingsError, match="webhook_url"):
        address_of(url)


def test_clear_text_is_said(
    store: Store, state: Path, secret: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    with posting(store, state, "http://receiver.example/?token=hidden", secret):
        assert "in the clear" in caplog.text
        assert "hidden" not in caplog.text


def test_the_receiver_of_the_documentation(
    store: Store, state: Path, secret: Path, tmp_path: Path
) -> None:
    """It runs as printed: takes what is signed, once, and refuses the rest."""
    (code,) = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "outlets.md").read_text(), re.DOTALL)
    script, port = tmp_path / "receiver.py", free_port()
    script.write_text(code)
    command = [sys.executable, str(script), str(secret), str(port)]
    environment = {"PATH": os.environ["PATH"]}
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment, text=True
    ) as running:
        try:
            url, forged = f"http://127.0.0.1:{port}/", tmp_path / "forged"
            forged.write_text("another secret")
            forged.chmod(0o600)
            with posting(store, state, url, secret, FastClock(20.0)) as delivery:
                sent = add_events(store, 2)
                delivery.wake()
                assert until(lambda: delivery.cursor() == store.newest_event(), 20.0)
            with posting(store, state, url, forged) as delivery:
                before = delivery.cursor()
                add_events(store, 1)
                delivery.wake()
                time.sleep(0.5)
                assert delivery.cursor() == before
        finally:
            running.kill()
        assert running.stdout is not None
        assert [json.loads(line)["id"] for line in running.stdout] == sent
