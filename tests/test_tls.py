"""The device's certificates: made once, renewed in time, never replaced behind the clients' backs."""

from __future__ import annotations

import contextlib
import dataclasses
import datetime as dt
import ipaddress
import json
import logging
import shutil
import ssl
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec

from edge.clock import SystemClock
from edge.errors import CertificateError, SettingsError
from edge.server import tls
from edge.server.issue import RELEASE
from edge.server.issuing import issued_elsewhere
from edge.server.names import Host, announced_name, host_names, is_address
from edge.server.tls import Certificates, ensure, fingerprint, issued
from edge.settings import Settings

ROOT = Path(__file__).resolve().parent.parent
DAY = 86_400.0
NOW = RELEASE.timestamp() + 200 * DAY


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder as a first start leaves it."""
    folder = tmp_path_factory.mktemp("tls") / "state" / "tls"
    ensure(folder, (), NOW)
    return folder


@pytest.fixture
def folder(made: Path, tmp_path: Path) -> Iterator[Path]:
    """A copy of it."""
    copy = tmp_path / "tls"
    shutil.copytree(made, copy)
    yield copy


def certificate(folder: Path, name: str = "server.crt") -> x509.Certificate:
    return x509.load_pem_x509_certificate((folder / name).read_bytes())


def alternatives(folder: Path) -> set[str]:
    extension = certificate(folder).extensions.get_extension_for_class(x509.SubjectAlternativeName)
    return {str(name.value) for name in extension.value}


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def changed(before: dict[str, bytes], folder: Path) -> set[str]:
    after = contents(folder)
    return {name for name in before | after if before.get(name) != after.get(name)}


SERVER = {"server.crt", "server.key", "names.json"}


def test_the_files(made: Path) -> None:
    assert set(contents(made)) == {"ca.crt", "ca.key", "lock", *SERVER}
    assert stat.S_IMODE(made.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in made.iterdir()} == {0o600}


def test_four_processes_that_start_at_once(tmp_path: Path) -> None:
    """One of them makes everything, the others find it."""
    folder = tmp_path / "state" / "tls"
    code = f"""
