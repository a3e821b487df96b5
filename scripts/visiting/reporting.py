"""Scores and figures as tables."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from measuring.table import Table

from edge.evaluation.intervals import wilson
from visiting.scoring import Score

LEAST: Mapping[str, float] = {
    "known people named, of visits": 0.95,
    "strangers with exactly one personId": 0.95,
}
"""Shares that are asked for; and what may not be at all, or only so often, below."""

MOST: Mapping[str, float] = {"strangers named, of visits": 0.0, "known people with somebody else's name": 0.0}
MOST_OF: Mapping[str, float] = {"poster: personIds": 1, "embeds per visit": 12}


def table_of(title: str, score: Score) -> Table:
    """Shares with their 95 % intervals (Wilson), counts, and which of them hold what is asked for."""
    table = Table(title)
    for what, (hits, tries) in score.shares.items():
        told = share(hits, tries)
        if what in LEAST:
            table.check(what, told, f">= {LEAST[what]:.0%}", tries > 0 and hits / tries >= LEAST[what])
        elif what in MOST:
            table.check(what, told, f"<= {MOST[what]:.0%}", hits <= MOST[what] * tries)
        else:
            table.fact(what, told)
    for what, count in score.counts.items():
        if what in MOST_OF:
            table.check(what, f"{count:g}", f"<= {MOST_OF[what]:g}", count <= MOST_OF[what])
        else:
            table.fact(what, f"{count:g}")
    return table


def speed_of(title: str, figures: dict[str, Any]) -> Table:
    """How fast, and where the time goes."""
    table = Table(title)
    frames, seconds = figures["frames"], figures["seconds"]
    table.fact("frames", f"{frames}")
    table.fact("frames per second", f"{frames / seconds:.1f}")
    for what in ("detected", "embedded"):
        table.fact(f"{what}, of frames", share(figures[what], frames))
    steps = figures["steps"]
    busy = sum(step["seconds"] for name, step in steps.items() if name != "gate")
    if busy:
        part = figures["model_seconds"] / busy
        table.check("time in models, of what follows the gate", f"{part:.1%}", ">= 75%", part >= 0.75)
    for name, step in steps.items():
        calls = max(step["calls"], 1)
        each = f"{1000 * step['cpu'] / calls:.2f} ms a call, {1000 * step['cpu'] / max(frames, 1):.2f} ms a frame"
        table.fact(f"CPU of {name}", f"{each}, {step['calls']} calls")
    if "gate" in steps and steps.get("detect", {}).get("calls"):
        gate, detect = (steps[name]["cpu"] / steps[name]["calls"] for name in ("gate", "detect"))
        table.check("CPU of the gate, of detection's", f"{gate / detect:.2%}", "<= 3%", gate <= 0.03 * detect)
    return table


def share(hits: int, tries: int) -> str:
    """With its interval."""
    found = wilson(hits, tries)
    return f"{hits} of {tries}" + (
        "" if not tries else f", {found.value:.1%} [{found.low:.1%}, {found.high:.1%}]"
    )
