"""scripts/update on an installed device, under load: a release that is good, and some that are not."""

from __future__ import annotations

import time
from dataclasses import dataclass

from device.door import Device
from device.faults import Row
from device.load import loaded
from device.system import SOURCE

_VERSION = 's/^__version__ = .*/__version__ = "{version}"/'


@dataclass(frozen=True)
class Release:
    """One that is made from ours. changes: sed expressions by file. succeeds: whether it is to be in force."""

    what: str
    version: str
    changes: dict[str, str]
    succeeds: bool
    words: str
    """Something that the script says of it."""


_DEAF = {
    "edge/server/serve.py": 's/^def _listen(.*/&\\n    if settings.port == 443:\\n        raise SettingsError("deaf")/'
}
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
            "edge/store/schema.py": "s/migrations=(_usage_1,)/migrations=(_usage_1, lambda database: None)/;"
            "s/_people_3),/_people_3, lambda database: None),/",
        },
        False,
        "is as it was before",
    ),
    Release("that is good", "9.0.4", {}, True, "answers, after"),
)


def updated(device: Device, release: Release) -> Row:
    """Try to update to it, under load."""
    run = device.container.run
    copy = f"{SOURCE}-{release.version}"
    run("cp", "-a", SOURCE, copy)
    changes = {"edge/__init__.py": _VERSION.format(version=release.version), **release.changes}
    for file, change in changes.items():
        run("sed", "-i", change, f"{copy}/{file}")
    old, since = _in_force(device), time.time()
    with loaded(device, clients=2) as noted:
        code, said = device.container.tried(f"{copy}/scripts/update", "--runtime", "litert")
        device.away(60)
        time.sleep(1)
    lost, now = noted.lost(device), _in_force(device)
    expected = release.version if release.succeeds else old
    words = said.splitlines()[-1]
    held = lost == 0 and now == expected and (code == 0) is release.succeeds and release.words in said
    if not held:
        words = f"{said} {device.journal(since)[-5:]}"
    return Row(
        f"update to a release {release.what}",
        f"exit code {code}: {words}; in force: {now}",
        f"{lost} of {len(noted.trained)} acknowledged",
        f"{noted.longest_s:.1f} s",
        held,
    )


def _in_force(device: Device) -> str:
    return device.container.run("readlink", "/opt/api-face/current").rpartition("/")[2]