import pathlib, ssl, sys
from edge.clock import SystemClock
from edge.server.tls import Certificates
from edge.settings import Settings
sys.stdin.read(1)
certificates = Certificates(pathlib.Path({str(folder)!r}), Settings(), SystemClock())
print((certificates.ca_path.parent / "server.crt").read_text())
"""
    started = [
        subprocess.Popen(
            [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT
        )
        for _ in range(4)
    ]
    for process in started:
        assert process.stdin is not None
        process.stdin.write("x")
        process.stdin.flush()
    shown = {process.communicate(timeout=120)[0].strip() for process in started}
    assert [process.returncode for process in started] == [0] * 4
    assert shown == {(folder / "server.crt").read_text().strip()}
    certificate(folder).verify_directly_issued_by(certificate(folder, "ca.crt"))
    assert set(contents(folder)) == {"ca.crt", "ca.key", "lock", *SERVER}
    before = contents(folder)
    ensure(folder, (), SystemClock().now())
    assert not changed(before, folder)


def test_the_child_takes_nothing_from_the_current_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "json.py").write_text("raise SystemExit('the wrong one')")
    (tmp_path / "edge").mkdir()
    (tmp_path / "edge" / "__init__.py").write_text("raise SystemExit('the wrong one')")
    further = tmp_path / "further"
    further.mkdir()
    (further / "sitecustomize.py").write_text(f"open({str(tmp_path / 'seen')!r}, 'w')")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(further))
    ensure(tmp_path / "tls", (), NOW)
    assert (tmp_path / "seen").exists()


def test_what_a_killed_process_left_is_cleared_away(folder: Path) -> None:
    (folder / "server.key.new").write_text("half a key")
    ensure(folder, ("panel.example",), NOW)
    assert set(contents(folder)) == {"ca.crt", "ca.key", "lock", *SERVER}


def test_the_server_certificate(made: Path) -> None:
    leaf, ca = certificate(made), certificate(made, "ca.crt")
    leaf.verify_directly_issued_by(ca)
    key = leaf.public_key()
    assert isinstance(key, ec.EllipticCurvePublicKey)
    assert key.curve.name == "secp256r1"
    assert leaf.not_valid_after_utc - leaf.not_valid_before_utc <= dt.timedelta(days=825)
    assert leaf.not_valid_before_utc.timestamp() < NOW < leaf.not_valid_after_utc.timestamp()
    assert ca.not_valid_after_utc > leaf.not_valid_after_utc
    assert {"localhost", "127.0.0.1", "::1"} <= alternatives(made)


def test_names_of_the_host() -> None:
    names = host_names(("Camera.Lan", "192.0.2.7", "2001:DB8:0::1", "*.example.org"))
    assert {"camera.lan", "192.0.2.7", "2001:db8::1", "*.example.org"} <= set(names)
    addresses = [name for name in names if is_address(name)]
    assert not [text for text in addresses if ipaddress.ip_address(text).is_link_local]
    with pytest.raises(SettingsError, match="neither a DNS name nor an address"):
        host_names(("not a name",))


def test_an_everyday_start_makes_nothing(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = contents(folder)
    monkeypatch.setattr(tls, "issuer_answer", lambda order: pytest.fail("nothing is to be made"))
    ensure(folder, (), NOW + 500 * DAY)
    assert not changed(before, folder)


def test_new_names(folder: Path) -> None:
    before = contents(folder)
    ensure(folder, ("panel.example", "192.0.2.7"), NOW)
    assert changed(before, folder) == SERVER
    assert {"panel.example", "192.0.2.7"} <= alternatives(folder)
    ensure(folder, (), NOW)
    assert "panel.example" not in alternatives(folder)


def test_an_address_that_went_away_is_no_reason_to_write(folder: Path) -> None:
    ensure(folder, ("192.0.2.7",), NOW)
    before = contents(folder)
    ensure(folder, (), NOW)
    assert not changed(before, folder)


def test_renewed_thirty_days_before_the_end(folder: Path) -> None:
    before, end = contents(folder), certificate(folder).not_valid_after_utc.timestamp()
    ensure(folder, (), end - 31 * DAY)
    assert not changed(before, folder)
    ensure(folder, (), end - 29 * DAY)
    assert changed(before, folder) == SERVER
    assert certificate(folder).not_valid_after_utc.timestamp() > end + 700 * DAY


@pytest.mark.parametrize("first", [0.0, 9 * DAY, NOW, NOW + 20 * 365 * DAY])
def test_a_wrong_clock_at_first_start_is_made_good(tmp_path: Path, first: float) -> None:
    """A Pi knows no time before the network tells it: it may believe in 1970, or in anything."""
    folder = tmp_path / "tls"
    for now in (first, NOW):
        ensure(folder, (), now)
    for name in ("ca.crt", "server.crt"):
        found = certificate(folder, name)
        assert found.not_valid_before_utc.timestamp() < NOW < found.not_valid_after_utc.timestamp()
    ca = certificate(folder, "ca.crt")
    ensure(folder, (), NOW)
    assert certificate(folder, "ca.crt") == ca


def test_a_clock_in_the_past_makes_nothing_anew(folder: Path) -> None:
    ensure(folder, (), 0.0)
    before = contents(folder)
    ensure(folder, (), 1000.0)
    assert not changed(before, folder)


@pytest.mark.parametrize(
    ("name", "remade"),
    [
        ("server.crt", SERVER),
        ("server.key", SERVER),
        ("names.json", SERVER),
        ("ca.crt", {"ca.crt", *SERVER}),
    ],
)
@pytest.mark.parametrize("damage", [None, b"", b"garbage", b"[]"])
def test_what_is_damaged_is_made_anew(
    folder: Path, name: str, remade: set[str], damage: bytes | None
) -> None:
    before = contents(folder)
    if damage is None:
        (folder / name).unlink()
    else:
        (folder / name).write_bytes(damage)
    ensure(folder, (), NOW)
    assert changed(before, folder) == remade
    context = ssl.create_default_context(cafile=folder / "ca.crt")
    assert len(context.get_ca_certs()) == 1
    certificate(folder).verify_directly_issued_by(certificate(folder, "ca.crt"))


def test_the_ca_of_a_lost_certificate_is_still_trusted(folder: Path) -> None:
    """Remade from its key: a client that trusts the old file trusts what the key signs."""
    old = certificate(folder, "ca.crt")
    (folder / "ca.crt").unlink()
    ensure(folder, (), NOW)
    certificate(folder).verify_directly_issued_by(old)


@pytest.mark.parametrize("damage", [b"", b"garbage"])
def test_a_damaged_ca_key_is_refused_and_left_alone(folder: Path, damage: bytes) -> None:
    (folder / "ca.key").write_bytes(damage)
    ensure(folder, (), NOW)  # not needed today
    before = contents(folder)
    with pytest.raises(CertificateError, match=r"ca\.key is damaged; restore it from a backup"):
        ensure(folder, ("panel.example",), NOW)
    assert not changed(before, folder)


def test_a_ca_key_that_was_taken_away(folder: Path) -> None:
    (folder / "ca.key").unlink()
    with pytest.raises(CertificateError, match=r"ca\.key is missing"):
        ensure(folder, ("panel.example",), NOW)
    assert not (folder / "ca.key").exists()


def test_a_key_of_another_ca(folder: Path, tmp_path: Path) -> None:
    ensure(tmp_path / "other", (), NOW)
    shutil.copy(tmp_path / "other" / "ca.key", folder / "ca.key")
    with pytest.raises(CertificateError, match="do not belong together"):
        ensure(folder, ("panel.example",), NOW)


def test_fingerprint(folder: Path) -> None:
    text = fingerprint(folder / "ca.crt")
    assert len(text.split(":")) == 32
    assert text == text.upper()
    (folder / "ca.crt").write_bytes(b"garbage")
    with pytest.raises(CertificateError):
        fingerprint(folder / "ca.crt")


class _SetClock(SystemClock):
    time = NOW
    steady_time = 0.0

    def now(self) -> float:
        return self.time

    def steady(self) -> float:
        return self.steady_time


def test_reloaded_while_running(tmp_path: Path) -> None:
    clock = _SetClock()
    certificates = Certificates(tmp_path / "tls", Settings(), clock)
    first = certificates.context
    certificates.refresh()
    assert certificates.context is first
    clock.time += 820 * DAY
    certificates.refresh()
    assert certificates.context is not first


class _Network:
    """Names and addresses that a test sets, as host_names would find them."""

    def __init__(self) -> None:
        self.host = Host("cam", ("192.0.2.7",), "cam.local")

    def __call__(self) -> Host:
        return self.host


def shown(certificates: Certificates, folder: Path) -> set[str]:
    """What the certificate covers that a client is shown which trusts the CA of the folder."""
    client = ssl.create_default_context(cafile=folder / "ca.crt")
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    one = client.wrap_bio(to_client, to_server, server_hostname="localhost")
    other = certificates.context.wrap_bio(to_server, to_client, server_side=True)
    for side in (one, other, one, other):
        with contextlib.suppress(ssl.SSLWantReadError):
            side.do_handshake()
    found: Any = one.getpeercert()
    return {str(value) for _, value in found["subjectAltName"]}


def test_the_host_changes_while_it_serves(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A new address, another device of the same name, a new name: each is covered at the next look, by a
    certificate that clients trust as before."""
    folder, network = tmp_path / "tls", _Network()
    certificates = Certificates(folder, Settings(), _SetClock(), network)
    ca = (folder / "ca.crt").read_bytes()
    assert {"cam", "cam.local", "192.0.2.7"} <= shown(certificates, folder)
    network.host = Host("cam", ("198.51.100.3", "2001:db8::1"), "cam.local")
    certificates.refresh()
    assert "198.51.100.3" in shown(certificates, folder)
    assert "192.0.2.7" not in shown(certificates, folder)
    with caplog.at_level(logging.WARNING):
        network.host = dataclasses.replace(network.host, announced="cam-2.local")
        for _ in range(3):
            certificates.refresh()
    assert {"cam.local", "cam-2.local"} <= shown(certificates, folder)
    (said,) = caplog.messages
    assert "cam-2.local" in said
    assert "another one has the name cam.local" in said
    network.host = Host("door", network.host.addresses, "door.local")
    certificates.refresh()
    assert "door.local" in shown(certificates, folder)
    assert not {"cam", "cam.local", "cam-2.local"} & shown(certificates, folder)
    assert (folder / "ca.crt").read_bytes() == ca


