"""The installer on a desk: which runtime, which packages, which systems, which words."""

from __future__ import annotations

import os
import re
import subprocess
from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader
from pathlib import Path

import pytest

from tests.desk import ROOT, Desk


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


@pytest.mark.parametrize(("litert", "kept"), [("20.5", "try_tflite"), ("5.1", "try_litert")])
def test_the_faster_runtime_is_kept(desk: Desk, litert: str, kept: str) -> None:
    """Measured where both have wheels; one can be asked for."""
    desk.install(DESK_LITERT=litert)
    site = desk.root / "opt/api-face/current/venv/lib/python3.11/site-packages"
    assert [path.name for path in site.iterdir() if path.is_dir()] == [kept]
    measured = (desk.root / "opt/api-face/current/runtimes-measured").read_text()
    assert measured == f"{litert} litert\n9.5 tflite\n"
    settings = desk.root / "etc/api-face/settings.toml"
    settings.write_text(settings.read_text() + '\nruntime = "litert"\n')
    desk.install()
    assert not (desk.root / "opt/api-face/current/runtimes-measured").exists()


def test_without_a_network(desk: Desk) -> None:
    """NumPy may come from pip then; what else is missing is named."""
    _, said = desk.install(DESK_MISSING="python3-numpy", DESK_OFFLINE="yes")
    assert "pip's goes into the virtual environment" in said
    assert "py3.11-numpy.txt" in desk.calls()
    code, _, err = desk.run("install", DESK_MISSING="python3-venv", DESK_OFFLINE="yes")
    assert (code, "could not install python3-venv" in err) == (1, True)


def test_the_camera_packages(desk: Desk) -> None:
    """picamera2 comes without recommends where an archive has it; elsewhere that is said."""
    _, said = desk.install(DESK_MISSING="python3-picamera2")
    assert "in no archive of this system" in said
    desk.install(DESK_MISSING="python3-picamera2", DESK_CANDIDATE="yes")
    assert "install -y --no-install-recommends python3-picamera2" in desk.calls()
    desk.install("--camera", "webcam", DESK_MISSING="python3-av")
    assert "install -y --no-install-recommends python3-av" in desk.calls()


@pytest.mark.parametrize(
    ("architecture", "codename", "said"),
    [
        ("armhf", "trixie", "put the 64-bit system on the card"),
        ("riscv64", "trixie", "no TFLite runtime for this kind of processor"),
        ("amd64", "bullseye", "this is for bookworm (Python 3.11) and trixie"),
    ],
)
def test_systems_that_it_cannot_serve(desk: Desk, architecture: str, codename: str, said: str) -> None:
    """Told plainly, before anything is changed."""
    desk.system("x", codename)
    before = desk.tree()
    code, _, err = desk.run("install", DESK_ARCHITECTURE=architecture)
    assert (code, said in err) == (1, True), err
    assert desk.tree() == before


def test_32_bit_bookworm(desk: Desk) -> None:
    """Possible, without hashes: that is said, and pip is told the userland's architecture."""
    _, said = desk.install(DESK_ARCHITECTURE="armhf")
    assert "hashes are not checked" in said
    (line,) = (line for line in desk.calls().splitlines() if " pip " in line)
    assert "linux-armv7l" in line
    assert "py3.11-armv7l.txt" in line


def test_uninstall(desk: Desk, tmp_path: Path) -> None:
    """People and settings stay; a later installation finds them; --purge takes everything."""
    before = desk.tree()
    desk.install()
    kept = {name for name in desk.tree() if name.startswith(("etc/api-face", "var/lib/api-face"))}
    assert desk.run("uninstall", "--dry-run")[0] == 0
    assert (desk.root / "opt/api-face/current").exists()
    assert desk.run("uninstall")[0] == 0
    after = {name for name in desk.tree() if (desk.root / name).is_file() or "api-face" in name}
    assert after == {name for name in before if (desk.root / name).is_file()} | kept
    out, _ = desk.install()
    assert "afe_" not in out
    assert desk.run("uninstall", "--purge")[0] == 0
    assert not [name for name in desk.tree() if "api-face" in name]


