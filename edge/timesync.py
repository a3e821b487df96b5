"""Whether the clock of this system is known to be right: where NTP sets it, not before it has."""

from __future__ import annotations

from pathlib import Path

from edge.clock import RELEASED, Clock

RUN = Path("/run/systemd/timesync")
"""systemd-timesyncd makes this folder when it starts, and the file "synchronized" in it once it knows the
time (systemd-timesyncd.service(8)). A board without a battery shows until then when it was switched off."""


def is_set(clock: Clock, run: Path = RUN) -> bool:
    """False: nobody has set it yet. Where another program or a battery keeps the time, it is only known to be
    wrong before this software was made."""
    return clock.now() >= RELEASED and (not run.exists() or (run / "synchronized").exists())
