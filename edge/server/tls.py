"""The device's certificates: which names they need, whether they still hold, and the TLS context.

DIR/tls holds ca.crt, ca.key, server.crt, server.key, names.json and a lock. The sidecar says what the server
certificate covers, so that an everyday start imports no cryptography (`issue.py` does, in a child).
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import logging
import os
import ssl
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any

from edge.clock import RELEASED, Clock
from edge.errors import CertificateError, SettingsError
from edge.server.issuing import Issued, issued_elsewhere, issuer_answer
from edge.server.names import Host, host_names, is_address, this_host, unannounced_host
from edge.settings import Settings

RENEW_BEFORE_S = 30 * 86400
"""Before its end (seconds) the device's own certificate is renewed, and the installer's complained about."""

_COMPLAIN_EVERY_S, _EXPIRED_EVERY_S = 86400.0, 3600.0
_CIPHERS = "ECDHE+AESGCM:ECDHE+CHACHA20"
_PARTS = ("ca.crt", "server.crt", "server.key")
_log = logging.getLogger(__name__)


class Certificates:
    """The TLS context in force: the installer's certificate, or the device's own."""

    def __init__(
        self, folder: Path, settings: Settings, clock: Clock, host: Callable[[], Host] | None = None
    ) -> None:
        """host: what the host is called; None: this one. Avahi is not asked before the second look: a start
        must not wait for it. Raises SettingsError or CertificateError when there is nothing to serve with."""
        self._folder = folder
        self._settings = settings
        self._clock = clock
        self._loaded: object = None
        self._ends: float | None = None  # of the installer's certificate, seconds since 1970
        self._complain_at = clock.steady()
        self._renamed = False
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._host = host or unannounced_host
        self.refresh()
        self._host = host or this_host

    @property
    def context(self) -> ssl.SSLContext:
        """The context for the next handshake."""
        return self._context

    @property
    def ca_path(self) -> Path | None:
        """The device's CA certificate; None with the installer's own certificate."""
        return None if self._settings.tls_certificate else self._folder / "ca.crt"

    def refresh(self) -> None:
        """Renew what must be renewed and load what has changed on disk; cheap when nothing has.

        Whatever it raises, the context stays as it was: connections that are made meanwhile are served.
        """
        host = self._host()
        self._tell_name(host)
        if self._settings.tls_certificate:
            self._refresh_own(Path(self._settings.tls_certificate), Path(self._settings.tls_key))
        elif self._loaded != ensure(self._folder, self._settings.tls_names, self._clock.now(), host):
            certificate, key = self._folder / "server.crt", self._folder / "server.key"
            with _locked(self._folder):  # so that no other process replaces one of the two in between
                self._context = _server_context(certificate, key)
                self._loaded = tuple(_hashes(self._folder).values())

    def _refresh_own(self, certificate: Path, key: Path) -> None:
        seen = (_stamp(certificate), _stamp(key))
        if seen != self._loaded:
            context = _server_context(certificate, key)  # first, for it costs no process
            self._ends = _check_own(certificate, self._clock.now(), self._ends)
            self._context, self._loaded = context, seen
        left, now = (self._ends or 0.0) - self._clock.now(), self._clock.steady()
        if left < RENEW_BEFORE_S and now >= self._complain_at:
            self._complain_at = now + (_COMPLAIN_EVERY_S if left > 0 else _EXPIRED_EVERY_S)
            words = "has expired" if left <= 0 else f"expires in {left / 86400:.0f} days"
            _log.warning("tls_certificate %s %s: put a new one in its place", certificate, words)

    def _tell_name(self, host: Host) -> None:
        """A line in the log when another device on the network has this one's name."""
        if host.announced is None or host.renamed == self._renamed:
            return
        self._renamed = host.renamed
        if host.renamed:
            words = "the network knows this device as %s, for another one has the name %s"
            _log.warning(words, host.announced, host.local)
        else:
            _log.info("the network knows this device as %s", host.announced)


def issued(folder: Path) -> Issued | None:
    """The device's own certificate in `folder`; None: none, or one that is not as it was left."""
    sidecar = _read_sidecar(folder / "names.json")
    if set(hashes := _hashes(folder)) != set(_PARTS) or sidecar.get("hashes") != hashes:
        return None
    try:
        return Issued(tuple(sidecar["names"]), float(sidecar["not_before"]), float(sidecar["not_after"]))
    except (KeyError, TypeError, ValueError):
        return None


def ensure(
    folder: Path, further_names: Iterable[str], now: float, host: Host | None = None
) -> tuple[str, ...]:
    """See to it that `folder` holds a CA and a fitting server certificate; their SHA-256 hashes.

    now: seconds since 1970. host: see host_names. An existing CA is never replaced: clients trust it.
    """
    names = host_names(further_names, host)
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
    dates = issuer_answer({"folder": str(folder), "names": names, "now": now})
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


def fingerprint(certificate: Path) -> str:
    """SHA-256 of a PEM certificate as openssl prints it: 32 hexadecimal bytes with colons."""
    try:
        der = ssl.PEM_cert_to_DER_cert(certificate.read_text(encoding="ascii"))
    except (OSError, ValueError) as error:
        raise CertificateError(f"{certificate}: {error}") from error
    return hashlib.sha256(der).digest().hex(":").upper()


def _covers(sidecar: Mapping[str, Any], wanted: tuple[str, ...], now: float) -> bool:
    """Whether the certificate fits. An address that went away is no reason to write, nor is a name that avahi
    gave, for it is not always there to be asked; all else is."""
    try:
        have, start, end = set(sidecar["names"]), sidecar["not_before"], sidecar["not_after"]
        gone = {name for name in have - set(wanted) if not (is_address(name) or name.endswith(".local"))}
        # Before the certificate's start the clock was wrong when it was made, or is wrong now (a Pi
        # without a network believes in the past): a new one is due only if it would start earlier.
        too_early = now < start and _earliest_start(now) < start
        return set(wanted) <= have and not gone and not too_early and now < end - RENEW_BEFORE_S
    except (KeyError, TypeError):
        return False


def _earliest_start(now: float) -> float:
    """The start of a certificate made at `now`, as issue.py reckons it (seconds since 1970)."""
    return max(now, RELEASED) - 86400


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


def _check_own(certificate: Path, now: float, in_force: float | None) -> float:
    """The end of a certificate (seconds since 1970). in_force: that of the one served with so far.

    An expired one is served with where there is no better one: the clock may be wrong, and clients may have
    been told to take it. Raises SettingsError.
    """
    try:
        found = issued_elsewhere(certificate)
    except CertificateError as error:
        raise SettingsError(f"tls_certificate {certificate}: {error.message}") from error
    if found.not_after <= now < (in_force or 0.0):
        raise SettingsError(f"tls_certificate {certificate} has expired: the one before it stays")
    if now < found.not_before:
        _log.warning("%s is not valid yet: is the clock of this device right?", certificate)
    return found.not_after


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