def test_words_for_a_wrong_wish(desk: Desk) -> None:
    """One line each, and nothing done."""
    for script, words in (
        ("install", ["--runtime", "tf"]),
        ("install", ["--camera", "nikon"]),
        ("install", ["--prot"]),
        ("install", ["--config"]),
        ("install", ["--config", "/no/such/file"]),
        ("uninstall", ["--all"]),
        ("bundle", ["--python", "3.12"]),
        ("bundle", ["--python", "3.11", "--arch", "armv7l"]),
    ):
        process = desk.started(script, *words)
        _, err = process.communicate(timeout=60)
        assert process.returncode == 1
        assert err.splitlines()[-1].startswith(f"{script}: "), err


def test_the_pins_cover_what_is_asked_for() -> None:
    """Every requirement of setup.cfg is pinned within its range, hashed, for both Pythons."""
    for python in ("3.11", "3.13"):
        text = "".join(path.read_text() for path in sorted((ROOT / "constraints").glob(f"py{python}-*.txt")))
        for name in ("pillow", "bottle", "tornado", "sqlite-utils", "cryptography", "ifaddr", "paho-mqtt"):
            assert re.search(rf"^{name}==\S+ \\\n    --hash=sha256:", text, re.MULTILINE), (python, name)
    for path in (ROOT / "constraints").glob("*.txt"):
        for block in re.split(r"\n(?=\S)", path.read_text().strip())[1:]:
            machine_dependent = block.startswith(
                ("pillow", "cffi", "cryptography", "tornado", "ai-edge", "tflite")
            )
            if "armv7l" not in path.name:
                assert block.count("--hash") == (2 if machine_dependent else block.count("--hash"))
                assert "--hash" in block


def test_pins_without_a_wheel(monkeypatch: pytest.MonkeyPatch) -> None:
    """Words, not a file without pins: pip would install nothing then."""
    loader = SourceFileLoader("pin", str(ROOT / "scripts/pin"))
    spec = spec_from_loader("pin", loader)
    assert spec is not None
    pin = module_from_spec(spec)
    loader.exec_module(pin)
    monkeypatch.setattr(pin, "resolve", lambda python, machine, wanted: None)
    with pytest.raises(SystemExit, match=r"Python 3\.11: pip finds no wheels of NumPy"):
        pin.files()


@pytest.mark.parametrize(
    ("user", "words", "expected"),
    [
        ("0", "token list", "setpriv --reuid=api-face --regid=api-face --init-groups "),
        (
            "0",
            "provision FILE",
            "program --state /var/lib/api-face --settings /etc/api-face/settings.toml provision",
        ),
        ("0", "restore FILE", "chown -R -h api-face:api-face /var/lib/api-face"),
        ("0", "--state /elsewhere token list", "program --state /elsewhere token list"),
        (
            "1000",
            "token list",
            "program --state /var/lib/api-face --settings /etc/api-face/settings.toml token list",
        ),
    ],
)
def test_the_command_line_of_the_device(tmp_path: Path, user: str, words: str, expected: str) -> None:
    """Root works as the service's user, except where the system is changed; a named state is left alone."""
    for name in ("program", "setpriv", "chown"):
        (tmp_path / name).write_text(f'#!/bin/sh\necho {name} "$@"\n')
        (tmp_path / name).chmod(0o755)
    (tmp_path / "id").write_text(f"#!/bin/sh\necho {user}\n")
    (tmp_path / "id").chmod(0o755)
    text = (ROOT / "scripts/lib/api-face").read_text()
    text = text.replace("/opt/api-face/current/venv/bin/api-face", str(tmp_path / "program"))
    done = subprocess.run(
        ["sh", "-c", text, "api-face", *words.split()],
        env={"PATH": f"{tmp_path}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.splitlines()[-1].startswith(expected), done.stdout
