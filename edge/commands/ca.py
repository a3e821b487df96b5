"""`api-face ca`: what a client must trust once."""

from __future__ import annotations

import argparse

from edge.clock import SystemClock
from edge.commands.place import Place
from edge.errors import SettingsError
from edge.server.tls import ensure, fingerprint


def arguments(parser: argparse.ArgumentParser) -> None:
    """None of its own."""
    parser.description = (
        "Print the path of the device's CA certificate, and its SHA-256 fingerprint. "
        "The certificates are made if there are none yet."
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
    return 0
