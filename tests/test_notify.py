"""What the service manager is told, on a socket of the test's own."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge.notify import Manager


@pytest.fixture
def heard(tmp_path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(str(tmp_path / "notify"))
        listening.settimeout(5)
        yield listening


def manager_at(listening: socket.socket, **more: str) -> Manager:
    return Manager.of({"NOTIFY_SOCKET": str(listening.getsockname()), **more})


def test_ready_alive_ailing_and_stopping_are_told(heard: socket.socket) -> None:
    manager = manager_at(heard)
    manager.ready("serves https://localhost\nREADY=0")
    assert heard.recv(1000) == b"READY=1\nSTATUS=serves https://localhost READY=0"
    manager.alive("works")
    assert heard.recv(1000) == b"WATCHDOG=1\nSTATUS=works"
    manager.ailing("hangs")
    assert heard.recv(1000) == b"STATUS=hangs"
    manager.stopping()
    assert heard.recv(1000) == b"STOPPING=1\nSTATUS=stopping"


def test_an_abstract_name_is_understood() -> None:
    name = f"api-face-test-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind("\0" + name)
        listening.settimeout(5)
        Manager.of({"NOTIFY_SOCKET": "@" + name}).ready("there")
        assert listening.recv(1000) == b"READY=1\nSTATUS=there"


@pytest.mark.parametrize(
    ("more", "seconds"),
    [
        ({}, 0),
        ({"WATCHDOG_USEC": "60000000"}, 60),
        ({"WATCHDOG_USEC": "60000000", "WATCHDOG_PID": str(os.getpid())}, 60),
        ({"WATCHDOG_USEC": "60000000", "WATCHDOG_PID": "1"}, 0),
        ({"WATCHDOG_USEC": "soon"}, 0),
    ],
)
def test_the_manager_s_patience(heard: socket.socket, more: dict[str, str], seconds: float) -> None:
    assert manager_at(heard, **more).watchdog_s == seconds


@pytest.mark.parametrize("environ", [{}, {"NOTIFY_SOCKET": "vsock:2:1", "WATCHDOG_USEC": "1000000"}])
def test_nobody_is_told_where_nobody_listens(environ: dict[str, str]) -> None:
    manager = Manager.of(environ)
    manager.ready("there")
    assert manager == Manager()


def test_a_manager_that_has_gone_stops_nobody(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    Manager(str(tmp_path / "gone")).alive("works")
    assert "could not be told" in caplog.text


def test_a_manager_that_takes_nothing_stops_nobody(heard: socket.socket) -> None:
    manager = manager_at(heard)
    for _ in range(3):
        full = 0
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as stuffing:
            stuffing.setblocking(False)
            stuffing.connect(heard.getsockname())
            try:
                while full < 10_000:
                    full += stuffing.send(b"x")
            except BlockingIOError:
                break
    manager.alive("works")
