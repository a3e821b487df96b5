"""The doctor on the machine: disk, memory, heat, clock, permissions, and what /proc and /sys say."""

from __future__ import annotations

import os
import pwd
from pathlib import Path

import numpy as np
import pytest

from edge.clock import SystemClock
from edge.doctor import clock, disk, heat, memory, models, numpy_pair, permissions, system
from edge.doctor.finding import Finding
from edge.picture import encode_jpeg
from tests.doctoring import patient, unit

ME = pwd.getpwuid(os.geteuid()).pw_name


def only(found: list[Finding], ok: bool | None, *words: str) -> Finding:
    """The one line, which says that."""
    (line,) = found
    assert line.ok is ok, line
    assert all(word in f"{line.measured} {line.advice}" for word in words), line
    assert bool(line.advice) == (ok is False)
    return line


# -- disk -----------------------------------------------------------------------------------------


def test_room(tmp_path: Path) -> None:
    room, writable, health = disk.look(patient(tmp_path))
    assert (room.ok, writable.ok, health.ok) == (True, True, None)
    assert "the settings want 256" in room.measured
    little = next(iter(disk.look(patient(tmp_path, disk_floor_mib=1 << 20))))
    only([little], False, "MiB free", "make room")


def test_no_state_folder(tmp_path: Path) -> None:
    one = patient(tmp_path)
    one.state.rmdir()
    only(list(disk.look(one)), False, "there is no")


def test_a_disk_that_became_read_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.statvfs(tmp_path)
    fields = [*real[:8], real.f_flag | os.ST_RDONLY, *real[9:]]
    monkeypatch.setattr(os, "statvfs", lambda path: os.statvfs_result(fields))
    only([list(disk.look(patient(tmp_path)))[1]], False, "mounted read-only")


def card(folder: Path, **files: str) -> dict[str, str]:
    """/sys of a card whose second partition has the state folder; errors: what ext4 counted."""
    number = folder.stat().st_dev
    place = f"sys/dev/block/{os.major(number)}:{os.minor(number)}"
    target = folder / "root" / "sys/devices/mmcblk0/mmcblk0p2"
    target.mkdir(parents=True)
    (folder / "root" / place).parent.mkdir(parents=True)
    (folder / "root" / place).symlink_to(target)
    found = {f"sys/devices/mmcblk0/device/{name}": f"{text}\n" for name, text in files.items()}
    if "errors" in files:
        found["sys/fs/ext4/mmcblk0p2/errors_count"] = files["errors"]
    return found


@pytest.mark.parametrize(
    ("files", "ok", "words"),
    [
        ({"type": "SD"}, None, "mmcblk0p2 does not tell its wear"),
        ({"type": "SD", "errors": "0"}, None, "ext4 has counted no errors"),
        ({"type": "SD", "errors": "3"}, False, "ext4 has counted 3 errors"),
        (
            {"life_time": "0x01 0x02", "pre_eol_info": "0x01"},
            True,
            "10-20 % of its life used; reserve: normal",
        ),
        ({"life_time": "0x0a 0x01", "pre_eol_info": "0x01"}, False, "90-100 % of its life used"),
        ({"life_time": "0x0b 0x0b", "pre_eol_info": "0x03"}, False, "past its life"),
        ({"life_time": "0x00 0x00", "pre_eol_info": "0x02"}, False, "80 % of the reserve is used"),
        ({"life_time": "0x00 0x00", "pre_eol_info": "0x00"}, None, "does not tell its wear"),
    ],
)
def test_the_cards_health(tmp_path: Path, files: dict[str, str], ok: bool | None, words: str) -> None:
    lines = list(disk.look(patient(tmp_path, files=card(tmp_path, **files))))
    only(lines[2:], ok, words)


# -- memory, heat, clock --------------------------------------------------------------------------


def meminfo(available: int, total: int = 1000) -> str:
    return f"MemTotal: {total * 1024} kB\nMemFree: 1 kB\nMemAvailable:    {available * 1024} kB\n"


def test_memory(tmp_path: Path) -> None:
    """The default settings need 268 MiB, and the camera's process what it may take."""
    only(list(memory.look(patient(tmp_path, files={"proc/meminfo": meminfo(300)}))), True, "allow 268 MiB")
    only(list(memory.look(patient(tmp_path, files={"proc/meminfo": meminfo(250)}))), False, "workers")
    only(list(memory.look(patient(tmp_path, camera="pi"))), False, "allow 428 MiB")
    only(list(memory.look(patient(tmp_path, files={"proc/meminfo": ""}))), None, "cannot be read")


