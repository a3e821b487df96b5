"""The clock of the service jumps. A container has this machine's clock, which it may not set: libfaketime, in front
of the C library, shows the service another time, and lets it jump while it runs. The steady time goes on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from device.door import UNIT, Device
from device.faults import Row
from tests.photographs import nobody
from tests.pictures import jpeg
from tests.service import Client

_OFFSET = "/etc/api-face/faketime"
_DROP_IN = f"/run/systemd/system/{UNIT}.d/clock.conf"
_SYNCHRONISED = "/run/systemd/timesync"


def jumps(device: Device) -> Row:
    """A day back, a year forward, and back: a quota of three."""
    with _other_clock(device):
        client = device.client.with_token(device.new_token("clock", "--scope", "recognise", "--quota", "3"))
        granted = []
        for offset in ("+0", "-1d", "+365d", "+0", "-1d", "+365d", "+0"):
            _show(device, offset)
            granted.append(_spent(client, 4))
    expected = [3, 3, 3, 0, 0, 0, 0]
    words = f"quota 3; granted now, a day back, a year on, now, a day back, a year on, now: {granted}"
    return Row(
        "clock: a day back, a year on, and back",
        words,
        "no day's quota given twice",
        "never",
        granted == expected,
    )


def late_ntp(device: Device) -> Row:
    """The device wakes up with yesterday's date, and NTP comes later."""
    with _other_clock(device):
        client = device.client.with_token(device.new_token("late", "--scope", "recognise", "--quota", "3"))
        device.container.run("mkdir", "-p", _SYNCHRONISED)
        _show(device, "-1d")
        before = _spent(client, 2)
        device.container.run("touch", f"{_SYNCHRONISED}/synchronized")
        _show(device, "+0")
        after = _spent(client, 4)
        device.container.run("rm", "-r", _SYNCHRONISED)
    words = f"quota 3; granted with yesterday's date: {before}, when NTP had come: {after}"
    return Row(
        "clock: NTP comes late", words, "no day's quota given twice", "never", (before, after) == (2, 1)
    )


def _spent(client: Client, times: int) -> int:
    room = jpeg(nobody(), 100)
    return [client.detect(room).status for _ in range(times)].count(200)


def _show(device: Device, offset: str) -> None:
    device.container.path(_OFFSET).write_text(f"{offset}\n")


@contextmanager
def _other_clock(device: Device) -> Iterator[None]:
    run = device.container.run
    library = run("sh", "-c", "ls /usr/lib/*/faketime/libfaketimeMT.so.1")
    run("mkdir", "-p", _DROP_IN.rpartition("/")[0])
    lines = [
        "[Service]",
        f"Environment=LD_PRELOAD={library} FAKETIME_TIMESTAMP_FILE={_OFFSET}",
        "Environment=FAKETIME_NO_CACHE=1 FAKETIME_DONT_FAKE_MONOTONIC=1 FAKETIME_DISABLE_SHM=1",
    ]
    run("tee", _DROP_IN, data="\n".join([*lines, ""]))
    run("sh", "-c", f"echo +0 >{_OFFSET}; chmod 644 {_OFFSET}")
    run("systemctl", "daemon-reload")
    run("systemctl", "restart", UNIT)
    device.away(60)
    try:
        yield
    finally:
        run("rm", "-f", _DROP_IN, _OFFSET)
        run("systemctl", "daemon-reload")
        run("systemctl", "restart", UNIT)
        device.away(60)
