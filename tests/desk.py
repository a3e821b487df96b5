"""A desk to try the installer on: a root folder with apt, pip and users acted out (desk_unshare.sh)."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
RELEASES = "opt/api-face/releases"


class Desk:
    """A root folder of bookworm, as far as the installer looks at it, and a source to install from."""

    def __init__(self, folder: Path) -> None:
        self.root, self.source, self.bin = folder / "root", folder / "source", folder / "bin"
        for path in (self.root / "etc", self.source, self.bin):
            path.mkdir(parents=True)
        (self.root / "etc/debian_version").write_text("12.11\n")
        self.system("12", "bookworm")
        for part in ("scripts", "constraints", "systemd"):
            if (ROOT / part).exists():
                shutil.copytree(ROOT / part, self.source / part)
        for part in ("edge", "models", "setup.cfg"):
            (self.source / part).symlink_to(ROOT / part)
        units = self.source / "systemd"
        units.mkdir(exist_ok=True)
        (units / "api-face.service").write_text("[Service]\n[Install]\n")
        (units / "api-face-housekeeping.timer").write_text("[Timer]\n[Install]\n")
        (units / "avahi-api-face.service").write_text("<port>443</port>\n")
        (self.bin / "unshare").symlink_to(ROOT / "tests/desk_unshare.sh")
        (self.bin / "id").write_text("#!/bin/sh\necho 0\n")
        (self.bin / "id").chmod(0o755)

    def system(self, version: str, codename: str) -> None:
        (self.root / "etc/os-release").write_text(
            f'PRETTY_NAME="Debian GNU/Linux {version}"\nVERSION_CODENAME={codename}\n'
        )

    def started(self, script: str, *words: str, **environment: str) -> subprocess.Popen[str]:
        environ = {
            **os.environ,
            "PATH": f"{self.bin}:{os.environ['PATH']}",
            "DESK_PYTHON": sys.executable,
            "PYTHONPATH": str(ROOT),
            **environment,
        }
        command = [str(self.source / "scripts" / script), *words]
        return subprocess.Popen(
            command,
            env=environ,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def run(self, script: str, *words: str, **environment: str) -> tuple[int, str, str]:
        """Exit code, stdout, stderr."""
        process = self.started(script, *words, "--root", str(self.root), **environment)
        out, err = process.communicate(timeout=120)
        return process.returncode, out, err

    def install(self, *words: str, **environment: str) -> tuple[str, str]:
        """It must succeed; stdout and stderr."""
        code, out, err = self.run("install", *words, **environment)
        assert code == 0, err
        return out, err

    def calls(self) -> str:
        """What was run inside, a line each."""
        return self.root.with_suffix(".log").read_text()

    def tree(self) -> dict[str, object]:
        """Every path with its mode, and its content or target; not the store, whose bytes differ."""
        return dict(sorted(self._entries()))

    def _entries(self) -> Iterator[tuple[str, object]]:
        for path in self.root.rglob("*"):
            name = str(path.relative_to(self.root))
            if path.is_symlink():
                yield name, path.readlink()
            elif path.is_file() and not name.startswith("var/lib/api-face"):
                yield name, (path.stat().st_mode, hashlib.sha256(path.read_bytes()).digest())
            else:
                yield name, path.stat().st_mode
