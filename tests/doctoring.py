"""A patient for the doctor's checks: a state folder, and files in the place of /proc, /sys and /etc."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from edge.clock import SystemClock
from edge.doctor.patient import Patient
from edge.server.names import Host
from edge.settings import Settings

HOST = Host("cam", ("192.0.2.7",), None)


def no_program(command: Sequence[str]) -> str | None:
    """A machine without systemd and avahi."""
    return None


def unit(**properties: str) -> Callable[[Sequence[str]], str | None]:
    """systemctl, on a machine where the unit is there."""
    lines = [f"{key}={value}" for key, value in {"LoadState": "loaded", **properties}.items()]

    def program(command: Sequence[str]) -> str | None:
        return "\n".join(lines) + "\n" if command[0] == "systemctl" else None

    return program


def patient(
    folder: Path,
    *,
    files: Mapping[str, str] | None = None,
    program: Callable[[Sequence[str]], str | None] = no_program,
    host: Host = HOST,
    clock: SystemClock | None = None,
    settings_file: Path | None = None,
    **settings: object,
) -> Patient:
    """On folder/state, which is made. files: by their names under the root folder."""
    state, root = folder / "state", folder / "root"
    state.mkdir(mode=0o700, exist_ok=True)
    root.mkdir(exist_ok=True)
    for name, text in (files or {}).items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    given = Settings(**{"port": 1, **settings})  # type: ignore[arg-type]
    return Patient(state, given, settings_file, "", clock or SystemClock(), root, program, lambda: host)
