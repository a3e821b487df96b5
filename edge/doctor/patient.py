"""What is examined, and the few ways to look at it; tests put folders in the place of /proc and /sys."""

from __future__ import annotations

import contextlib
import os
import pwd
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from edge.clock import Clock, SystemClock
from edge.doctor.answer import Answer, Refused, asked
from edge.server.names import Host, this_host
from edge.settings import Settings

UNIT = "api-face.service"
COMMAND_S = 5.0
"""How long another program may take to answer."""

_UNIT_PROPERTIES = (
    "ActiveState",
    "MainPID",
    "AmbientCapabilities",
    "SupplementaryGroups",
    "MemoryMax",
    "User",
)


def ask_program(command: Sequence[str]) -> str | None:
    """What a program prints; None: it is not there, fails, or takes too long."""
    with contextlib.suppress(OSError, subprocess.SubprocessError):
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=COMMAND_S,
            check=True,
            env={**os.environ, "LC_ALL": "C"},
        )
        return done.stdout
    return None


@dataclass(frozen=True)
class Patient:
    """state: its folder. settings: the defaults where the file cannot be read, which settings_error tells
    then. settings_file: None where there is none. root: where /proc, /sys and /etc are. program: see
    ask_program. host_source: tells what it is called. What is cached is looked at when it is first wanted."""

    state: Path
    settings: Settings
    settings_file: Path | None = None
    settings_error: str = ""
    clock: Clock = field(default_factory=SystemClock)
    root: Path = Path("/")
    program: Callable[[Sequence[str]], str | None] = ask_program
    host_source: Callable[[], Host] = this_host

    @cached_property
    def host(self) -> Host:
        """What the host is called now."""
        return self.host_source()

    @cached_property
    def answer(self) -> Answer | Refused:
        """What the running service answers to GET /health."""
        ca = None if self.settings.tls_certificate else self.state / "tls" / "ca.crt"
        return asked(self.settings.host, self.settings.port, ca)

    @cached_property
    def unit(self) -> Mapping[str, str]:
        """Properties of the systemd unit; empty where there is none."""
        words = ("systemctl", "show", UNIT, f"--property=LoadState,{','.join(_UNIT_PROPERTIES)}")
        lines = (self.program(words) or "").splitlines()
        found = {key: value for key, _, value in (line.partition("=") for line in lines)}
        return found if found.get("LoadState") == "loaded" else {}

    @property
    def service_pid(self) -> int | None:
        """Of the running unit."""
        pid = self.unit.get("MainPID", "0")
        return int(pid) if pid.isdigit() and pid != "0" else None

    @property
    def owner(self) -> pwd.struct_passwd | None:
        """The user whom the state folder belongs to, and whom the service therefore runs as."""
        with contextlib.suppress(OSError, KeyError):
            return pwd.getpwuid(self.state.stat().st_uid)
        return None

    def text(self, path: str) -> str | None:
        """What a file holds, such as "proc/meminfo", white space around it aside; None: it cannot be read."""
        with contextlib.suppress(OSError):
            return (self.root / path).read_text(encoding="utf-8", errors="replace").strip()
        return None
