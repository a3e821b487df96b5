"""Who may read and write what: the state, the settings, secrets, the camera, and port 443."""

from __future__ import annotations

import contextlib
import grp
import os
import stat
from collections.abc import Iterator
from pathlib import Path

from edge.doctor.answer import Answer
from edge.doctor.finding import Finding, failed, not_applicable, passed
from edge.doctor.patient import UNIT, Patient

_OTHERS = stat.S_IRWXO
_NOT_OWNER = stat.S_IRWXG | _OTHERS
_BIND = "cap_net_bind_service"
_PORT_FILE = "proc/sys/net/ipv4/ip_unprivileged_port_start"


def look(patient: Patient) -> Iterator[Finding]:
    """A line for what is wrong, or one for all that is right."""
    found = [*_state(patient), *_settings(patient), *_secrets(patient), *_camera(patient), *_port(patient)]
    wrong = [finding for finding in found if finding.ok is False]
    yield from wrong
    if not wrong:
        words = [finding.measured for finding in found if finding.ok]
        yield (
            passed("permissions", "; ".join(words))
            if words
            else not_applicable("permissions", "no state yet")
        )


def _state(patient: Patient) -> Iterator[Finding]:
    state, owner = patient.state, patient.owner
    if not state.is_dir() or owner is None:
        return  # the line disk says so
    wanted = patient.unit.get("User") or owner.pw_name
    if owner.pw_name != wanted:
        words = f"{state} belongs to {owner.pw_name}, and {UNIT} runs as {wanted}"
        yield failed("permissions", words, f"sudo chown -R {wanted}: {state}")
    loose = [path for path in (state, *_inside(state)) if path.lstat().st_mode & _NOT_OWNER]
    if loose:
        words = f"others may enter or read {_some(loose)}"
        yield failed("permissions", words, f"sudo chmod -R go= {state}")
    strange = [path for path in _inside(state) if path.lstat().st_uid != owner.pw_uid]
    if strange:
        words = f"{_some(strange)} in {state} does not belong to {owner.pw_name}"
        yield failed("permissions", words, f"sudo chown -R {wanted}: {state}")
    if not loose and not strange and owner.pw_name == wanted:
        yield passed("permissions", f"{state} is {owner.pw_name}'s alone")


def _inside(state: Path) -> list[Path]:
    """What it holds. The settings have a check of their own; lost+found is the file system's."""
    found = [path for path in state.iterdir() if path.name not in ("settings.toml", "lost+found")]
    with contextlib.suppress(OSError):
        found += (state / "tls").iterdir()
    return [path for path in found if not path.is_symlink()]


def _settings(patient: Patient) -> Iterator[Finding]:
    path = patient.settings_file
    if path is None or not path.exists():
        return
    mode = path.stat().st_mode
    if mode & (stat.S_IWOTH | stat.S_IWGRP):
        yield failed("permissions", f"others may write {path}", f"sudo chmod go-w {path}")
    elif not _may_read(patient, path):
        yield failed("permissions", f"the service may not read {path}", _give_group(patient, path))
    else:
        yield passed("permissions", f"{path} is safe")


def _secrets(patient: Patient) -> Iterator[Finding]:
    for key in ("mqtt_password_file", "webhook_secret_file", "tls_key"):
        name = getattr(patient.settings, key)
        if not name:
            continue
        path = Path(name)
        if not path.exists():
            yield failed("permissions", f"{key}: there is no {path}", "write it, or take the setting out")
        elif path.stat().st_mode & _OTHERS:
            yield failed("permissions", f"{key}: every user may read {path}", f"sudo chmod o= {path}")
        elif not _may_read(patient, path):
            words = f"{key}: the service may not read {path}"
            yield failed("permissions", words, _give_group(patient, path))
        else:
            yield passed("permissions", f"{path} is kept")


def _camera(patient: Patient) -> Iterator[Finding]:
    kind, owner = patient.settings.camera.partition(":")[0], patient.owner
    if kind not in ("pi", "v4l2") or owner is None or owner.pw_uid == 0:
        return
    given = patient.unit.get("SupplementaryGroups", "").split()
    with contextlib.suppress(KeyError):
        if "video" in given or grp.getgrnam("video").gr_gid in _groups(owner.pw_name, owner.pw_gid):
            yield passed("permissions", f"{owner.pw_name} is in the group video")
            return
    advice = f"sudo usermod -aG video {owner.pw_name}, and restart the service"
    yield failed(
        "permissions", f"{owner.pw_name} is not in the group video: it may not use the camera", advice
    )


def _port(patient: Patient) -> Iterator[Finding]:
    port, owner = patient.settings.port, patient.owner
    first = patient.text(_PORT_FILE) or ""
    free = owner is None or owner.pw_uid == 0 or port >= int(first if first.isdigit() else "1024")
    capable = _BIND in patient.unit.get("AmbientCapabilities", "").lower().split()
    if free or port == 0 or capable or isinstance(patient.answer, Answer):
        yield passed("permissions", f"port {port} may be bound")
    else:
        words = f"{owner.pw_name if owner else ''} may not bind port {port}"
        advice = (
            f"AmbientCapabilities=CAP_NET_BIND_SERVICE in {UNIT} (scripts/install writes it), or another port"
        )
        yield failed("permissions", words, advice)


def _may_read(patient: Patient, path: Path) -> bool:
    """Whether the service's user may, by the mode of the file (of the folders above only root knows)."""
    owner, status = patient.owner, path.stat()
    if owner is None or owner.pw_uid == 0 or status.st_mode & stat.S_IROTH:
        return True
    if status.st_uid == owner.pw_uid:
        return bool(status.st_mode & stat.S_IRUSR)
    return bool(status.st_mode & stat.S_IRGRP) and status.st_gid in _groups(owner.pw_name, owner.pw_gid)


def _groups(name: str, group: int) -> list[int]:
    return os.getgrouplist(name, group)


def _give_group(patient: Patient, path: Path) -> str:
    name = patient.owner.pw_name if patient.owner else "api-face"
    return f"sudo chgrp {name} {path}; sudo chmod 0640 {path}"


def _some(paths: list[Path]) -> str:
    names = ", ".join(path.name for path in paths[:3])
    return names if len(paths) <= 3 else f"{names} and {len(paths) - 3} more"
