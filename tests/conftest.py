"""One running server for all acceptance tests that can share it."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from edge.clock import SystemClock
from edge.server.tls import Certificates
from edge.settings import Settings
from tests.service import Client, Service, served
from tests.serving import Served, serving


@pytest.fixture(autouse=True)
def _no_renaming() -> Iterator[None]:
    """A site file names the device; the machine that runs the tests keeps its own name."""
    before = socket.gethostname()
    yield
    assert socket.gethostname() == before


@pytest.fixture(scope="session")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A server with the settings as they come, and one web origin."""
    state = tmp_path_factory.mktemp("service") / "state"
    with served(state, cors_origins=["https://panel.example"]) as running:
        yield running


@pytest.fixture(scope="session")
def everything(service: Service) -> Client:
    """A client that may do everything, without a quota."""
    return service.with_scopes("everything", "recognise", "train", "admin")


@pytest.fixture
def client(everything: Client) -> Client:
    """The same, on a device that knows nobody."""
    everything.erase_everybody()
    return everything


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    """A device CA and its server certificate, made once."""
    return Certificates(tmp_path_factory.mktemp("certificates") / "tls", Settings(), SystemClock())


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory, certificates: Certificates) -> Iterator[Served]:
    """The server without models, for the tests of one file."""
    with serving(tmp_path_factory.mktemp("alone") / "state", certificates) as running:
        yield running


@pytest.fixture
def cheap_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    """Backups whose passphrase costs little to try: the tests try many."""
    monkeypatch.setattr("edge.backup.sealed._COST", {"n": 2**10, "r": 8, "p": 1})
