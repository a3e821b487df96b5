"""The figures drawn, as PNG files; needs matplotlib (the extra `evaluate`)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from edge.errors import EdgeError
from edge.evaluation.curve import LEAST_WRONG, points
from edge.evaluation.detection import Judged, reliability
from edge.evaluation.openset import Result
from edge.evaluation.pairs import BINS
from edge.evaluation.verification import Verification

HOW_TO_GET = "no plots: matplotlib is missing; in the clone: .venv/bin/pip install matplotlib"
_COLOURS = ("#0b5fa5", "#c8501e", "#2a8045", "#7a4a9e", "#8a6d00", "#555555")


class NoPlots(EdgeError):
    """matplotlib is not installed."""


def _figure(title: str) -> tuple[Any, Any, Any]:
    """matplotlib's pyplot-free figure, its axes. Raises NoPlots."""
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError as error:
        raise NoPlots(HOW_TO_GET) from error
    figure = Figure(figsize=(7.2, 4.8), dpi=150, layout="constrained")
    canvas = FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    axes.set_title(title, fontsize=11, loc="left")
    axes.grid(True, color="#dddddd", linewidth=0.6)
    axes.set_axisbelow(True)
    for edge in ("top", "right"):
        axes.spines[edge].set_visible(False)
    return figure, canvas, axes


def _saved(figure: Any, path: Path) -> Path:
    figure.savefig(path)
    return path


def draw_roc(rows: Sequence[Verification], title: str, path: Path) -> Path:
    """True accept rate against false accept rate over all pairs; 95 % bands of two rows, or of the first."""
    figure, _, axes = _figure(title)
    lowest = 1e-2
    banded = range(len(rows) if len(rows) <= 2 else 1)
    for number, row in enumerate(rows):
        colour = _COLOURS[number % len(_COLOURS)]
        trials = row.kept.trials
        least = LEAST_WRONG / max(row.different, LEAST_WRONG * 100)
        lowest = min(lowest, least)
        rates = [float(rate) for rate in np.geomspace(least, 0.1, 60)]
        curve = [
            point
            for point in points(trials, rates, row.weights[: 200 if number in banded else 0])
            if not math.isnan(point.threshold)
        ]
        false = [point.false_rate for point in curve]
        axes.plot(false, [100 * point.true_rate.value for point in curve], color=colour, label=_name(row))
        if number in banded:
            low = [100 * point.true_rate.low for point in curve]
            high = [100 * point.true_rate.high for point in curve]
            axes.fill_between(
                false, low, high, color=colour, alpha=0.15, linewidth=0, label="its 95 % interval"
            )
    shipped = next((one for one in rows[0].shipped if one.people == 1), None)
    if shipped is not None and not math.isnan(shipped.found) and shipped.found > 0:
        axes.axvline(shipped.found, color="#333333", linewidth=1, linestyle="--")
        words = f"the shipped threshold \nfor one person, {shipped.threshold:.3f} "
        bottom = axes.get_xaxis_transform()
        axes.text(shipped.found, 0.02, words, transform=bottom, fontsize=8, color="#333333", ha="right")
    axes.set_xscale("log")
    axes.set_xlim(lowest, 0.1)
    axes.set_ylim(top=100.5)
    axes.set_xlabel("false accept rate (share of pairs of different people)")
    axes.set_ylabel("true accept rate (% of pairs of one person)")
    axes.legend(loc="lower right", fontsize=8, frameon=False)
    return _saved(figure, path)


def draw_scores(row: Verification, title: str, path: Path) -> Path:
    """How the scores of the same and of different people are spread, each in percent of its pairs."""
    figure, _, axes = _figure(title)
    widest = [0.0, 0.0]
    for colour, counts, label in (
        (_COLOURS[1], row.kept.different_histogram, f"different people ({row.different:,} pairs)"),
        (_COLOURS[0], row.kept.same_histogram, f"the same person ({row.same:,} pairs)"),
    ):
        shown = counts.copy()
        shown[0] = 0  # pairs without a face
        edges, heights = _coarser(shown)
        axes.stairs(100 * heights / max(counts.sum(), 1), edges, color=colour, fill=True, alpha=0.35)
        axes.stairs(100 * heights / max(counts.sum(), 1), edges, color=colour, linewidth=1.2, label=label)
        inside = np.flatnonzero(np.cumsum(shown) > shown.sum() * 1e-3)
        if shown.any():
            widest = [min(widest[0] or 1.0, float(BINS[inside[0]])), 1.0]
    for people, style in ((1, ":"), (10, "--"), (1000, "-.")):
        threshold = next(one.threshold for one in row.shipped if one.people == people)
        axes.axvline(threshold, color="#333333", linewidth=1, linestyle=style,
                     label=f"threshold, gallery of {people:,}: {threshold:.3f}")  # fmt: skip
    axes.set_xlim(widest[0], widest[1] or 1.0)
    axes.set_ylim(0, 1.35 * axes.get_ylim()[1])  # room for the legend
    axes.set_xlabel("score (cosine)")
    axes.set_ylabel("pairs (% of their kind, per bin)")
    axes.legend(loc="upper left", fontsize=8, frameon=False, ncols=2)
    return _saved(figure, path)


