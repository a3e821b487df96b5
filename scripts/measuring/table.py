"""Figures beside their limits, as a Markdown table."""

from __future__ import annotations

import os
import platform
import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from edge.interpreter import runtime


@dataclass
class Table:
    """Rows of what, figure, limit; whether all limits hold."""

    title: str
    rows: list[tuple[str, str, str, str]] = field(default_factory=list)
    held: bool = True

    def fact(self, what: str, figure: str) -> None:
        """A figure without a limit."""
        self.rows.append((what, figure, "", ""))

    def check(self, what: str, figure: str, limit: str, holds: bool) -> None:
        """A figure with its limit."""
        self.held &= holds
        self.rows.append((what, figure, limit, "ok" if holds else "**FAILS**"))

    def text(self) -> str:
        """Markdown."""
        lines = ["", f"### {self.title}", "", "| what | figure | limit | |", "|---|---|---|---|"]
        return "\n".join([*lines, *(f"| {' | '.join(row)} |" for row in self.rows)])


def machine() -> str:
    """Where the figures were taken."""
    model = platform.machine()
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.lower().startswith("model name"):
            model = f"{line.split(':', 1)[1].strip()} ({platform.machine()})"
            break
    cores = len(os.sched_getaffinity(0))
    engine = runtime()
    return (
        f"{model}, {cores} cores, Python {platform.python_version()}, {engine.name} {engine.version}, "
        f"load before {os.getloadavg()[0]:.1f}"
    )


def milliseconds(samples: Sequence[float]) -> str:
    """p50 and p95 of seconds."""
    return f"{1000 * statistics.median(samples):.1f} ms (p95 {1000 * percentile(samples, 95):.1f})"


def percentile(samples: Sequence[float], percent: float) -> float:
    """The nearest-rank percentile."""
    ordered = sorted(samples)
    return ordered[min(len(ordered) - 1, int(len(ordered) * percent / 100))]


def mib(size: float) -> str:
    """Bytes as MiB."""
    return f"{size / (1 << 20):.1f} MiB"
