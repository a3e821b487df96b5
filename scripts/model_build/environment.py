"""The virtual environments that the building and comparing scripts work in. Needs Python 3.11 only."""

import subprocess
import sys
import venv
from pathlib import Path

REQUIREMENTS = Path(__file__).with_name("requirements.txt")


def prepared(folder: Path, requirements: str) -> Path:
    """The interpreter of a virtual environment that holds exactly these requirements."""
    if sys.version_info[:2] != (3, 11):
        raise SystemExit("TensorFlow 2.15 and the pinned packages want Python 3.11")
    python = folder / "bin" / "python"
    installed = folder / "installed-requirements.txt"
    if installed.exists() and installed.read_text() == requirements:
        return python
    venv.create(folder, with_pip=True, clear=True)
    wanted = folder / "requirements.txt"
    wanted.write_text(requirements)
    subprocess.run([python, "-m", "pip", "install", "--quiet", "-r", wanted], check=True)
    wanted.rename(installed)
    return python
