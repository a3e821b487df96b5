"""scripts/run, as somebody new would use it: what it prints is pasted into a shell."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.photographs import obama

ROOT = Path(__file__).resolve().parent.parent
PHONE_BYTES = 5_900_000
"""About the largest photograph whose base64 fits into detect's 8e6 characters."""


@contextmanager
def running(state: Path, port: int) -> Iterator[list[str]]:
    """What scripts/run printed by the time it serves."""
    command = [str(ROOT / "scripts" / "run"), "--port", str(port), "--state", str(state)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
        assert process.stdout is not None
        too_late = threading.Timer(400, process.kill)
        too_late.start()
        said = []
        for line in process.stdout:
            said.append(line.rstrip("\n"))
            if " serves https://" in line:
                break
        try:
            assert process.poll() is None, said
            yield said
        finally:
            process.send_signal(signal.SIGTERM)
            assert process.wait(60) == 0
            too_late.cancel()


def free_port() -> int:
    """One that nobody listens on just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def pasted(said: list[str], folder: Path, **environment: str) -> dict[str, object]:
    """The answer to the line with curl in it, run in a folder that holds a photo.jpg."""
    (line,) = (line for line in said if "curl" in line)
    done = subprocess.run(
        ["bash", "-c", line], cwd=folder, env={**os.environ, **environment}, capture_output=True, check=True
    )
    answer: dict[str, object] = json.loads(done.stdout)
    return answer


def test_run_and_paste(tmp_path: Path) -> None:
    """The curl line works as printed, on a photograph of a phone's size; the token is shown once."""
    photograph = obama().read_bytes()
    (tmp_path / "photo.jpg").write_bytes(photograph + bytes(PHONE_BYTES - len(photograph)))
    state, port = tmp_path / "state of things", free_port()
    with running(state, port) as said:
        (token,) = (line.strip() for line in said if line.strip().startswith("afe_"))
        faces = pasted(said, tmp_path)["faces"]
        assert isinstance(faces, list)
        assert len(faces) == 1
    with running(state, port) as said:
        assert not any("afe_" in line for line in said)
        assert any(" token add NAME " in line for line in said)
        assert pasted(said, tmp_path, TOKEN=token)["faces"] == faces


def test_a_certificate_of_ones_own(tmp_path: Path) -> None:
    """No device CA is spoken of, and the curl line trusts what curl trusts."""
    own, state, port = tmp_path / "own", tmp_path / "state", free_port()
    command = [sys.executable, "-m", "edge", "ca", "--state", str(own)]
    subprocess.run(command, cwd=ROOT, capture_output=True, check=True)
    state.mkdir(mode=0o700)
    (state / "settings.toml").write_text(
        f'tls_certificate = "{own}/tls/server.crt"\ntls_key = "{own}/tls/server.key"\n'
    )
    shutil.copy(obama(), tmp_path / "photo.jpg")
    with running(state, port) as said:
        assert not any("ca.crt" in line or "trust this CA" in line for line in said)
        assert "faces" in pasted(said, tmp_path, CURL_CA_BUNDLE=str(own / "tls" / "ca.crt"))
    assert not (state / "tls").exists()


def test_settings_that_are_wrong(tmp_path: Path) -> None:
    """Said before a token is made."""
    (tmp_path / "settings.toml").write_text("prot = 1")
    command = [str(ROOT / "scripts" / "run"), "--state", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert 'unknown setting "prot"' in done.stderr
    assert not (tmp_path / "people.sqlite").exists()


def program(path: Path, text: str) -> None:
    """An executable shell script."""
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)


@pytest.mark.parametrize("is_32_bit", [True, False])
def test_pip_on_a_64_bit_kernel(tmp_path: Path, is_32_bit: bool) -> None:
    """Under a 32-bit Python, pip must not take the kernel's word for the machine."""
    program(tmp_path / "uname", "echo aarch64")
    program(tmp_path / "setarch", 'echo "setarch $1"; shift; exec "$@"')
    program(
        tmp_path / "python",
        f'[ "$1" = -c ] && exit {int(not is_32_bit)}; echo "$_PYTHON_HOST_PLATFORM"; echo "$@"',
    )
    done = subprocess.run(
        ["bash", "-euc", '. scripts/lib/venv.sh; pip_install "$0" one "two words"', tmp_path / "python"],
        cwd=ROOT,
        env={**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        check=True,
    )
    before = ["setarch linux32", "linux-armv7l"] if is_32_bit else [""]
    assert done.stdout.splitlines() == [
        *before,
        "-m pip install --quiet --disable-pip-version-check one two words",
    ]


def test_words_for_a_wrong_wish() -> None:
    """One line, no traceback, nothing started."""
    for words in (["--port", "high"], ["--prot", "1"], ["--state"]):
        done = subprocess.run([ROOT / "scripts" / "run", *words], capture_output=True, text=True, check=False)
        assert done.returncode == 1
        assert done.stderr.startswith("run: ")
        assert len(done.stderr.splitlines()) == 1
