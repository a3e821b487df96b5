"""How the board feels: its temperature, and whether its firmware slows it down."""

from __future__ import annotations

import contextlib
import subprocess
from dataclasses import dataclass
from pathlib import Path

HOT = 78.0
"""Degrees Celsius. The firmware of a Raspberry Pi begins to slow the processor down at 80 (its documentation,
"frequency management and thermal control"): whoever slows down by himself before keeps the choice of what is
done later."""

COOL = 72.0
"""Below this it is cool again."""

_UNDERVOLTAGE, _CAPPED, _THROTTLED, _SOFT_LIMIT = 0x1, 0x2, 0x4, 0x8
"""Bits of `vcgencmd get_throttled` that say what is now (Raspberry Pi documentation, "vcgencmd")."""

_PATIENCE_S = 2.0


@dataclass(frozen=True, slots=True)
class Strain:
    """celsius: of the hottest thermal zone; None where there is none. throttled, undervoltage: says the
    firmware."""

    celsius: float | None
    throttled: bool
    undervoltage: bool


def strain(thermal: Path = Path("/sys/class/thermal"), vcgencmd: str = "vcgencmd") -> Strain:
    """What can be known of it on this machine."""
    zones = [
        zone for path in sorted(thermal.glob("thermal_zone*/temp")) if (zone := _celsius(path)) is not None
    ]
    bits = _throttled(vcgencmd)
    slowed = bits & (_CAPPED | _THROTTLED | _SOFT_LIMIT)
    return Strain(max(zones, default=None), bool(slowed), bool(bits & _UNDERVOLTAGE))


def _celsius(path: Path) -> float | None:
    with contextlib.suppress(OSError, ValueError):
        return int(path.read_text(encoding="ascii")) / 1000
    return None


def _throttled(vcgencmd: str) -> int:
    """0 where there is no such program."""
    with contextlib.suppress(OSError, subprocess.SubprocessError, ValueError):
        done = subprocess.run(
            [vcgencmd, "get_throttled"], capture_output=True, text=True, timeout=_PATIENCE_S, check=True
        )
        return int(done.stdout.strip().partition("=")[2], 16)
    return 0
