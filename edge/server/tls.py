"""The device's certificates: which names they need, whether they still hold, and the TLS context.

DIR/tls holds ca.crt, ca.key, server.crt, server.key, names.json and a lock. The sidecar says what the server
certificate covers, so that an everyday start imports no cryptography (`issue.py` does, in a child).
"""

from __future__ import annotations

import fcntl
import hashlib
import ipaddress
import json
import logging
import os
import re
import socket
import ssl
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any

import ifaddr

from edge.clock import RELEASED, Clock
from edge.errors import CertificateError, SettingsError
from edge.settings import Settings

RENEW_BEFORE_S = 30 * 86400
_CIPHERS = "ECDHE+AESGCM:ECDHE+CHACHA20"
_PARTS = ("ca.crt", "server.crt", "server.key")
_DNS_NAME = re.compile(r"(?!-)[a-z0-9-]{1,63}(?<!-)(\.(?!-)[a-z0-9-]{1,63}(?<!-))*", re.ASCII)
_log = logging.getLogger(__name__)


class Certificates:
    """The TLS context in force: the installer's certificate, or the device's own."""

    def __init__(self, folder: Path, settings: Settings, clock: Clock) -> None:
        """Raises SettingsError or CertificateError when there is nothing to serve with."""
        self._folder = folder
        self._settings = settings
        self._clock = clock
        self._loaded: object = None
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.refresh()

    @property
    def context(self) -> ssl.SSLContext:
        """The context for the next handshake."""
        return self._context

    @property
    def ca_path(self) -> Path | None:
        """The device's CA certificate; None with the installer's own certificate."""
        return None if self._settings.tls_certificate else self._folder / "ca.crt"

    def refresh(self) -> None:
        """Renew what must be renewed and load what has changed on disk; cheap when nothing has."""
        if self._settings.tls_certificate:
            certificate, key = Path(self._settings.tls_certificate), Path(self._settings.tls_key)
            seen: object = (_stamp(certificate), _stamp(key))
            if seen != self._loaded:
                _check_own(certificate, self._clock.now())
            self._load(seen, certificate, key)
        elif self._loaded != ensure(self._folder, self._settings.tls_names, self._clock.now()):
            certificate, key = self._folder / "server.crt", self._folder / "server.key"
            with _locked(self._folder):  # so that no other process replaces one of the two in between
                self._load(tuple(_hashes(self._folder).values()), certificate, key)

    def _load(self, seen: object, certificate: Path, key: Path) -> None:
        if seen != self._loaded:
            self._context = _server_context(certificate, key)
            self._loaded = seen


def ensure(folder: Path, further_names: Iterable[str], now: float) -> tuple[str, ...]:
    """See to it that `folder` holds a CA and a fitting server certificate; their SHA-256 hashes.

    now: seconds since 1970. An existing CA is never replaced: clients trust it.
    """
    names = host_names(further_names)
    hashes = _fitting(folder, names, now)
    if hashes is None:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with _locked(folder):
            hashes = _fitting(folder, names, now) or _renewed(folder, names, now)
    return tuple(hashes.values())


def _fitting(folder: Path, names: tuple[str, ...], now: float) -> dict[str, str] | None:
    """The hashes of what is there, if it is as it was left and will do."""
    hashes = _hashes(folder)
    sidecar = _read_sidecar(folder / "names.json")
    return hashes if sidecar.get("hashes") == hashes and _covers(sidecar, names, now) else None


def _renewed(folder: Path, names: tuple[str, ...], now: float) -> dict[str, str]:
    for draft in folder.glob("*.new"):  # of a process that was killed
        draft.unlink()
    dates = _child({"folder": str(folder), "names": names, "now": now})
    hashes = _hashes(folder)
    with NamedTemporaryFile("w", encoding="ascii", dir=folder, suffix=".new", delete=False) as file:
        json.dump({"names": names, "hashes": hashes, **dates}, file, indent=1)
    Path(file.name).replace(folder / "names.json")
    _log.info("new server certificate for %s", ", ".join(names))
    return hashes


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """One process at a time; waits for the others."""
    handle = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def host_names(further: Iterable[str] = ()) -> tuple[str, ...]:
    """The DNS names, then the addresses, under which this host may be called; each part sorted."""
    host = socket.gethostname().split(".")[0].lower()
    names = {"localhost", *((host, f"{host}.local") if _DNS_NAME.fullmatch(host) else ())}
    addresses = {"127.0.0.1", "::1"}
    for name in (*_interface_addresses(), *further):
        if _is_address(name):
            addresses.add(str(ipaddress.ip_address(name)))
        elif _DNS_NAME.fullmatch(name.lower().removeprefix("*.")):
            names.add(name.lower())
        else:
            raise SettingsError(f'tls_names: "{name}" is neither a DNS name nor an address')
    return (*sorted(names), *sorted(addresses))


