"""Memory of the loop and of the camera's process, while a replay is played over and over."""

from __future__ import annotations

import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import psutil
from measuring.table import Table, mib

from edge.wiring import opened_store
from visiting.running import ROOT, api_face

MOST_TOGETHER = 220 << 20
"""PSS of both processes, bytes."""

MOST_GROWTH = 4 << 20
"""So little may the fitted line rise over all repeats but the first (bytes)."""

_EVERY_S = 2.0


@dataclass(frozen=True, slots=True)
class Sample:
    """repeats: how often the clip has been played. The others in bytes, of the process itself and of the camera's."""

    repeats: float
    rss: int
    pss: int
    child_rss: int
    child_pss: int


def run(
    state: Path, clip: Path, seconds: float, *, repeats: int, serve: bool, settings: Path | None
) -> list[Sample]:
    """Play a clip of so many seconds so often. serve: the whole service instead of `watch`."""
    command = api_face(state, settings)
    command += ["serve", "--host", "127.0.0.1", "--port", "0"] if serve else ["watch"]
    command += ["--camera", f"file:{clip}?loop&speed=full"]
    samples: list[Sample] = []
    with (state / "output.txt").open("w") as output, opened_store(state) as store:
        process = subprocess.Popen(command, cwd=ROOT, stdout=output)
        first: float | None = None
        try:
            while process.poll() is None:
                time.sleep(_EVERY_S)
                newest = store.sightings(limit=1)
                if not newest:
                    continue
                first = newest[0].started if first is None else first
                played = (newest[0].started - first) / seconds
                if played >= repeats:
                    break
                if (sample := _sampled(process.pid, played)) is not None:
                    samples.append(sample)
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(60)
    return samples


def table_of(samples: list[Sample]) -> Table:
    """A row for each repeat: the mean of its last half; and how much it rises."""
    table = Table("Memory while the replay is played over and over")
    turns = [int(sample.repeats) for sample in samples]
    for turn in sorted(set(turns)):
        mine = [one for one in samples if int(one.repeats) == turn]
        late = mine[len(mine) // 2 :]
        mean = [
            float(np.mean([getattr(one, name) for one in late]))
            for name in ("rss", "pss", "child_rss", "child_pss")
        ]
        told = "RSS {}, PSS {}; camera RSS {}, PSS {}".format(*(mib(one) for one in mean))
        table.fact(f"repeat {turn + 1}", f"{told}; PSS together {mib(mean[1] + mean[3])}")
    most = max((one.pss + one.child_pss for one in samples), default=0)
    table.check(
        "PSS of both together, at most", mib(most), f"<= {mib(MOST_TOGETHER)}", 0 < most <= MOST_TOGETHER
    )
    settled = [one for one in samples if one.repeats >= 1]
    if len(settled) > 10:
        x, y = [one.repeats for one in settled], [one.pss + one.child_pss for one in settled]
        rise = float(np.polyfit(x, y, 1)[0]) * (max(x) - min(x))
        table.check(
            "rise of the fitted line from the second repeat on",
            mib(rise),
            f"<= {mib(MOST_GROWTH)}",
            rise <= MOST_GROWTH,
        )
    return table


def _sampled(pid: int, played: float) -> Sample | None:
    """None while a process is just ending."""
    try:
        children = psutil.Process(pid).children(recursive=True)
        own, child = _sizes(pid), [_sizes(one.pid) for one in children]
    except (OSError, psutil.Error):
        return None
    return Sample(played, *own, sum(one[0] for one in child), sum(one[1] for one in child))


def _sizes(pid: int) -> tuple[int, int]:
    """RSS and PSS, bytes."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    found = {
        line.split(":")[0]: int(line.split()[1]) * 1024 for line in lines if line.startswith(("Rss:", "Pss:"))
    }
    return found["Rss"], found["Pss"]
