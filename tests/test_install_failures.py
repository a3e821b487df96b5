"""The installer on a desk, where something is in its way: what it says, and what it leaves."""

from __future__ import annotations

import fcntl
import os
import subprocess
from pathlib import Path

import pytest

from tests.desk import RELEASES, ROOT, Desk


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def stub(desk: Desk, name: str, text: str) -> None:
    (desk.bin / name).write_text(f"#!/bin/sh\n{text}\n")
    (desk.bin / name).chmod(0o755)


def test_where_new_files_are_closed_to_others(desk: Desk) -> None:
    """root's umask may be 077; the service is not root. A release that is closed to it is made again."""
    before = os.umask(0o077)
    try:
        desk.install()
    finally:
        os.umask(before)
    release = desk.root / "opt/api-face/current"
    for path in (release, release / "venv", release / "venv/bin", desk.root / "opt/api-face"):
        assert path.stat().st_mode & 0o055 == 0o055, path
    first = release.readlink().name
    desk.install(DESK_USER="yes")
    assert release.readlink().name == first
    (release / "venv").chmod(0o700)
    desk.install(DESK_USER="yes")
    assert release.readlink().name == f"{first}-2"


def test_without_room(desk: Desk) -> None:
    """Said before anything is installed. Where it is installed none is needed."""
    stub(desk, "df", 'echo; echo "disk 1000 999 120 99% /"')
    code, _, err = desk.run("install", DESK_MISSING="python3-venv")
    assert code == 1
    assert f"this needs 400 MB in {desk.root}/opt/api-face, and there are 120 MB: make room" in err
    assert "apt-get" not in desk.calls()
    (desk.bin / "df").unlink()
    desk.install()
    stub(desk, "df", 'echo; echo "disk 1000 999 120 99% /"')
    desk.install()


def test_a_build_that_fails_leaves_nothing(desk: Desk, tmp_path: Path) -> None:
    """Hundreds of megabytes, on a disk that was full."""
    code, _, err = desk.run("install", DESK_FULL="yes")
    assert (code, "pip could not install" in err) == (1, True)
    assert list((desk.root / RELEASES).iterdir()) == []
    bundle = tmp_path / "bundle.tar.gz"
    bundle.write_bytes(b"half")
    code, _, err = desk.run("install", "--bundle", str(bundle))
    assert (code, "not whole" in err) == (1, True)
    left = sorted(path.name for path in (desk.root / "opt/api-face").iterdir())
    assert left == ["releases", "update.lock"]


def test_a_secret_that_a_killed_one_has_left(desk: Desk) -> None:
    """Goes at the next run, whatever it is asked for."""
    left = desk.root / "etc/api-face/site.toml.part"
    left.parent.mkdir()
    left.write_text('[secrets]\nmqtt_password = "a"\n')
    desk.install("--release-only")
    assert not left.exists()


def test_the_secret_of_a_site_file_that_is_not_taken(desk: Desk, tmp_path: Path) -> None:
    """Does not stay: the file can be read, and only the device finds that it cannot be used."""
    site = tmp_path / "site.toml"
    site.write_text('name = "door-{serial}"\n[secrets]\nmqtt_password = "never to stay"\n')
    code, _, err = desk.run("install", "--config", str(site))
    assert (code, "no serial number" in err, f"{site} cannot be used" in err) == (1, True, True), err
    assert "provision --keep /etc/api-face/site.toml.part" in desk.calls()
    kept = [path for path in (desk.root / "etc").rglob("*") if path.is_file()]
    assert not [path for path in kept if b"never to stay" in path.read_bytes()]


def in_force(desk: Desk, version: str) -> None:
    """As if that version had been installed here."""
    current = desk.root / "opt/api-face/current"
    current.resolve().rename(desk.root / RELEASES / version)
    current.unlink()
    current.symlink_to(f"releases/{version}")


def test_another_version_over_one_that_does_not_run(desk: Desk) -> None:
    """A newer one is installed; an older one may not be able to read the store, and is refused."""
    desk.install()
    in_force(desk, "0.9.0-2")
    desk.install()
    assert (desk.root / "opt/api-face/current").readlink() != Path("releases/0.9.0-2")
    in_force(desk, "99.0.0")
    code, _, err = desk.run("install")
    assert (code, "99.0.0 is in force, and the older" in err) == (1, True), err
    assert (desk.root / "opt/api-face/current").readlink() == Path("releases/99.0.0")


