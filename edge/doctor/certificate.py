"""The certificate: does it hold, and cover what the device is called now? What must clients compare?"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from edge.doctor.finding import Finding, failed, not_applicable, passed
from edge.doctor.patient import Patient
from edge.server.issuing import Issued, issued_elsewhere
from edge.server.names import host_names, is_address
from edge.server.tls import RENEW_BEFORE_S, fingerprint, issued

_DAY_S = 86_400
_WAIT = "a running service makes a new one within a minute; see its log if it does not"


def look(patient: Patient) -> Iterator[Finding]:
    """The device's own, or the installer's. Raises CertificateError."""
    if patient.settings.tls_certificate:
        yield _installers(patient, issued_elsewhere(Path(patient.settings.tls_certificate)))
        return
    folder = patient.state / "tls"
    if not folder.exists():
        yield failed("certificate", f"there is no {folder}", "api-face ca makes it, and so does a start")
        return
    yield passed("CA", f"SHA-256 {fingerprint(folder / 'ca.crt')} ({folder / 'ca.crt'})")
    found = issued(folder)
    if found is None:
        yield failed("certificate", f"the files in {folder} do not belong together", _WAIT)
        return
    wanted = set(host_names(patient.settings.tls_names, patient.host))
    if missing := sorted(wanted - set(found.names)):
        yield failed("certificate", f"it does not cover {', '.join(missing)}", _WAIT)
    else:
        yield _dated(patient, found, RENEW_BEFORE_S, _WAIT)


def _installers(patient: Patient, found: Issued) -> Finding:
    host = patient.host
    wanted = {host.name, host.local, host.announced or host.local, *host.addresses}
    if not wanted & set(found.names) and not any(name.startswith("*.") for name in found.names):
        names = ", ".join(found.names) or "no name"
        words = f"the installer's, for {names}: neither this host's name nor an address of it"
        return not_applicable("certificate", f"{words}; whether that name leads here cannot be seen here")
    return _dated(
        patient, found, RENEW_BEFORE_S, "put a new one in its place: the service loads it by itself"
    )


def _dated(patient: Patient, found: Issued, before_s: float, advice: str) -> Finding:
    now = patient.clock.now()
    days = (found.not_after - now) / _DAY_S
    names = [name for name in found.names if not is_address(name)]
    covered = f"{', '.join(names)} and {len(found.names) - len(names)} addresses"
    if now < found.not_before:
        return failed("certificate", "not valid yet: is the clock right?", "see the line clock")
    words = f"{days:.0f} days left" if days > 0 else "expired"
    if found.not_after - now < before_s:
        return failed("certificate", words, advice)
    return passed("certificate", f"{words}; for {covered}")
