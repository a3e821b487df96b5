"""What a service writes that nobody asks: an SD card wears out in the nights, too."""

from __future__ import annotations

import argparse
import contextlib
import os
import time
from pathlib import Path

import numpy as np
import psutil
from PIL import Image

from measuring import pictures
from measuring.service import Service
from measuring.table import Table

_SETTLE_S = 20.0
_HOUR_S = 3600.0
_MOST_PER_HOUR = 1 << 20
"""Bytes: 24 MiB a day, which no card minds."""


def measure(options: argparse.Namespace) -> Table:
    """Two services at the same time, one without a camera, one with a camera before an empty room."""
    table = Table(f"written in an idle hour (from {options.idle_seconds:.0f} s)")
    with Service() as alone, Service('camera = "none"\n') as watching:
        watching.stop()
        room = _empty_room(watching.state.parent / "room")
        (watching.state / "settings.toml").write_text(f'camera = "file:{room}?loop"\ncamera_fps = 5.0\n')
        watching.start()
        time.sleep(_SETTLE_S)
        services = {"no camera": alone, "a camera, nobody before it": watching}
        before = {name: _written(service) for name, service in services.items()}
        files = {name: _files(service.state) for name, service in services.items()}
        time.sleep(options.idle_seconds)
        for name, service in services.items():
            hourly = (_written(service) - before[name]) * _HOUR_S / options.idle_seconds
            changed = sorted(set(_files(service.state).items()) - set(files[name].items()))
            words = f"{hourly / 1024:.1f} KiB; changed: {', '.join(path for path, _ in changed) or 'no file'}"
            table.check(name, words, f"{_MOST_PER_HOUR >> 10} KiB", hourly <= _MOST_PER_HOUR)
        children = watching.process.children()
        busy = sum(child.cpu_times().user for child in children)
        table.check("the camera's process, meanwhile", f"{busy:.1f} s of processor time", "> 0 s", busy > 0)
    return table


def _written(service: Service) -> int:
    """Bytes that the service and its children gave to the disk so far (/proc/PID/io: write_bytes)."""
    total = 0
    for process in (service.process, *service.process.children(recursive=True)):
        with contextlib.suppress(psutil.NoSuchProcess):
            total += process.io_counters().write_bytes
    return total


def _files(state: Path) -> dict[str, int]:
    """When each file of the state folder was changed last (ns)."""
    return {
        str(path.relative_to(state)): path.stat().st_mtime_ns for path in state.rglob("*") if path.is_file()
    }


def _empty_room(folder: Path) -> Path:
    """Eight pictures of the same wall, each with a sensor's noise of its own."""
    folder.mkdir()
    rng = np.random.default_rng(7)
    wall = np.linspace(90, 160, 1280, dtype=np.float32)[None, :, None] + np.zeros((720, 1280, 3), np.float32)
    for number in range(8):
        noisy = wall + rng.normal(0, 2, wall.shape).astype(np.float32)
        picture = Image.fromarray(np.clip(noisy, 0, 255).astype(np.uint8))
        (folder / f"{number}.jpg").write_bytes(pictures.jpeg(picture, quality=85))
    os.sync()
    return folder