def _coarser(counts: Any, most: int = 160) -> tuple[Any, Any]:
    """The histogram with so few bins over what is filled that the eye can follow."""
    filled = np.flatnonzero(counts)
    if len(filled) == 0:
        return BINS, counts
    step = max((int(filled[-1]) - int(filled[0])) // most, 1)
    usable = len(counts) // step * step
    return BINS[: usable + 1 : step], counts[:usable].reshape(-1, step).sum(axis=1)


def draw_dir_fpir(rows: Sequence[Result], rate: float, title: str, path: Path) -> Path:
    """Known people found against strangers named, for each size of gallery, with 95 % bars."""
    figure, _, axes = _figure(title)
    styles = {1: "--"}
    places: dict[int, int] = {}
    for number, row in enumerate(rows):
        curve = [point for point in row.curve if not math.isnan(point.true_rate.value)]
        if not curve:
            continue
        place = places.setdefault(row.references, 0)
        places[row.references] += 1
        false = [100 * point.false_rate * 1.02**number for point in curve]  # bars beside each other
        found = [100 * point.true_rate.value for point in curve]
        below = [100 * (point.true_rate.value - point.true_rate.low) for point in curve]
        above = [100 * (point.true_rate.high - point.true_rate.value) for point in curve]
        label = f"{row.people} people, {row.references} reference{'s' if row.references > 1 else ''}"
        axes.errorbar(
            false,
            found,
            [below, above],
            color=_COLOURS[place % len(_COLOURS)],
            linestyle=styles.get(row.references, "-"),
            marker="o",
            markersize=3,
            linewidth=1.4,
            elinewidth=0.8,
            capsize=2,
            label=label,
        )
    axes.axvline(100 * rate, color="#333333", linewidth=1, linestyle=":", label=f"promised: {rate:.1%}")
    axes.set_xscale("log")
    axes.set_xticks([0.1, 0.3, 1, 3, 10], ["0.1", "0.3", "1", "3", "10"])
    axes.minorticks_off()
    axes.set_ylim(top=100.5)
    axes.set_xlabel("false positive identification rate (% of strangers given a name)")
    axes.set_ylabel("detection and identification rate (% of known people found)")
    axes.legend(loc="lower right", fontsize=8, frameon=False)
    return _saved(figure, path)


def draw_reliability(found: Judged, threshold: float, title: str, path: Path) -> Path:
    """Whether what is found with a confidence of 80 % is a face in four of five cases."""
    figure, _, axes = _figure(title)
    rows = reliability(found, np.linspace(0, 1, 11))
    axes.plot([0, 100], [0, 100], color="#999999", linewidth=1, label="calibrated")
    axes.plot([100 * mean for mean, _, _ in rows], [100 * share for _, share, _ in rows], color=_COLOURS[0],
              marker="o", markersize=4, label="measured")  # fmt: skip
    for mean, share, count in rows:
        axes.annotate(
            f"{count}", (100 * mean, 100 * share), textcoords="offset points", xytext=(4, -10), fontsize=7
        )
    axes.axvline(100 * threshold, color="#333333", linewidth=1, linestyle="--", label="reported from here")
    axes.set_xlim(0, 100)
    axes.set_ylim(0, 102)
    axes.set_xlabel("confidence of faces found (%; ten bins, the number in each beside its point)")
    axes.set_ylabel("of these, faces that are there (%)")
    axes.legend(loc="upper left", fontsize=8, frameon=False)
    return _saved(figure, path)


def _name(row: Verification) -> str:
    what = row.variant if row.variant == "photograph" else f"64x64 crop ({row.variant})"
    return f"{row.protocol} {what}".strip()
