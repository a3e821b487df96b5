"""The units: what experience says they must and must not have, and the back-off of the service."""

from __future__ import annotations

import os
import re
import subprocess
import time
from pathlib import Path

import pytest

from tests.service import ROOT

UNITS = ROOT / "systemd"
SERVICE = (UNITS / "api-face.service").read_text()


def directives(text: str) -> list[str]:
    """A unit's lines that count, continued ones joined."""
    joined = text.replace("\\\n", "")
    return [line for line in joined.splitlines() if line and not line.startswith(("#", "["))]


def test_the_service_keeps_what_xnnpack_numpy_and_the_camera_need() -> None:
    lines = directives(SERVICE)
    assert not any(line.startswith("LimitAS=") for line in lines)
    for needed in ("ProcSubset=all", "SystemCallErrorNumber=EPERM", "PrivateDevices=no", "Type=notify"):
        assert needed in lines
    assert {line for line in lines if line.startswith("DeviceAllow=")} == {
        f"DeviceAllow=char-{name} rw" for name in ("video4linux", "media", "dma_heap")
    }
    assert "CapabilityBoundingSet=CAP_NET_BIND_SERVICE" in lines


def test_it_is_restarted_for_ever_with_nothing_that_only_newer_systemds_know() -> None:
    lines = directives(SERVICE)
    assert {"Restart=always", "StartLimitIntervalSec=0", "WatchdogSec=60"} <= set(lines)
    assert not any(line.startswith(("RestartSteps=", "RestartMaxDelaySec=")) for line in lines)


def pauses(tmp_path: Path, starts: int) -> list[str]:
    """How long each of so many starts in a row would sleep, "" for not at all."""
    (found,) = (line for line in directives(SERVICE) if line.startswith("ExecStartPre="))
    script = re.fullmatch(r"ExecStartPre=-/bin/sh -c '(.*)'", found)
    assert script is not None
    shell = f'sleep() {{ echo "$@"; }}; {script[1].replace("$$", "$")}'
    environ = {**os.environ, "RUNTIME_DIRECTORY": str(tmp_path)}
    said = []
    for _ in range(starts):
        done = subprocess.run(
            ["/bin/sh", "-c", shell], env=environ, capture_output=True, text=True, check=True
        )
        said.append(done.stdout.strip())
    return said


def test_the_first_restarts_come_at_once_the_later_ones_after_longer_and_longer(tmp_path: Path) -> None:
    assert pauses(tmp_path, 9) == ["", "", "4", "8", "16", "32", "60", "60", "60"]


def test_after_ten_quiet_minutes_it_begins_anew(tmp_path: Path) -> None:
    assert pauses(tmp_path, 5)[-1] == "16"
    past = time.time() - 11 * 60
    os.utime(tmp_path / "starts", (past, past))
    assert pauses(tmp_path, 2) == ["", ""]


@pytest.mark.parametrize("unit", sorted(UNITS.glob("api-face*.service")), ids=lambda path: path.name)
def test_no_unit_leaves_faces_in_a_core_file_and_each_runs_the_release_in_force(unit: Path) -> None:
    lines = directives(unit.read_text())
    assert "LimitCORE=0" in lines
    (start,) = (line for line in lines if line.startswith("ExecStart="))
    if unit.name == "api-face-update.service":
        assert start == "ExecStart=/opt/api-face/current/scripts/update --settle"
        return
    assert start.startswith(
        "ExecStart=/opt/api-face/current/venv/bin/api-face --state /var/lib/api-face "
        "--settings /etc/api-face/settings.toml "
    )
