"""scripts/update on an installed device, under load: a release that is good, and some that are not."""

from __future__ import annotations

import time
from dataclasses import dataclass
from threading import Thread

from device.container import CommandFailed
from device.door import Device
from device.faults import Row
from device.load import Noted, loaded
from device.system import SOURCE

_VERSION = 's/^__version__ = .*/__version__ = "{version}"/'
_PENDING = "/var/lib/api-face.update/pending"
_SETTLED_S = 300.0


@dataclass(frozen=True)
class Release:
    """One that is made from ours. changes: sed expressions by file. succeeds: whether it is to be in force."""

    what: str
    version: str
    changes: dict[str, str]
    succeeds: bool
    words: str
    """Something that the script says of it."""


@dataclass(frozen=True)
class _Seen:
    """old: the release that was in force. away: seconds, in words. held: whether what else was asked went well."""

    old: str
    words: str
    away: str
    held: bool


_DEAF = {
    "edge/server/serve.py": 's/^def _listen(.*/&\\n    if settings.port == 443:\\n        raise SettingsError("deaf")/'
}
_MIGRATION = (
    "s/migrations=(_usage_1,)/migrations=(_usage_1, lambda database: None)/;"
    "s/\\(migrations=(_people_1.*\\)),/\\1, lambda database: None),/"
)
RELEASES = (
    Release(
        "that fails its self-test",
        "9.0.1",
        {"edge/server/recognition.py": "s/^def detect(.*/&\\n    raise RuntimeError/"},
        False,
        "failed its self-test",
    ),
    Release("that is not healthy in its place", "9.0.2", _DEAF, False, "answers again"),
    Release(
        "that has migrated the stores, and is not healthy",
        "9.0.3",
        {
            **_DEAF,
            "edge/store/schema.py": _MIGRATION,
        },
        False,
        "is as it was before",
    ),
    Release(
        "for whose keeping of the stores there is no room",
        "9.0.4",
        {
            "edge/store/schema.py": _MIGRATION,
            "scripts/lib/stores.py": "s/^def keep(.*/&\\n    raise OSError(28, 'No space left on device')/",
        },
        False,
        "serves again",
    ),
    Release("that is good", "9.0.5", {}, True, "answers, after"),
)
CUT_OFF = (
    Release(
        "that is not healthy, power cut", "9.0.6", {**_DEAF, "edge/store/schema.py": _MIGRATION}, False, ""
    ),
    Release("that is good, power cut", "9.0.7", {"edge/store/schema.py": _MIGRATION}, True, ""),
)


def updated(device: Device, release: Release) -> Row:
    """Try to update to it, under load."""
    script = _made(device, release)
    old, since = _in_force(device), time.time()
    with loaded(device, clients=2) as noted:
        code, said = device.container.tried(script, "--runtime", "litert")
        device.away(60)
        time.sleep(1)
    words = said.splitlines()[-1]
    held = (code == 0) is release.succeeds and release.words in said
    if not held:
        words = f"{said} {device.journal(since)[-5:]}"
    seen = _Seen(old, f"exit code {code}: {words}", f"{noted.longest_s:.1f} s", held)
    return _row(device, release, noted, seen)


def cut_off(device: Device, release: Release) -> Row:
    """The power goes as soon as the new release is in force; the next start ends the update."""
    script, container = _made(device, release), device.container
    old = _in_force(device)
    with loaded(device, clients=2) as noted:
        update = Thread(target=container.tried, args=(script, "--runtime", "litert"))
        update.start()
        while container.path("/opt/api-face/current").readlink().name != release.version:
            if not update.is_alive():
                raise CommandFailed(f"{script} ended before it switched")
            time.sleep(0.05)
        container.kill()
        update.join()
    container.start(network="host")
    begun = time.monotonic()
    while container.path(_PENDING).exists() and time.monotonic() - begun < _SETTLED_S:
        time.sleep(0.2)
    settled = f"{time.monotonic() - begun:.0f} s"
    device.away(60)
    said = container.run("journalctl", "-b", "-u", "api-face-update", "-o", "cat", "--no-pager", "-n", "5")
    held = not container.path(_PENDING).exists()
    seen = _Seen(old, " / ".join(said.splitlines()), f"settled {settled} after the start", held)
    return _row(device, release, noted, seen)


def _made(device: Device, release: Release) -> str:
    """The release, in the container; the way to its update script. Raises CommandFailed: a change changes nothing."""
    run = device.container.run
    copy = f"{SOURCE}-{release.version}"
    run("cp", "-a", SOURCE, copy)
    changes = {"edge/__init__.py": _VERSION.format(version=release.version), **release.changes}
    for file, change in changes.items():
        run("sed", "-i", change, f"{copy}/{file}")
        if device.container.tried("cmp", "-s", f"{SOURCE}/{file}", f"{copy}/{file}")[0] != 1:
            raise CommandFailed(f"{change} changes nothing in {file}")
    return f"{copy}/scripts/update"


def _row(device: Device, release: Release, noted: Noted, seen: _Seen) -> Row:
    lost, now = noted.lost(device), _in_force(device)
    expected = release.version if release.succeeds else seen.old
    return Row(
        f"update to a release {release.what}",
        f"{seen.words}; in force: {now}",
        f"{lost} of {len(noted.trained)} acknowledged",
        seen.away,
        seen.held and lost == 0 and now == expected,
    )


def _in_force(device: Device) -> str:
    return device.container.run("readlink", "/opt/api-face/current").rpartition("/")[2]
