"""Virtual environments for the peers, made from pinned requirements; nothing is installed anywhere else."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

from edge.commands.peers.child import PeerLost, last_line

_MADE_FROM = "made-from.txt"


def environment(requirements: Path, folder: Path) -> Path:
    """The Python of a virtual environment in `folder` that holds just these requirements.

    Made when it is not there, or was made from others. Raises PeerLost with pip's last words.
    """
    python, note = folder / "bin" / "python", folder / _MADE_FROM
    wanted = f"{sys.version}\n{requirements.read_text(encoding='utf-8')}"
    if note.exists() and note.read_text(encoding="utf-8") == wanted:
        return python
    print(f"making {folder} (once; minutes where something is compiled)", file=sys.stderr, flush=True)
    shutil.rmtree(folder, ignore_errors=True)
    _do(sys.executable, "-m", "venv", str(folder))
    _do(
        str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps",
        "--requirement", str(requirements),
    )  # fmt: skip
    note.write_text(wanted, encoding="utf-8")
    return python


def _do(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, check=False)
    if done.returncode:
        words = last_line(done.stderr) or last_line(done.stdout) or f"exit code {done.returncode}"
        raise PeerLost(f"cannot be installed: {words}")