def test_memory_that_the_service_has_already(tmp_path: Path) -> None:
    files = {"proc/meminfo": meminfo(200), "proc/77/status": "VmHWM: 9 kB\nVmRSS:\t  102400 kB\n"}
    only(
        list(memory.look(patient(tmp_path, files=files, program=unit(MainPID="77")))), True, "300 MiB of 1000"
    )


def test_a_unit_that_is_limited_to_less(tmp_path: Path) -> None:
    files = {"proc/meminfo": meminfo(900)}
    limited = unit(MainPID="0", MemoryMax=str(200 << 20))
    only(list(memory.look(patient(tmp_path, files=files, program=limited))), False, "limited to 200")
    free = unit(MainPID="0", MemoryMax="infinity")
    only(list(memory.look(patient(tmp_path, files=files, program=free))), True)


@pytest.mark.parametrize(
    ("files", "ok", "words"),
    [
        ({}, None, "tells none"),
        ({"sys/class/thermal/thermal_zone0/temp": "51000\n"}, True, "51 °C"),
        ({"sys/class/thermal/thermal_zone0/temp": "79100\n"}, False, "79 °C"),
    ],
)
def test_temperature(tmp_path: Path, files: dict[str, str], ok: bool | None, words: str) -> None:
    only(list(heat.look(patient(tmp_path, files=files))), ok, words)