def test_avahi_that_cannot_be_asked_changes_nothing(tmp_path: Path) -> None:
    """It restarts from time to time; each certificate is three files written to the memory card."""
    folder, network = tmp_path / "tls", _Network()
    network.host = dataclasses.replace(network.host, announced="cam-2.local")
    certificates = Certificates(folder, Settings(), _SetClock(), network)
    before = contents(folder)
    for announced in (None, "cam.local", None, "cam-2.local"):
        network.host = dataclasses.replace(network.host, announced=announced)
        certificates.refresh()
    assert not changed(before, folder)


def fake_busctl(folder: Path, script: str) -> str:
    program = folder / "busctl"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    return str(program)


@pytest.mark.parametrize(
    ("script", "name"),
    [
        ("""echo 's "Cam-2.local"'""", "cam-2.local"),
        ("""echo 's "cam.local."'""", "cam.local"),
        ("echo", None),
        ("""echo 's "no name at all"'""", None),
        ("echo Failed to call: no such service >&2; exit 1", None),
    ],
)
def test_what_avahi_announces(tmp_path: Path, script: str, name: str | None) -> None:
    assert announced_name(fake_busctl(tmp_path, script)) == name


def test_no_avahi_at_all() -> None:
    assert announced_name("/nowhere/busctl") is None