def test_apt_at_work(desk: Desk) -> None:
    """Its lists are waited for, which is said once; a camera package that does not come is no end."""
    stub(desk, "sleep", "exit 0")
    locked = desk.root.with_suffix(".locked")
    locked.write_text("once\ntwice\n")
    _, said = desk.install(DESK_HALF_DONE="python3-numpy", DESK_MISSING="python3-numpy")
    assert said.count("waiting for it") == 1
    assert locked.read_text() == ""
    assert "dpkg could not finish" in said
    _, said = desk.install(DESK_OFFLINE="yes", DESK_CANDIDATE="yes", DESK_MISSING="python3-picamera2")
    assert "waiting" not in said
    assert "going on without the Pi camera" in said


def test_the_first_token_is_made_when_it_is_shown(desk: Desk) -> None:
    """After everything that may fail; and its line keeps it out of the list of processes."""
    out, _ = desk.install()
    assert desk.calls().splitlines()[-1].endswith("token add first")
    line = out.splitlines()[-1]
    assert '-H @<(printf "Authorization: Bearer afe_' in line
    assert "-H @<(printf" in (ROOT / "docs/install.md").read_text()
    assert subprocess.run(["bash", "-n", "-c", line], check=False).returncode == 0


def test_a_certificate_of_ones_own(desk: Desk) -> None:
    """No CA is shown then. One that cannot be made is another matter."""
    desk.install()
    settings = desk.root / "etc/api-face/settings.toml"
    settings.write_text(settings.read_text() + "\ntls_certificate = '/a.crt'\ntls_key = '/a.key'\n")
    out, _ = desk.install()
    assert "SHA-256" not in out
    assert "--cacert" not in out
    settings.write_text("host = '::'\n")
    (desk.root / "var/lib/api-face/tls").rename(desk.root / "tls")
    (desk.root / "var/lib/api-face/tls").touch()
    code, _, err = desk.run("install")
    assert (code, "certificates could not be made" in err) == (1, True)


@pytest.mark.parametrize(
    "line",
    ['runtime = "litert"  # not "auto"', "runtime = 'litert'", 'runtime="litert"', '"runtime" = "litert"'],
)
def test_the_setting_of_the_runtime(desk: Desk, tmp_path: Path, line: str) -> None:
    """As TOML has it, in the settings as in a site file."""
    site = tmp_path / "site.toml"
    site.write_text(f"[settings]\n{line}\n")
    desk.install("--config", str(site))
    assert not (desk.root / "opt/api-face/current/runtimes-measured").exists()
    settings = desk.root / "etc/api-face/settings.toml"
    settings.write_text(f"{line}\n")
    first = (desk.root / "opt/api-face/current").readlink()
    desk.install()
    assert (desk.root / "opt/api-face/current").readlink() == first
    settings.write_text("runtime = ")
    code, _, err = desk.run("install")
    assert (code, "settings.toml cannot be read" in err) == (1, True)


def test_everything_is_gone(desk: Desk) -> None:
    """Copies of faces too, of an update that was cut off; not while somebody installs."""
    desk.install()
    for path in (
        "var/lib/api-face.update/before/people.sqlite",
        "var/lib/systemd/timers/stamp-api-face-a.timer",
    ):
        (desk.root / path).parent.mkdir(parents=True)
        (desk.root / path).touch()
    (desk.root / "etc/systemd/system/api-face.service.d").mkdir()
    with (desk.root / "opt/api-face/update.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        code, _, err = desk.run("uninstall", "--purge")
    assert (code, "is under way" in err) == (1, True)
    assert (desk.root / "opt/api-face/current").exists()
    assert desk.run("uninstall")[0] == 0
    assert (desk.root / "var/lib/api-face.update").exists()
    assert desk.run("uninstall", "--purge")[0] == 0
    assert not [name for name in desk.tree() if "api-face" in name]
