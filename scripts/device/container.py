"""A booted root folder, driven by scripts/boot-container."""

from __future__ import annotations

import subprocess
from pathlib import Path

SCRIPT = Path(__file__).resolve().parent.parent / "boot-container"
ADDRESS, ADDRESS_6 = "10.77.0.2", "fd77::2"
"""Of its end of the cable."""


class CommandFailed(Exception):
    """A command inside that had to work did not; what it said."""


class Container:
    """One root folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def start(self, network: str = "veth", memory: str | None = None) -> None:
        """Boot it; systemd has started all when this returns. memory: a cap, for example 416M."""
        limits = [] if memory is None else ["--memory", memory]
        self._drive("start", "--network", network, *limits)

    def run(self, *command: str, check: bool = True, data: str | None = None) -> str:
        """Run it inside, as root; what it printed, both streams. Raises CommandFailed."""
        code, said = self.tried(*command, data=data)
        if check and code:
            raise CommandFailed(f"{' '.join(command)}: exit code {code}: {said}")
        return said

    def tried(self, *command: str, data: str | None = None) -> tuple[int, str]:
        """Exit code, and what it printed."""
        done = subprocess.run(
            [SCRIPT, "run", self.folder, *command],
            input=data,
            stdin=subprocess.DEVNULL if data is None else None,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        return done.returncode, done.stdout.strip()

    def stop(self) -> None:
        """Power off."""
        self._drive("stop")

    def kill(self) -> None:
        """All its processes at once, if it is running."""
        if self.folder.with_name(self.folder.name + ".pid").exists():
            self._drive("kill")

    def memory_peak(self) -> int:
        """The most it ever took, its page cache too (bytes)."""
        return int(self._drive("memory"))

    def path(self, inside: str) -> Path:
        """A file of it, seen from here."""
        return self.folder / inside.lstrip("/")

    def _drive(self, verb: str, *arguments: str) -> str:
        done = subprocess.run(
            [SCRIPT, verb, self.folder, *arguments],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise CommandFailed(f"{verb} {self.folder.name}: {done.stderr.strip()}")
        return done.stdout.strip()
