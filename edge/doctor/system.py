"""Which machine and which system this is: nothing to pass, but the first thing that anybody asks for."""

from __future__ import annotations

import platform
import re
import struct
from collections.abc import Iterator

from edge import __version__
from edge.doctor.finding import Finding, failed, passed
from edge.doctor.patient import Patient


def look(patient: Patient) -> Iterator[Finding]:
    """One line; and the settings, of which a wrong one keeps the service from starting."""
    bits = 8 * struct.calcsize("P")
    model = (patient.text("proc/device-tree/model") or platform.machine()).rstrip("\0")
    release = re.search(r'^PRETTY_NAME="?([^"\n]*)', patient.text("etc/os-release") or "", re.M)
    system = release[1] if release else platform.system()
    words = f"api-face edge {__version__}, Python {platform.python_version()}, {model}, {system}, {bits}-bit"
    if bits == 32 and "trixie" in system:
        yield failed("system", words, "32-bit trixie has no TFLite runtime: install the 64-bit system")
    else:
        yield passed("system", words)
    if patient.settings_error:
        yield failed("settings", patient.settings_error, "until then the lines below take the defaults")
    else:
        yield passed("settings", str(patient.settings_file or "no file: the defaults hold"))
