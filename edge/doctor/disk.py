"""The memory card: room, whether it can be written, and how it wears, as far as it tells."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from edge.disk import free_mib
from edge.doctor.finding import Finding, failed, not_applicable, passed
from edge.doctor.patient import Patient

_COPY = "make a backup now (api-face backup), and put in another card"

_WORN_OUT = 0x0B
_WEAR_FROM = 0x0A
"""JEDEC JESD84-B51, DEVICE_LIFE_TIME_EST_TYP_A and _B: 1 is 0-10 % used, each further one 10 % more, 0x0A is
90-100 %, 0x0B is past it."""

_RESERVE = {1: "normal", 2: "80 % of the reserve is used", 3: "90 % of the reserve is used"}
"""The same standard, PRE_EOL_INFO."""


def look(patient: Patient) -> Iterator[Finding]:
    """Of the file system that the state folder is on."""
    state = patient.state
    if not state.is_dir():
        yield failed("disk", f"there is no {state}", "is the disk mounted? a first start makes the folder")
        return
    yield _room(patient, state)
    yield _written(state)
    device = _device(patient, state)
    if device is None:
        yield not_applicable("disk health", f"{state} is on no disk of its own that tells any")
        return
    yield from _health(device, patient.root / "sys/fs/ext4" / device.name / "errors_count")


def _room(patient: Patient, state: Path) -> Finding:
    floor, free = patient.settings.disk_floor_mib, free_mib(state)
    words = f"{free:.0f} MiB free; the settings want {floor}"
    if free < floor:
        return failed(
            "disk", words, "make room (journalctl --vacuum-size=50M, apt clean), or take a larger card"
        )
    return passed("disk", words)


def _written(state: Path) -> Finding:
    if os.statvfs(state).f_flag & os.ST_RDONLY:
        advice = "the kernel does that after errors: see `dmesg`; a new card, and `api-face restore`"
        return failed("disk", f"{state} is mounted read-only", advice)
    return passed("disk", f"{state} can be written")


def _device(patient: Patient, state: Path) -> Path | None:
    """/sys's folder of the partition (or whole disk) that the state is on."""
    number = state.stat().st_dev
    path = patient.root / "sys/dev/block" / f"{os.major(number)}:{os.minor(number)}"
    return path.resolve() if path.exists() else None


def _health(device: Path, errors: Path) -> Iterator[Finding]:
    count = _number(errors)
    if count:
        advice = f"fsck at the next start (fsck.mode=force in the boot command line); {_COPY}"
        yield failed("disk health", f"ext4 has counted {count} errors on {device.name}", advice)
    # of a partition the disk is the folder above
    card = next((place / "device" for place in (device, device.parent) if (place / "device").is_dir()), None)
    wear = [] if card is None else [int(text, 16) for text in _text(card / "life_time").split()]
    reserve = 0 if card is None else int(_text(card / "pre_eol_info") or "0", 16)
    if any(wear) or reserve:
        worst = max(wear, default=0)
        words = f"{device.name}: {_wear(worst)}; reserve: {_RESERVE.get(reserve, 'not told')}"
        good = worst < _WEAR_FROM and reserve < 2
        yield passed("disk health", words) if good else failed("disk health", words, _COPY)
    elif not count:
        known = "ext4 has counted no errors; " if count == 0 else ""
        yield not_applicable("disk health", f"{known}{device.name} does not tell its wear (SD cards do not)")


def _wear(level: int) -> str:
    if level == 0:
        return "wear not told"
    return "past its life" if level >= _WORN_OUT else f"{10 * (level - 1)}-{10 * level} % of its life used"


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii").strip()
    except OSError:
        return ""


def _number(path: Path) -> int | None:
    text = _text(path)
    return int(text) if text.isdigit() else None
