"""A QR code for a terminal."""

from __future__ import annotations

import io
import sys

import segno

_WHITE_ON_BLACK, _AS_BEFORE = "\x1b[97;40m", "\x1b[0m"


def print_qr(text: str) -> None:
    """On stdout, in half blocks with the quiet zone; light on dark, in colours of its own on a terminal."""
    drawn = io.StringIO()
    segno.make(text, error="m", micro=False).terminal(out=drawn, compact=True)
    for line in drawn.getvalue().splitlines():
        print(f"{_WHITE_ON_BLACK}{line}{_AS_BEFORE}" if sys.stdout.isatty() else line)
