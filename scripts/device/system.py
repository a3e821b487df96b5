"""A fresh root folder of a Debian release, and the installation into it when it is booted."""

from __future__ import annotations

import re
import shutil
import socket
import subprocess
from pathlib import Path

from device.container import Container

PROJECT = Path(__file__).resolve().parent.parent.parent
SOURCE = "/root/api-face"
"""Where the clone lies inside."""

_PACKAGES = "systemd,systemd-sysv,dbus,ca-certificates"
_AUTHORITIES = "etc/ssl/certs/ca-certificates.crt"


def fresh_root(release: str, folder: Path, pristine: Path) -> Container:
    """An unused system in that folder. pristine: where one of each release is kept, made when it is missing."""
    kept = pristine / release
    if not (kept / "etc/os-release").exists():
        pristine.mkdir(parents=True, exist_ok=True)
        subprocess.run(
            ["mmdebstrap", "--quiet", "--variant=minbase", f"--include={_PACKAGES}", release, kept],
            check=True,
        )
    Container(folder).kill() if folder.exists() else None
    shutil.rmtree(folder, ignore_errors=True)
    folder.parent.mkdir(parents=True, exist_ok=True)
    subprocess.run(["cp", "-a", kept, folder], check=True)
    # This machine's network: its name servers and the authorities it trusts.
    for name in ("etc/resolv.conf", _AUTHORITIES):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).unlink(missing_ok=True)
        shutil.copyfile(f"/{name}", folder / name)
    (folder / "etc/pip.conf").write_text(f"[global]\ncert = /{_AUTHORITIES}\n")
    return Container(folder)


def copy_source(container: Container) -> None:
    """The files that git knows, as they are now."""
    target = container.path(SOURCE)
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    names = subprocess.run(["git", "-C", PROJECT, "ls-files", "-z"], check=True, capture_output=True).stdout
    there = b"\0".join(name for name in names.split(b"\0") if name and (PROJECT / name.decode()).exists())
    packed = subprocess.run(
        ["tar", "-C", PROJECT, "--null", "-T", "-", "-c"], input=there, check=True, capture_output=True
    ).stdout
    subprocess.run(["tar", "-C", target, "-x", "--no-same-owner"], input=packed, check=True)


def installed(container: Container, *options: str) -> tuple[str, str]:
    """Run the installer inside; its first token, and all that it said."""
    said = container.run(f"{SOURCE}/scripts/install", *options)
    token = re.search(r"\bafe_[A-Za-z0-9_-]+", said)
    return token[0] if token else "", said


def port_is_free(port: int) -> bool:
    """Whether the container may listen there while it has this machine's network."""
    with socket.socket(socket.AF_INET6) as trying:
        trying.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            trying.bind(("::", port))
        except OSError:
            return False
    return True
