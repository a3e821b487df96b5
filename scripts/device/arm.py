"""64-bit ARM under emulation: root folders, and how a command runs in one."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent.parent

_PACKAGES = "systemd,systemd-sysv,dbus,ca-certificates"
_PATIENCE_S = 3600
_BINFMT = Path("/proc/sys/fs/binfmt_misc")
_ENTRY = _BINFMT / "api-face-aarch64"
_ELF = (
    r"\x7fELF\x02\x01\x01" + r"\x00" * 9 + r"\x02\x00\xb7\x00",
    r"\xff" * 7 + r"\x00" + r"\xff" * 8 + r"\xfe\xff\xff\xff",
)
"""Head and mask of 64-bit ARM programs, as Debian's qemu-user-binfmt registers them."""
_INSIDE = '. "$0"; root=$1; shift; inside "$@"'
"""The installer's own way into a root folder."""


class Failed(Exception):
    """Something that had to work did not; what it said."""


def emulator(folder: Path) -> Path:
    """trixie's qemu, which is one file that needs no library."""
    path = folder / "qemu-aarch64"
    if not path.exists():
        part = folder / "qemu.part"
        shutil.rmtree(part, ignore_errors=True)
        folder.mkdir(parents=True, exist_ok=True)
        ran("mmdebstrap", "--quiet", "--variant=extract", "--include=qemu-user", "trixie", str(part))
        (part / "usr/bin/qemu-aarch64").rename(path)
        shutil.rmtree(part)
    return path


@contextlib.contextmanager
def emulated(path: Path) -> Iterator[str]:
    """While it lasts, the kernel gives ARM's programs to that emulator, in every root folder (F: it is opened now).
    The latest entry wins over a qemu that is registered already. Its version."""
    mounted = (_BINFMT / "register").exists()
    if not mounted:
        ran("mount", "-t", "binfmt_misc", "binfmt_misc", str(_BINFMT))
    if _ENTRY.exists():
        _ENTRY.write_text("-1")
    (_BINFMT / "register").write_text(f":{_ENTRY.name}:M::{':'.join(_ELF)}:{path}:PF")
    try:
        yield ran(str(path), "--version").splitlines()[0]
    finally:
        _ENTRY.write_text("-1")
        if not mounted:
            ran("umount", str(_BINFMT))


def fresh_root(release: str, roots: Path, folder: Path) -> Path:
    """An unused arm64 system in that folder."""
    kept = roots / release
    if not (kept / "etc/os-release").exists():
        part = roots / f"{release}.part"
        shutil.rmtree(part, ignore_errors=True)
        ran(
            "mmdebstrap",
            "--quiet",
            "--skip=check/qemu",
            "--architectures=arm64",
            "--variant=minbase",
            f"--include={_PACKAGES}",
            release,
            str(part),
        )
        part.rename(kept)
    shutil.rmtree(folder, ignore_errors=True)
    folder.parent.mkdir(parents=True, exist_ok=True)
    ran("cp", "-a", str(kept), str(folder))
    (folder / "etc/resolv.conf").unlink(missing_ok=True)
    shutil.copyfile("/etc/resolv.conf", folder / "etc/resolv.conf")
    return folder


def inside(root: Path, *command: str) -> str:
    """Run it in the root folder; what it printed."""
    return ran("bash", "-euc", _INSIDE, str(PROJECT / "scripts/lib/change.sh"), str(root), *command)


def ran(*command: str) -> str:
    """Run it, niced; what it printed. Killed when it takes too long. Raises Failed with its last words."""
    done = subprocess.run(
        ["timeout", "--signal=KILL", str(_PATIENCE_S), "nice", *command],
        cwd=PROJECT,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise Failed(
            f"{' '.join(command)}: exit code {done.returncode}: {(done.stderr or done.stdout)[-2000:]}"
        )
    return done.stdout
