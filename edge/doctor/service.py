"""The running service: does it answer, what does it say, and is it what stands on the disk?"""

from __future__ import annotations

import hashlib
import ssl
from collections.abc import Iterator

from edge.doctor.answer import Refused
from edge.doctor.finding import Finding, failed, not_applicable, passed
from edge.doctor.patient import UNIT, Patient
from edge.errors import CertificateError

_LOG = f"journalctl -u {UNIT} -n 30"

_ADVICE = {
    ("camera", "stalled"): "it is started anew by itself; if that lasts, see its ribbon cable and `dmesg`",
    ("camera", "absent"): "see the line camera",
    ("clock", "unset"): "see the line clock",
    ("disk", "low"): "see the line disk",
}
"""What to do about a word of /health; all others are told, and no failure."""


def look(patient: Patient) -> Iterator[Finding]:
    """Whether /health answers, and the certificate that it answers with."""
    if patient.settings.port == 0:
        yield not_applicable("service", "port = 0 in the settings: where it listens is not known")
        return
    answer = patient.answer
    if isinstance(answer, Refused):
        unit = patient.unit.get("ActiveState", f"there is no {UNIT}")
        advice = f"systemctl restart {UNIT}, then {_LOG}" if patient.unit else "start it: api-face serve"
        words = f"{answer.place}: {answer.reason} (systemd says: {unit})"
        yield failed("service", words, answer.advice or advice)
        return
    words = f"{answer.place} answers {answer.status}: " + ", ".join(
        f"{key} {value}" for key, value in answer.fields.items()
    )
    advices = [_ADVICE[item] for item in answer.fields.items() if item in _ADVICE]
    if answer.status != 200:
        yield failed("service", words, _LOG)
    elif advices:
        yield failed("service", words, "; ".join(advices))
    else:
        yield passed("service", words)
    yield from _served(patient, answer.certificate)


def _served(patient: Patient, seen: str) -> Iterator[Finding]:
    settings = patient.settings
    path = settings.tls_certificate or str(patient.state / "tls" / "server.crt")
    text = patient.text(path)
    if text is None:
        return  # the line certificate says so
    try:
        # of a chain the first, which is the server's
        head, end, _ = text.partition("-----END CERTIFICATE-----")
        on_disk = hashlib.sha256(ssl.PEM_cert_to_DER_cert(head[head.index("-----BEGIN") :] + end)).hexdigest()
    except ValueError as error:
        raise CertificateError(f"{path}: {error}") from error
    if on_disk != seen:
        yield failed(
            "service",
            f"it serves with another certificate than {path}",
            f"it loads a new one within a minute; if this stays, {_LOG}",
        )