@pytest.mark.parametrize(("bits", "words"), [("0x50005", "voltage"), ("0x4", "slows it down")])
def test_what_the_firmware_complains_of(
    tmp_path: Path, bits: str, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "bin" / "vcgencmd"
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\necho throttled={bits}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
    only(list(heat.look(patient(tmp_path))), False, words)


class At(SystemClock):
    """A clock that stands."""

    def __init__(self, now: float) -> None:
        self._now = now

    def now(self) -> float:
        return self._now


def test_the_clock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert clock.synchronised() in (True, False)
    only(
        list(clock.look(patient(tmp_path, clock=At(86_400.0)))), False, "1970-01-02", "never set", "timesyncd"
    )
    for told in (True, False):
        monkeypatch.setattr(clock, "synchronised", lambda told=told: told)
        only(list(clock.look(patient(tmp_path, clock=At(1.9e9)))), told, "2030-03-17 17:46:40 GMT")


# -- permissions ----------------------------------------------------------------------------------

ANY_PORT = {"proc/sys/net/ipv4/ip_unprivileged_port_start": "0\n"}


def test_permissions_that_are_right(tmp_path: Path) -> None:
    password = tmp_path / "broker.secret"
    password.write_text("s3cret")
    password.chmod(0o640)
    settings = tmp_path / "settings.toml"
    settings.touch(0o640)
    one = patient(tmp_path, files=ANY_PORT, settings_file=settings, mqtt_password_file=str(password))
    found = list(permissions.look(one))
    only(found, True, f"is {ME}'s alone", "settings.toml is safe", "broker.secret is kept", "port 1 may")


def test_permissions_that_are_wrong(tmp_path: Path) -> None:
    secret, settings = tmp_path / "hook.secret", tmp_path / "settings.toml"
    secret.touch(0o644)
    settings.touch()
    settings.chmod(0o666)
    one = patient(
        tmp_path,
        files=ANY_PORT,
        settings_file=settings,
        webhook_secret_file=str(secret),
        mqtt_password_file=str(tmp_path / "absent"),
        program=unit(User="api-face"),
    )
    (one.state / "people.sqlite").touch(0o644)
    (one.state / "tls").mkdir(mode=0o755)
    said = [(line.measured, line.advice) for line in permissions.look(one)]
    assert [measured.replace(str(tmp_path), "") for measured, _ in said] == [
        f"/state belongs to {ME}, and api-face.service runs as api-face",
        "others may enter or read people.sqlite, tls",
        "others may write /settings.toml",
        "mqtt_password_file: there is no /absent",
        "webhook_secret_file: every user may read /hook.secret",
    ]
    assert all(advice for _, advice in said)


@pytest.mark.skipif(os.geteuid() != 0, reason="root alone can give files away")
def test_a_user_of_its_own(tmp_path: Path) -> None:
    """What the service's user may not read, use or bind, though root may."""
    secret = tmp_path / "hook.secret"
    secret.touch(0o600)
    one = patient(tmp_path, camera="pi", webhook_secret_file=str(secret), program=unit(User="nobody"))
    (one.state / "people.sqlite").touch(0o600)
    os.chown(one.state, 65534, 65534)
    said = " | ".join(line.measured for line in permissions.look(one))
    assert "people.sqlite in" in said
    assert "does not belong to nobody" in said
    assert "webhook_secret_file: the service may not read" in said
    assert "nobody is not in the group video" in said
    assert "nobody may not bind port 1" in said
    able = unit(User="nobody", AmbientCapabilities="cap_net_bind_service", SupplementaryGroups="video render")
    os.chown(one.state / "people.sqlite", 65534, 65534)
    os.chown(secret, 0, 65534)
    secret.chmod(0o640)
    one = patient(tmp_path, camera="pi", webhook_secret_file=str(secret), program=able)
    only(list(permissions.look(one)), True, "nobody is in the group video", "port 1 may be bound")


# -- models, runtime, NumPy, system ---------------------------------------------------------------


def test_models_and_runtime(tmp_path: Path) -> None:
    only(list(models.look_at_files(patient(tmp_path))), True, "SHA256SUMS")
    words = "finds the drawn face, all networks in XNNPACK"
    only(list(models.look_at_runtime(patient(tmp_path))), True, words)


def test_networks_that_find_no_face(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whole files and fast kernels are no proof that anybody is found."""
    monkeypatch.setattr(
        "edge.selftest.drawn_face", lambda: encode_jpeg(np.full((64, 256, 3), 127, np.uint8), 90)
    )
    only(list(models.look_at_runtime(patient(tmp_path))), False, "found 0 faces", "install this release anew")


def test_a_service_that_cannot_see_its_processor(tmp_path: Path) -> None:
    """XNNPACK is then silently not used."""
    mounts = "99 1 0:60 / {} rw,nosuid - proc proc rw,hidepid=invisible{}\n"
    hidden = {"proc/77/mountinfo": mounts.format("/proc", ",subset=pid")}
    _, line = models.look_at_runtime(patient(tmp_path, files=hidden, program=unit(MainPID="77")))
    only([line], False, "cannot see /proc/cpuinfo", "ProcSubset=pid")
    seen = {"proc/77/mountinfo": mounts.format("/proc", "")}
    only(list(models.look_at_runtime(patient(tmp_path, files=seen, program=unit(MainPID="77")))), True)


def fake_picamera2(folder: Path, code: str, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "picamera2.py").write_text(code)
    monkeypatch.syspath_prepend(folder)
    monkeypatch.setenv("PYTHONPATH", str(folder))


def test_numpy_and_picamera2(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    only(list(numpy_pair.look(patient(tmp_path))), None, "not installed")
    only(list(numpy_pair.look(patient(tmp_path, camera="pi:1"))), False, "missing", "apt install")
    fake_picamera2(tmp_path, "import numpy", monkeypatch)
    only(list(numpy_pair.look(patient(tmp_path))), True, "load together")


def test_another_numpy_than_apts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """picamera2 issue 1088, in its words; and a library that takes the process with it."""
    words = "numpy.dtype size changed, may indicate binary incompatibility"
    fake_picamera2(tmp_path, f"raise ValueError({words!r})", monkeypatch)
    only(list(numpy_pair.look(patient(tmp_path))), False, words, "--system-site-packages")
    (tmp_path / "picamera2.py").write_text("import os; os.kill(os.getpid(), 11)")
    only(list(numpy_pair.look(patient(tmp_path))), False, "exit code -11")


def test_system(tmp_path: Path) -> None:
    files = {
        "etc/os-release": 'NAME="x"\nPRETTY_NAME="Debian GNU/Linux 13 (trixie)"\n',
        "proc/device-tree/model": "Raspberry Pi 4 Model B Rev 1.5\0",
    }
    first, settings = system.look(patient(tmp_path, files=files))
    only([first], True, "Raspberry Pi 4 Model B Rev 1.5, Debian GNU/Linux 13 (trixie), 64-bit")
    only([settings], True, "no file")
