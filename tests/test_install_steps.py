"""Steps of the installer that a desk cannot show: each alone, as bash runs it."""

from __future__ import annotations

import os
import socket
import subprocess
from pathlib import Path

import pytest

from tests.desk import ROOT


def sourced(script: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Lines of bash after the installer's own functions, as a caller has them."""
    names = ("venv", "change", "release", "place", "another")
    read = [f". {ROOT}/scripts/lib/{name}.sh" for name in names]
    command = "\n".join(["set -euo pipefail", "dry_run= camera= runtime=", *read, script])
    return subprocess.run(
        ["bash", "-c", command], env={**os.environ, **variables}, capture_output=True, text=True, check=False
    )


def test_inside_a_root_is_its_own_name(tmp_path: Path) -> None:
    """What is done in it neither sees this machine's name nor changes it. (Real namespaces, so root only.)"""
    if subprocess.run(["unshare", "--uts", "--mount", "--pid", "--fork", "true"], check=False).returncode:
        pytest.skip("needs root, for namespaces")
    before = socket.gethostname()
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/hostname").write_text("door\n")
    for name, text in (("mount", "exit 0"), ("chroot", 'shift; exec "$@"')):
        (tmp_path / name).write_text(f"#!/bin/sh\n{text}\n")
        (tmp_path / name).chmod(0o755)
    done = sourced(
        'inside sh -c "hostname; hostname other; hostname"',
        root=str(tmp_path),
        PATH=f"{tmp_path}:{os.environ['PATH']}",
    )
    assert done.stdout == "door\nother\n", done.stderr
    assert socket.gethostname() == before


@pytest.mark.parametrize("step", ["cat", "chmod", "mv"])
def test_a_file_that_cannot_be_written_stays_as_it_was(tmp_path: Path, step: str) -> None:
    """Half a unit is worse than the old one; whoever goes on without `set -e` is told."""
    unit = tmp_path / "etc/a.service"
    unit.parent.mkdir()
    unit.write_text("old\n")
    done = sourced(
        f"inside() {{ true; }}\n{step}() {{ echo half; return 1; }}\n"
        "if ! write /etc/a.service 0644 root:root <<<whole; then echo refused; fi",
        root=str(tmp_path),
        source=str(ROOT),
    )
    assert done.stdout.splitlines()[-1] == "refused", done.stderr
    assert unit.read_text() == "old\n"


def test_units_that_cannot_be_written_are_no_success(tmp_path: Path) -> None:
    """And a release is not in force whose link cannot be made."""
    (tmp_path / "opt/api-face/releases/9.0.0").mkdir(parents=True)
    done = sourced(
        "inside() { true; }\ncat() { return 1; }\nif ! make_units; then echo no units; fi\n"
        "ln() { return 1; }\nif ! switch_to 9.0.0; then echo not switched; fi",
        root=str(tmp_path),
        source=str(ROOT),
    )
    assert done.stdout == "no units\nnot switched\n", done.stderr


@pytest.mark.parametrize("version", ["0.9.0-2", "99.0.0"])
def test_another_version_over_one_that_serves(tmp_path: Path, version: str) -> None:
    """It is put in force by scripts/update, which tries it first; the same version is not."""
    (tmp_path / "scripts").mkdir()
    (tmp_path / "scripts/update").write_text('#!/bin/sh\necho update "$@"\n[ -z "$broken" ]\n')
    (tmp_path / "scripts/update").chmod(0o755)
    (tmp_path / "edge").symlink_to(ROOT / "edge")
    for path in ("opt/api-face/releases", "var/lib/api-face", "etc/api-face", "etc/systemd/system"):
        (tmp_path / path).mkdir(parents=True)
    for path in ("var/lib/api-face/people.sqlite", "etc/api-face/settings.toml"):
        (tmp_path / path).touch()
    (tmp_path / "etc/systemd/system/api-face.service").touch()
    current = tmp_path / "opt/api-face/current"
    current.symlink_to(f"releases/{version}")
    script = "booted() { true; }\nsetting() { echo tflite; }\ncamera=pi\nupdate_first\necho went on"
    place = {"root": str(tmp_path), "source": str(tmp_path)}
    done = sourced(script, broken="", **place)
    assert done.stdout == "update --camera pi --runtime tflite\nwent on\n", done.stderr
    done = sourced(script, broken="yes", **place)
    assert (done.returncode, "went on" in done.stdout) == (1, False)
    own = sourced("release_version", **place).stdout.strip()
    current.unlink()
    current.symlink_to(f"releases/{own}-3")
    assert sourced(script, broken="", **place).stdout == "went on\n"
