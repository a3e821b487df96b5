"""Makes the device CA and its server certificate. Runs as a short child process.

`cryptography` costs about 15 MiB of memory that an everyday start does not need, so `tls.py` starts
`python -m edge.server.issue` only when something has to be made. One JSON order on stdin, one JSON
answer on stdout; on failure one sentence on stderr and exit code 1.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import hashlib
import ipaddress
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from tempfile import NamedTemporaryFile

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from edge.clock import RELEASED

RELEASE = dt.datetime.fromtimestamp(RELEASED, dt.UTC)
"""No certificate starts after this date less a day because of a clock that lags behind it."""

CA_YEARS = 40
SERVER_DAYS = 824
"""Apple and others refuse more than 825 days."""


def ca_validity() -> tuple[dt.datetime, dt.datetime]:
    """From the release date, whatever the clock says: a CA made under a wrong clock must not be lost."""
    start = RELEASE - dt.timedelta(days=1)
    return start, start.replace(year=start.year + CA_YEARS)


def server_validity(now: float) -> tuple[dt.datetime, dt.datetime]:
    """From a day before now (seconds since 1970) or the release date, whichever is later; inside the CA's."""
    first, last = ca_validity()
    seconds = min(max(now, RELEASE.timestamp()), (last - dt.timedelta(days=2)).timestamp())
    start = max(dt.datetime.fromtimestamp(int(seconds), dt.UTC) - dt.timedelta(days=1), first)
    return start, min(start + dt.timedelta(days=SERVER_DAYS), last)


def make_ca(key: ec.EllipticCurvePrivateKey) -> x509.Certificate:
    """The self-signed certificate of the device's own authority."""
    fingerprint = hashlib.sha256(_public_bytes(key)).hexdigest()[:8]
    name = _subject(f"api-face device CA {fingerprint}")
    start, end = ca_validity()
    identifier = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    builder = _builder(name, name, key, start, end)
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    builder = builder.add_extension(_usage(signs_certificates=True), critical=True)
    return builder.add_extension(identifier, critical=False).sign(key, hashes.SHA256())


def make_server(
    ca: x509.Certificate,
    ca_key: ec.EllipticCurvePrivateKey,
    key: ec.EllipticCurvePrivateKey,
    names: Sequence[str],
    now: float,
) -> x509.Certificate:
    """The certificate that the server shows, for those DNS names and addresses."""
    start, end = server_validity(now)
    builder = _builder(_subject(_common_name(names)), ca.subject, key, start, end)
    alternatives = x509.SubjectAlternativeName([_general_name(name) for name in names])
    authority = x509.AuthorityKeyIdentifier.from_issuer_public_key(ca_key.public_key())
    identifier = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    purpose = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH])
    builder = builder.add_extension(alternatives, critical=False)
    builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
    builder = builder.add_extension(_usage(signs_certificates=False), critical=True)
    builder = builder.add_extension(purpose, critical=False).add_extension(identifier, critical=False)
    return builder.add_extension(authority, critical=False).sign(ca_key, hashes.SHA256())


def issue(folder: Path, names: Sequence[str], now: float) -> dict[str, object]:
    """Make what is missing in `folder`, and a new server certificate; what names.json is to hold."""
    ca, ca_key = _authority(folder)
    key = ec.generate_private_key(ec.SECP256R1())
    certificate = make_server(ca, ca_key, key, names, now)
    write_private(folder / "server.key", _private_bytes(key))
    write_private(folder / "server.crt", certificate.public_bytes(serialization.Encoding.PEM))
    return _dates(certificate)


def inspect(certificate: Path) -> dict[str, object]:
    """The dates of the first certificate in a PEM file, and the names and addresses that it covers."""
    found = x509.load_pem_x509_certificate(certificate.read_bytes())
    names: list[str] = []
    with contextlib.suppress(x509.ExtensionNotFound):
        covered = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        names = [str(name.value) for name in covered if isinstance(name, x509.DNSName | x509.IPAddress)]
    return {"names": names, **_dates(found)}


def write_private(path: Path, data: bytes) -> None:
    """Replace a file at once and durably, readable by its owner alone."""
    with NamedTemporaryFile(dir=path.parent, suffix=".new", delete=False) as draft:  # of mode 0600
        draft.write(data)
        draft.flush()
        os.fsync(draft.fileno())
    Path(draft.name).replace(path)


def _authority(folder: Path) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
    """The CA of the folder: read, or made where it is missing. Its key is never replaced."""
    key_path, path = folder / "ca.key", folder / "ca.crt"
    if not key_path.exists():
        if path.exists():
            raise ValueError(f"{key_path} is missing; nothing else can sign for clients that trust {path}")
        write_private(key_path, _private_bytes(ec.generate_private_key(ec.SECP256R1())))
    key = _ca_key(key_path)
    ca = None
    with contextlib.suppress(OSError, ValueError):
        ca = x509.load_pem_x509_certificate(path.read_bytes())
    if ca is None:
        ca = make_ca(key)
        write_private(path, ca.public_bytes(serialization.Encoding.PEM))
    if ca.public_key() != key.public_key():
        raise ValueError(f"{path} and {key_path} do not belong together; restore one of them from a backup")
    return ca, key


def _ca_key(path: Path) -> ec.EllipticCurvePrivateKey:
    try:
        key = serialization.load_pem_private_key(path.read_bytes(), password=None)
    except (ValueError, TypeError) as error:
        raise ValueError(
            f"{path} is damaged; restore it from a backup, or remove {path.parent} to begin anew "
            "(each client must then trust the new CA)"
        ) from error
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise ValueError(f"{path} is not an elliptic-curve key")
    return key


def _builder(
    subject: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePrivateKey,
    start: dt.datetime,
    end: dt.datetime,
) -> x509.CertificateBuilder:
    builder = x509.CertificateBuilder().subject_name(subject).issuer_name(issuer)
    builder = builder.public_key(key.public_key()).serial_number(x509.random_serial_number())
    return builder.not_valid_before(start).not_valid_after(end)


def _usage(signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _subject(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _common_name(names: Sequence[str]) -> str:
    fitting = [name for name in names if len(name) <= 64]
    return fitting[0] if fitting else "api-face edge"


def _general_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _public_bytes(key: ec.EllipticCurvePrivateKey) -> bytes:
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return key.public_key().public_bytes(serialization.Encoding.DER, form)


def _private_bytes(key: ec.EllipticCurvePrivateKey) -> bytes:
    form = serialization.PrivateFormat.PKCS8
    return key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption())


def _dates(certificate: x509.Certificate) -> dict[str, object]:
    return {
        "not_before": certificate.not_valid_before_utc.timestamp(),
        "not_after": certificate.not_valid_after_utc.timestamp(),
    }


def main() -> None:
    order = json.load(sys.stdin)
    try:
        if "certificate" in order:
            answer = inspect(Path(order["certificate"]))
        else:
            answer = issue(Path(order["folder"]), order["names"], order["now"])
    except (ValueError, OSError) as error:
        raise SystemExit(str(error)) from error
    json.dump(answer, sys.stdout)


if __name__ == "__main__":
    main()