def fingerprint(certificate: Path) -> str:
    """SHA-256 of a PEM certificate as openssl prints it: 32 hexadecimal bytes with colons."""
    try:
        der = ssl.PEM_cert_to_DER_cert(certificate.read_text(encoding="ascii"))
    except (OSError, ValueError) as error:
        raise CertificateError(f"{certificate}: {error}") from error
    return hashlib.sha256(der).digest().hex(":").upper()


def _covers(sidecar: Mapping[str, Any], wanted: tuple[str, ...], now: float) -> bool:
    """Whether the certificate fits. An address that went away is no reason to write; all else is."""
    try:
        have, start, end = set(sidecar["names"]), sidecar["not_before"], sidecar["not_after"]
        gone = {name for name in have - set(wanted) if not _is_address(name)}
        # Before the certificate's start the clock was wrong when it was made, or is wrong now (a Pi
        # without a network believes in the past): a new one is due only if it would start earlier.
        too_early = now < start and _earliest_start(now) < start
        return set(wanted) <= have and not gone and not too_early and now < end - RENEW_BEFORE_S
    except (KeyError, TypeError):
        return False


def _earliest_start(now: float) -> float:
    """The start of a certificate made at `now`, as issue.py reckons it (seconds since 1970)."""
    return max(now, RELEASED) - 86400


def _interface_addresses() -> list[str]:
    addresses: list[str] = []
    for adapter in ifaddr.get_adapters():
        for ip in adapter.ips:
            text = ip.ip if isinstance(ip.ip, str) else ip.ip[0]
            if not ipaddress.ip_address(text).is_link_local:
                addresses.append(text)
    return addresses


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _hashes(folder: Path) -> dict[str, str]:
    """SHA-256 of each file that exists."""
    files = {part: folder / part for part in _PARTS}
    return {
        part: hashlib.sha256(path.read_bytes()).hexdigest() for part, path in files.items() if path.is_file()
    }


def _read_sidecar(path: Path) -> dict[str, Any]:
    try:
        values = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return {}
    return values if isinstance(values, dict) else {}


def _child(order: Mapping[str, object]) -> dict[str, Any]:
    """Run issue.py. Raises CertificateError with its words."""
    roots = (str(Path(__file__).parents[2]), os.environ.get("PYTHONPATH", ""))
    result = subprocess.run(
        [sys.executable, "-P", "-m", "edge.server.issue"],
        input=json.dumps(order),
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, roots))},
    )
    if result.returncode != 0:
        raise CertificateError(result.stderr.strip() or "the certificate could not be made")
    values: dict[str, Any] = json.loads(result.stdout)
    return values


def _check_own(certificate: Path, now: float) -> None:
    try:
        dates = _child({"certificate": str(certificate)})
    except CertificateError as error:
        raise SettingsError(f"tls_certificate {certificate}: {error.message}") from error
    if now >= dates["not_after"]:
        raise SettingsError(f"tls_certificate {certificate} has expired")
    if now < dates["not_before"]:
        _log.warning("%s is not valid yet: is the clock of this device right?", certificate)


def _stamp(path: Path) -> tuple[int, int]:
    try:
        status = path.stat()
    except OSError as error:
        raise SettingsError(f"{path}: {error.strerror}") from error
    return status.st_mtime_ns, status.st_size


def _server_context(certificate: Path, key: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(_CIPHERS)
    context.set_alpn_protocols(["http/1.1"])
    context.options |= ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION
    try:
        context.load_cert_chain(certificate, key, password=lambda: "")
    except (OSError, ValueError) as error:
        words = "the key does not belong to the certificate" if "MISMATCH" in str(error) else str(error)
        raise SettingsError(f"{certificate} with {key}: {words}") from error
    return context
