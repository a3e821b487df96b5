"""The installer on a desk: into a root folder, with apt, pip and users acted out (desk_unshare.sh).

That the real ones do what is asked of them is seen in real root folders: scripts/test-install.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.test_provision import HASH

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
        (units / "avahi-api-face.service").write_text("<service-group/>\n")
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


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def test_a_dry_run_changes_nothing(desk: Desk) -> None:
    """On a system without it, and on one that has it; each change is named."""
    before = desk.tree()
    out, said = desk.install("--dry-run", DESK_MISSING="python3-numpy")
    assert desk.tree() == before
    assert out == ""
    named = ("python3-numpy", "releases/1.", "useradd", "settings.toml", "current ->", "api-face.service")
    assert [word for word in named if word not in said] == []
    assert not re.search(r"apt-get|useradd|chown|systemctl|pip", desk.calls())
    desk.install()
    before = desk.tree()
    desk.install("--dry-run")
    assert desk.tree() == before


def test_an_installation(desk: Desk) -> None:
    """What stands where; pip is held to the pinned hashes and keeps away from NumPy."""
    out, _ = desk.install()
    release = desk.root / "opt/api-face/current"
    assert release.readlink().parent == Path("releases")
    assert (release / "venv/lib/python3.11/site-packages/api_face_edge.pth").read_text() == "../../../..\n"
    assert (release / "venv/lib/python3.11/site-packages/../../../../edge/cli.py").exists()
    program = (release / "venv/bin/api-face").read_text()
    assert program.startswith(f"#!/{RELEASES}/{release.readlink().name}/venv/bin/python -sP\n")
    settings = tomllib.loads((desk.root / "etc/api-face/settings.toml").read_text())
    assert settings == {"host": "::", "port": 443}
    assert (desk.root / "etc/api-face/settings.toml").stat().st_mode & 0o777 == 0o640
    assert (desk.root / "var/lib/api-face").stat().st_mode & 0o777 == 0o700
    assert (desk.root / "etc/systemd/system/api-face-housekeeping.timer").exists()
    assert (desk.root / "etc/avahi/services/api-face.service").exists()
    for line in desk.calls().splitlines():
        if " pip " in line:
            assert "--require-hashes" in line
            assert "--no-deps" in line
            assert "numpy" not in line
    assert re.search("^    afe_", out, re.MULTILINE)
    assert "SHA-256 " in out


def test_twice(desk: Desk) -> None:
    """The second time changes nothing, makes no second token, and does not ask the network."""
    desk.install()
    before, calls = desk.tree(), desk.calls()
    out, _ = desk.install()
    assert desk.tree() == before
    assert "afe_" not in out
    assert "pip install" not in desk.calls().removeprefix(calls)


def test_another_source_goes_beside(desk: Desk) -> None:
    """The old release stays for going back, and goes with the one after; a damaged one is not used again."""
    desk.install()
    first = (desk.root / "opt/api-face/current").readlink()
    (desk.source / "setup.cfg").unlink()
    (desk.source / "setup.cfg").write_text("other")
    desk.install()
    second = (desk.root / "opt/api-face/current").readlink()
    assert second == Path(f"{first}-2")
    (desk.root / "opt/api-face" / second / "venv/bin/python").unlink()
    desk.install()
    third = (desk.root / "opt/api-face/current").readlink()
    names = {path.name for path in (desk.root / RELEASES).iterdir()}
    assert names == {second.name, third.name}
    assert third.name in (f"{first.name}", f"{first.name}-3")


def test_a_release_that_fails_its_self_test(desk: Desk) -> None:
    """Nothing is switched, and the installation that was there serves on."""
    desk.install()
    before = (desk.root / "opt/api-face/current").readlink()
    (desk.source / "setup.cfg").unlink()
    (desk.root / "damaged").touch()
    code, _, err = desk.run("install")
    assert (code, "neither TFLite runtime works here" in err) == (1, True)
    code, _, err = desk.run("install", "--runtime", "litert")
    assert (code, "failed its self-test" in err) == (1, True)
    assert (desk.root / "opt/api-face/current").readlink() == before


def test_killed_at_any_moment(desk: Desk, tmp_path: Path) -> None:
    """The second run makes what one alone would have made."""
    clean = Desk(tmp_path / "clean")
    began = time.monotonic()
    clean.install()
    usual = time.monotonic() - began
    for part in (0.1, 0.9, 0.3, 0.7, 0.5, 0.4, 0.8, 0.6):
        process = desk.started("install", "--root", str(desk.root))
        time.sleep(part * usual)
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        current = desk.root / "opt/api-face/current"
        assert not current.is_symlink() or (current / ".made-from").exists()
    desk.install()
    assert desk.tree().keys() == clean.tree().keys()
    assert not [name for name in desk.tree() if name.endswith((".part", ".new"))]


def test_only_the_release(desk: Desk) -> None:
    """For an update: made, named, and not in force."""
    out, _ = desk.install("--release-only")
    assert (desk.root / out.strip().lstrip("/") / ".made-from").exists()
    assert {path.name for path in desk.root.iterdir()} == {"etc", "opt"}
    assert not (desk.root / "opt/api-face/current").exists()


def test_an_image(desk: Desk) -> None:
    """Copies must not share a token, a CA or an id."""
    out, _ = desk.install("--image")
    assert out == ""
    assert not list((desk.root / "var/lib/api-face").iterdir())
    desk.install()
    code, _, err = desk.run("install", "--image")
    assert (code, "--purge" in err) == (1, True)


def test_a_site_file(desk: Desk, tmp_path: Path) -> None:
    """Applied, and left as it was; one that is wrong is refused before anything happens."""
    site = tmp_path / "site.toml"
    site.write_text(f'name = "door"\n[settings]\nport = 8443\n[[tokens]]\nname = "a"\nhash = "{HASH}"\n')
    before = site.read_bytes()
    out, _ = desk.install("--config", str(site))
    assert site.read_bytes() == before
    assert "afe_" not in out
    assert "https://localhost:8443/" in out
    assert (desk.root / "etc/hostname").read_text() == "door\n"
    assert not (desk.root / "etc/api-face/site.toml.part").exists()
    site.write_text("prot = 1")
    code, _, err = Desk(tmp_path / "other").run("install", "--config", str(site))
    assert (code, 'unknown key "prot"' in err) == (1, True)
    assert not (tmp_path / "other/root/opt").exists()


@pytest.mark.parametrize(("litert", "kept"), [("20.5", "try_tflite"), ("5.1", "try_litert")])
def test_the_faster_runtime_is_kept(desk: Desk, litert: str, kept: str) -> None:
    """Measured where both have wheels; one can be asked for."""
    desk.install(DESK_LITERT=litert)
    site = desk.root / "opt/api-face/current/venv/lib/python3.11/site-packages"
    assert [path.name for path in site.iterdir() if path.is_dir()] == [kept]
    measured = (desk.root / "opt/api-face/current/runtimes-measured").read_text()
    assert measured == f"{litert} litert\n9.5 tflite\n"
    desk.install("--runtime", "litert")
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
