"""What may go wrong on a device, done to one: what happened, what was lost, how long it was away."""

from __future__ import annotations

import random
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from device.door import UNIT, Device
from device.load import Noted, loaded
from tests.photographs import obama
from tests.pictures import jpeg

STATE = "/var/lib/api-face"
MODELS = "/opt/api-face/current/models"

_START_S = 90.0


@dataclass(frozen=True)
class Row:
    """away: seconds; None: it was not. held: whether it went as it should."""

    fault: str
    happened: str
    lost: str
    away: str
    held: bool


def kills(device: Device, count: int, seed: int) -> Row:
    """kill -9 at random moments under load."""
    chance, away = random.Random(seed), []  # noqa: S311
    with loaded(device, seed=seed) as noted:
        for _ in range(count):
            time.sleep(chance.uniform(0.1, 2.0))
            device.impatient()
            device.signal("KILL")
            away.append(device.away(_START_S))
    lost = noted.lost(device)
    words = f"started anew each time; {noted.words()}"
    seconds = f"median {statistics.median(away):.1f} s, longest {max(away):.1f} s"
    return Row(f"kill -9 x {count}, 4 clients, seed {seed}", words, _lost(noted, lost), seconds, lost == 0)


def stopped(device: Device) -> Row:
    """SIGSTOP: the watchdog expires, SIGABRT reaches nobody, SIGKILL does."""
    since, restarts = time.time(), int(device.show("NRestarts"))
    with loaded(device) as noted:
        time.sleep(2)
        device.signal("STOP")
        away = device.away(180)
    said = device.journal(since, "atchdog")
    lost = noted.lost(device)
    again = int(device.show("NRestarts")) == restarts + 1
    return Row("SIGSTOP", "; ".join(said), _lost(noted, lost), f"{away:.0f} s", lost == 0 and again)


_HOGS = """
import os, time
for _ in range({hogs}):
    if os.fork() == 0:
        held = []
        for _ in range({each} // 4):
            held.append(bytearray(b"x" * (4 << 20)))
            time.sleep(0.1)
        time.sleep({seconds})
        os._exit(0)
while True:
    try:
        os.wait()
    except ChildProcessError:
        break
"""


def out_of_memory(device: Device, hogs: int = 10, each_mib: int = 36, seconds: float = 5.0) -> Row:
    """Other programs take most of the container's memory. Each of them is smaller than the service, which the
    kernel therefore kills, also because of OOMScoreAdjust."""
    since, restarts = time.time(), int(device.show("NRestarts"))
    with loaded(device) as noted:
        time.sleep(2)
        device.impatient()
        script = _HOGS.format(hogs=hogs, each=each_mib, seconds=seconds)
        device.container.run("systemd-run", "--quiet", "--wait", "python3", "-c", script, check=False)
        away = device.away(_START_S)
    lost = noted.lost(device)
    again = int(device.show("NRestarts")) - restarts
    killed = device.journal(since, "status=9/KILL")
    return Row(
        f"memory: {hogs} other programs take {each_mib} MiB each, of 416 in all",
        f"the kernel killed the service, started anew {again} times; the camera's process first where there is one",
        _lost(noted, lost),
        f"{noted.longest_s:.0f} s; {away:.1f} s after the memory was free again",
        lost == 0 and bool(killed),
    )


def full_disk(device: Device) -> Row:
    """The state on a file system of its own, filled up under load."""
    client = device.client
    with _state_on_tmpfs(device):
        device.away(_START_S)
        with loaded(device) as before:
            time.sleep(3)
            device.container.run("sh", "-c", f"cat /dev/zero >{STATE}/filler || true")
            time.sleep(1)
        with loaded(device) as full:
            time.sleep(3)
        answers = full.words()
        device.container.run("rm", f"{STATE}/filler")
        after = client.train(jpeg(obama(), 200), name="afterwards", person_id="new").status
        before.trained |= full.trained
        lost = before.lost(device)
    held = lost == 0 and after == 200 and set(full.answers) == {"detect 200", "train 500"}
    words = f"meanwhile {answers}; when there was room again, train {after}, without a restart"
    return Row("disk full", words, _lost(before, lost), "never", held)


def read_only(device: Device) -> Row:
    """A start with a disk that cannot be written."""
    before = len(device.client.people())
    device.container.run("systemctl", "stop", UNIT)
    device.container.run("mount", "--bind", STATE, STATE)
    device.container.run("mount", "-o", "remount,bind,ro", STATE)
    since = time.time()
    device.container.run("systemctl", "start", "--no-block", UNIT)
    time.sleep(5)
    said = _refusals(device, since)
    health = device.health()
    device.container.run("umount", STATE)
    away = device.away(_START_S)
    after = len(device.client.people())
    words = f"{said}; once it could be written it started by itself" if said else f"health {health}"
    return Row(
        "disk read-only at the start",
        words,
        f"{before - after} of {before}",
        f"{away:.0f} s",
        before == after and bool(said),
    )


def spoiled(device: Device, path: str, fault: str, offset: int) -> Row:
    """Some kB of a file overwritten while the service is stopped; put back later."""
    before = len(device.client.people())
    device.container.run("systemctl", "stop", UNIT)
    device.container.run("cp", "-a", path, "/root/whole")
    device.container.run(
        "sh", "-c", f"printf %08192d 0 | dd of={path} bs=1 seek={offset} conv=notrunc status=none"
    )
    spoilt = device.container.run("sha256sum", path)
    since = time.time()
    device.container.run("systemctl", "start", "--no-block", UNIT)
    time.sleep(6)
    said, health = _refusals(device, since), device.health()
    left = device.container.run("sha256sum", path) == spoilt
    device.container.run("cp", "-a", "/root/whole", path)
    away = device.away(_START_S)
    after = len(device.client.people())
    words = f"{said or health}; the file was {'left as it was' if left else 'CHANGED'}; put back, it started by itself"
    held = bool(said) and left and before == after
    return Row(fault, words, f"{before - after} of {before}", f"{away:.0f} s after it was put back", held)


def _refusals(device: Device, since: float) -> str:
    """What the service itself said of its refusal to start, once."""
    said = device.journal(since, "api-face: ")
    return said[0] if said else ""


def _lost(noted: Noted, lost: int) -> str:
    return f"{lost} of {len(noted.trained)} acknowledged"


@contextmanager
def _state_on_tmpfs(device: Device, spare_mib: int = 6) -> Iterator[None]:
    run: Callable[..., str] = device.container.run
    run("systemctl", "stop", UNIT)
    size = int(run("du", "-sm", STATE).split()[0]) + spare_mib
    run("cp", "-a", STATE, "/root/state")
    run("mount", "-t", "tmpfs", "-o", f"size={size}m,mode=0700", "state", STATE)
    run("cp", "-a", "/root/state/.", STATE)
    run("systemctl", "start", UNIT)
    try:
        yield
    finally:
        run("systemctl", "stop", UNIT)
        run("umount", STATE)
        run("rm", "-rf", "/root/state")
        run("systemctl", "start", UNIT)
