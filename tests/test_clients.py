"""The examples of docs/clients.md, run as they stand against a real server; only the address is another."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from edge.server.tls import fingerprint
from tests.service import Service

ROOT = Path(__file__).resolve().parent.parent


def example(language: str, marker: str) -> str:
    """The fenced block of that language with that text in it."""
    blocks = [
        block.partition("\n") for block in (ROOT / "docs" / "clients.md").read_text().split("```")[1::2]
    ]
    (text,) = (text for kind, _, text in blocks if kind == language and marker in text)
    return text


def run(service: Service, folder: Path, command: list[str], text: str, **environ: str) -> tuple[int, str]:
    """Exit code and output of a program that holds the example."""
    expected = fingerprint(service.state / "tls" / "ca.crt")
    done = subprocess.run(
        command,
        input=text.replace("https://cam.local", f"https://localhost:{service.client.port}"),
        cwd=folder,
        env={"FINGERPRINT": expected, **os.environ, **environ},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=120,
    )
    return done.returncode, done.stdout


SHELL = ["bash", "-euo", "pipefail"]
PYTHON = [sys.executable, "-"]


@pytest.fixture
def trusting(service: Service, tmp_path: Path) -> Path:
    """A folder with the CA, as fetched by the first example."""
    code, said = run(service, tmp_path, SHELL, example("sh", "--insecure"))
    assert code == 0, said
    assert said.strip().rpartition("=")[2] == fingerprint(service.state / "tls" / "ca.crt")
    assert (tmp_path / "ca.crt").read_bytes() == (service.state / "tls" / "ca.crt").read_bytes()
    return tmp_path


def test_the_fingerprint_is_compared(service: Service, trusting: Path) -> None:
    compare, fetch = example("sh", "grep --quiet"), example("python", "FINGERPRINT")
    assert run(service, trusting, SHELL, compare) == (0, "")
    assert (trusting / "ca.crt").exists()
    wrong = "00:" * 31 + "00"
    code, said = run(service, trusting, SHELL, compare, FINGERPRINT=wrong)
    assert code == 1
    assert "not the CA" in said
    assert not (trusting / "ca.crt").exists()
    code, said = run(service, trusting, PYTHON, fetch, FINGERPRINT=wrong)
    assert code == 1
    assert "not the CA" in said
    assert not (trusting / "ca.crt").exists()
    assert run(service, trusting, PYTHON, fetch) == (0, "")
    assert (trusting / "ca.crt").read_bytes() == (service.state / "tls" / "ca.crt").read_bytes()


def test_curl(service: Service, trusting: Path) -> None:
    code, said = run(service, trusting, SHELL, example("sh", "--cacert"))
    assert code == 0, said
    assert '"status": "ok"' in said
    code, said = run(service, trusting, SHELL, example("sh", "--cacert").replace("--cacert ca.crt", ""))
    assert code == 60  # without it nobody is trusted


def test_python(service: Service, trusting: Path) -> None:
    for marker in ("json.load(answer)", "import requests"):
        assert run(service, trusting, PYTHON, example("python", marker)) == (0, "ok\n")


def test_node(service: Service, trusting: Path) -> None:
    node = shutil.which("node")
    assert node is not None, "the JavaScript clients are run with node: apt install nodejs"
    command = [node, "--input-type=module"]
    extra = {"NODE_EXTRA_CA_CERTS": "ca.crt"}
    assert run(service, trusting, command, example("js", "await fetch"), **extra) == (0, "ok\n")
    assert run(service, trusting, command, example("js", "await fetch"))[0] != 0
    assert run(service, trusting, command, example("js", "node:https")) == (0, "ok\n")


def test_home_assistants_bundle(service: Service, trusting: Path) -> None:
    """It trusts the device, and goes on trusting the public authorities."""
    folder = Path(sys.executable).parent
    text = example("sh", "bundle.pem").replace("python3", str(folder / "python"))
    assert run(service, trusting, SHELL, text) == (0, "")
    assert (trusting / "bundle.pem").read_text().count("BEGIN CERTIFICATE") > 50
    plain = example("python", "import requests").replace(', verify="ca.crt"', "")
    assert run(service, trusting, PYTHON, plain, REQUESTS_CA_BUNDLE="bundle.pem") == (0, "ok\n")
    assert run(service, trusting, PYTHON, plain, REQUESTS_CA_BUNDLE="")[0] != 0


@pytest.mark.skipif(os.geteuid() != 0, reason="root alone may change what a system trusts")
def test_a_whole_system(service: Service, trusting: Path) -> None:
    """In copies of the folders that it changes, which only this process sees."""
    text = example("sh", "update-ca-certificates").replace("sudo ", "")
    private = f"""
        mount -t tmpfs tmpfs /usr/local/share/ca-certificates
        cp -a /etc/ssl/certs certs
        mount --bind certs /etc/ssl/certs
        {text}
        curl --silent https://localhost:{service.client.port}/health
    """
    code, said = run(service, trusting, ["unshare", "--mount", "--propagation", "private", *SHELL], private)
    assert code == 0, said
    assert '"status": "ok"' in said
    assert run(service, trusting, SHELL, "curl --silent https://cam.local/health")[0] == 60
