"""NumPy and picamera2: a NumPy from pip over apt's picamera2 is what breaks most often on bookworm (picamera2
issues 1088, 1170, 1211)."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from collections.abc import Iterator

from edge.doctor.finding import Finding, failed, not_applicable, passed
from edge.doctor.patient import Patient

IMPORT_S = 60.0
"""How long the libraries may take to load: a minute on a slow card."""

_PROGRAM = """
import sys
import numpy
print(numpy.__version__, numpy.__path__[0])
sys.stdout.flush()
import picamera2
"""
_FIX = (
    "make the virtual environment anew with --system-site-packages and without a NumPy of its own "
    "(scripts/install does), so that apt's is used: pip uninstall numpy"
)


def look(patient: Patient) -> Iterator[Finding]:
    """Whether both can be loaded together; in a process of its own, for it may die of it."""
    wanted = patient.settings.camera.partition(":")[0] == "pi"
    if importlib.util.find_spec("picamera2") is None:
        if wanted:
            advice = (
                "sudo apt install python3-picamera2 --no-install-recommends; the virtual environment must "
                "see it (--system-site-packages)"
            )
            yield failed("numpy", "picamera2 is missing, and the settings name a camera of it", advice)
        else:
            yield not_applicable("numpy", "picamera2 is not installed, and not needed")
        return
    try:
        done = subprocess.run(
            [sys.executable, "-P", "-c", _PROGRAM],
            capture_output=True,
            text=True,
            timeout=IMPORT_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        yield failed("numpy", f"picamera2 was not loaded within {IMPORT_S:g} s", "see `dmesg`: a slow card?")
        return
    versions = (done.stdout.strip() or "no NumPy").splitlines()[0]
    if done.returncode == 0:
        yield passed("numpy", f"NumPy {versions} and picamera2 load together")
    else:
        last = (done.stderr.strip() or f"exit code {done.returncode}").splitlines()[-1]
        yield failed("numpy", f"NumPy {versions}; picamera2 cannot be loaded: {last}", _FIX)