def test_what_is_told_of_a_certificate(folder: Path) -> None:
    found = issued(folder)
    assert found is not None
    assert set(found.names) == alternatives(folder)
    assert found.not_after == certificate(folder).not_valid_after_utc.timestamp()
    elsewhere = issued_elsewhere(folder / "server.crt")
    assert (set(elsewhere.names), elsewhere.not_after) == (set(found.names), found.not_after)
    assert issued_elsewhere(folder / "ca.crt").names == ()
    (folder / "server.key").write_text("another")
    assert issued(folder) is None
    assert issued(folder / "nothing") is None


def own(
    folder: Path, clock: _SetClock | None = None, certificate: Path | None = None, key: Path | None = None
) -> Certificates:
    """With the files of that folder, or others, as the installer's own."""
    settings = Settings(
        tls_certificate=str(certificate or folder / "server.crt"), tls_key=str(key or folder / "server.key")
    )
    return Certificates(folder.parent / "unused", settings, clock or _SetClock())


def test_the_installers_own_certificate(folder: Path) -> None:
    certificates = own(folder)
    assert certificates.ca_path is None
    assert not (folder.parent / "unused").exists()
    first = certificates.context
    ensure(folder, ("renewed.example",), NOW)
    certificates.refresh()
    assert certificates.context is not first


def test_the_installers_certificate_comes_to_its_end(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A line a day from thirty days before; a pair that does not fit leaves the old one in force; the new one
    is loaded when it is there, and nothing more is said."""
    clock, end = _SetClock(), certificate(folder).not_valid_after_utc.timestamp()
    clock.time = end - 20.5 * DAY
    certificates = own(folder, clock)
    for minutes in range(3 * 24 * 60 // 10):
        clock.steady_time = 600.0 * minutes
        certificates.refresh()
    assert len(caplog.messages) == 3
    assert "expires in 20 days" in caplog.messages[0]
    before, key = certificates.context, (folder / "server.key").read_bytes()
    ensure(folder, (), clock.time)
    new = (folder / "server.key").read_bytes()
    (folder / "server.key").write_bytes(key)
    with pytest.raises(SettingsError, match="does not belong"):
        certificates.refresh()
    assert certificates.context is before
    (folder / "server.key").write_bytes(new)
    caplog.clear()
    clock.steady_time += 2 * DAY
    certificates.refresh()
    assert certificates.context is not before
    assert not [said for said in caplog.messages if "tls_certificate" in said]


def test_an_expired_certificate_is_served_with_and_told_hourly(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The clock may be wrong. One that is good is not replaced by one that has expired."""
    late = _SetClock()
    late.time += 900 * DAY
    certificates = own(folder, late)
    for minute in range(3 * 60):
        late.steady_time = 60.0 * minute
        certificates.refresh()
    assert len(caplog.messages) == 3
    assert "has expired: put a new one in its place" in caplog.messages[0]
    first = certificates.context
    ensure(folder, (), late.time)
    certificates.refresh()
    good = certificates.context
    assert good is not first
    ensure(folder / "old", (), NOW)
    for name in ("server.crt", "server.key"):
        shutil.copy(folder / "old" / name, folder / name)
    with pytest.raises(SettingsError, match="has expired: the one before it stays"):
        certificates.refresh()
    assert certificates.context is good


def test_own_files_that_cannot_serve(folder: Path, tmp_path: Path) -> None:
    ensure(tmp_path / "other", (), NOW)
    with pytest.raises(SettingsError, match="the key does not belong to the certificate"):
        own(folder, key=tmp_path / "other" / "server.key")
    with pytest.raises(SettingsError, match="No such file"):
        own(folder, certificate=tmp_path / "nothing.crt")
    (folder / "server.crt").write_text("garbage")
    with pytest.raises(SettingsError, match=r"server\.crt"):
        own(folder)


def test_the_sidecar_holds_no_secret(made: Path) -> None:
    assert set(json.loads((made / "names.json").read_text())) == {
        "names",
        "hashes",
        "not_before",
        "not_after",
    }
