"""`api-face ca`: what a client must trust once."""

from __future__ import annotations

import argparse
import socket

from edge.clock import SystemClock
from edge.commands.place import Place
from edge.commands.qr import print_qr
from edge.errors import SettingsError
from edge.server.tls import ensure, fingerprint


def arguments(parser: argparse.ArgumentParser) -> None:
    """--qr."""
    parser.description = (
        "Print the path of the device's CA certificate, and its SHA-256 fingerprint. "
        "The certificates are made if there are none yet."
    )
    parser.add_argument(
        "--qr",
        action="store_true",
        help="and, as a QR code, where to fetch it by a network name, with the fingerprint",
    )


def run(args: argparse.Namespace, place: Place) -> int:
    """Path and fingerprint, a line each."""
    settings = place.settings()
    if settings.tls_certificate:
        raise SettingsError(
            f"the settings name a certificate, {settings.tls_certificate}: no device CA is in use"
        )
    place.state.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder = place.state / "tls"
    ensure(folder, settings.tls_names, SystemClock().now())
    print(folder / "ca.crt")
    print(f"SHA-256 {fingerprint(folder / 'ca.crt')}")
    if args.qr:
        print_qr(_address(settings.port, fingerprint(folder / "ca.crt")))
    return 0


def _address(port: int, sha256: str) -> str:
    """A phone shows what stands behind the "#", and sends it to nobody."""
    name = socket.gethostname().split(".")[0].lower()
    where = f"{name}.local" if port in (0, 443) else f"{name}.local:{port}"
    return f"https://{where}/ca.crt#sha256={sha256.replace(':', '').lower()}"
