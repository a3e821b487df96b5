"""The installer on a desk: what it makes, again, over what is broken, and away again.

That the real apt, pip and users do what is asked of them is seen in real root folders: scripts/test-install.
"""

from __future__ import annotations

import os
import re
import signal
import time
import tomllib
from pathlib import Path

import pytest

from edge.store import open_store
from tests.desk import RELEASES, Desk
from tests.test_provision import HASH


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


def test_a_store_without_a_token(desk: Desk) -> None:
    """Of an installer that was killed before it made the first. One that was revoked is not made again."""
    open_store(desk.root / "var/lib/api-face").close()
    assert "afe_" in desk.install()[0]
    with open_store(desk.root / "var/lib/api-face") as store:
        store.revoke_token("first")
    assert "afe_" not in desk.install()[0]


def test_another_source_goes_beside(desk: Desk) -> None:
    """The old release stays for going back, and goes with the one after; a damaged one is not used again."""
    desk.install()
    first = (desk.root / "opt/api-face/current").readlink()
    (desk.source / "setup.cfg").unlink()
    (desk.source / "setup.cfg").write_text("other")
    desk.install()
    second = (desk.root / "opt/api-face/current").readlink()
    assert second == Path(f"{first}-2")
    desk.install()
    names = {path.name for path in (desk.root / RELEASES).iterdir()}
    assert names == {first.name, second.name}, "a second time takes away nothing"
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
    """Copies must not share a token, a CA or an id, nor what would bring the machine's id back."""
    machine, bus = desk.root / "etc/machine-id", desk.root / "var/lib/dbus/machine-id"
    bus.parent.mkdir(parents=True)
    for path in (machine, bus):
        path.write_text("00000000000000000000000089abcdef\n")
    out, _ = desk.install("--image")
    assert out == ""
    assert not list((desk.root / "var/lib/api-face").iterdir())
    assert (machine.read_text(), bus.exists()) == ("", False)
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
    assert "<port>8443<" in (desk.root / "etc/avahi/services/api-face.service").read_text()
    assert (desk.root / "etc/hostname").read_text() == "door\n"
    assert not (desk.root / "etc/api-face/site.toml.part").exists()
    site.write_text("prot = 1")
    code, _, err = Desk(tmp_path / "other").run("install", "--config", str(site))
    assert (code, 'unknown key "prot"' in err) == (1, True)
    assert not (tmp_path / "other/root/opt").exists()
