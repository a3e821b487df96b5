"""The README's examples, run as they stand against a real server; only the port is another."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from tests.photographs import obama
from tests.service import Service, command, served

ROOT = Path(__file__).resolve().parent.parent


def example(language: str, marker: str) -> str:
    """The fenced block of that language with that text in it."""
    blocks = [block.partition("\n") for block in (ROOT / "README.md").read_text().split("```")[1::2]]
    (text,) = (text for kind, _, text in blocks if kind == language and marker in text)
    return text


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder as after `scripts/run`, with the two pictures that the README speaks of."""
    folder = tmp_path_factory.mktemp("readme")
    shutil.copy(obama(), folder / "photo.jpg")
    Image.open(obama()).crop((330, 80, 670, 420)).resize((64, 64)).save(folder / "face.png")
    return folder


def run(command: list[str], text: str, service: Service, place: Path, token: str) -> str:
    """Output of a program that holds the example."""
    program = text.replace("127.0.0.1:8443", f"127.0.0.1:{service.client.port}")
    environ = {**os.environ, "TOKEN": token, "NODE_EXTRA_CA_CERTS": "state/tls/ca.crt"}
    done = subprocess.run(
        command,
        input=program,
        cwd=place,
        env=environ,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_three_clients(place: Path) -> None:
    """curl, JavaScript and Python get the same answers; a person trained by one is known to the others."""
    with served(place / "state") as service:
        token = service.token("readme")
        shell = example("sh", "ask()").replace("\nask ", "\necho; ask ")
        detected, trained, indexed = map(
            json.loads, run(["bash", "-eu"], shell, service, place, token).split("\n")[1:]
        )
        assert len(detected["faces"]) == 1
        assert trained["metadata"] == {"name": "unknown"}
        assert indexed["personId"] == trained["personId"]

        answers = run([sys.executable, "-"], example("python", "urllib"), service, place, token).splitlines()
        named, identified = (json.loads(line.replace("'", '"')) for line in answers)
        assert named["personId"] == trained["personId"]
        assert [face["metadata"]["name"] for face in identified["faces"]] == ["Joey Elliott"]

        node = shutil.which("node")
        assert node is not None, "the README's JavaScript client is run with node: apt install nodejs"
        status, _, faces = run(
            [node, "--input-type=module"], example("js", "fetch"), service, place, token
        ).partition(" ")
        assert status == "200"
        assert json.loads(faces) == detected


def test_the_commands_are_those_there_are() -> None:
    """What the README lists, the program knows: commands, actions and options."""
    for line in example("", "api-face serve").splitlines():
        two = " token add " in line or " camera test " in line
        words = line.split()[1:3] if two else line.split()[1:2]
        help_text = command(*words, "--help", state=ROOT / "build" / "none").stdout
        assert help_text.startswith(f"usage: api-face {' '.join(words)}"), line
        for option in re.findall(r"--[a-z-]+", line):
            assert option in help_text, line
        for other in re.findall(r"(?:\||people|token) ([a-z]+) ", line):
            assert other in help_text, line


def test_its_links_lead_somewhere() -> None:
    """Every relative link, and every script it names, exists."""
    text = (ROOT / "README.md").read_text()
    links = re.findall(r"\]\((?!http)([^)#]+)", text) + re.findall(r"`(scripts/[\w-]+)", text)
    assert links
    assert not [link for link in links if not (ROOT / link).exists()]
