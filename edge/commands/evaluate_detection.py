"""The detection part of `api-face evaluate`: boxes.csv, and pictures without people."""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from edge.commands.progress import progress
from edge.evaluation.detection import SIZES, Judged, Pictured, average_precision, judged, recall_by_size
from edge.evaluation.embeddings import detect_all
from edge.evaluation.intervals import Estimate, resampled, wilson
from edge.evaluation.photographs import How
from edge.evaluation.tables import Tables
from edge.face import Vector
from edge.settings import Settings

LEAST = 0.02
"""Confidence from which faces count for the average precision."""


@dataclass(frozen=True, slots=True)
class Recall:
    """Boxes of a size class (their longer side, as shares of the picture's) and the share that is met."""

    low: float
    high: float
    boxes: int
    met: Estimate


@dataclass(frozen=True, slots=True)
class Detected:
    """boxes.csv. precision: average precision by difficulty. judged: the last difficulty's, for the plot."""

    pictures: int
    boxes: int
    unreadable: int
    threshold: float
    precision: dict[str, Estimate]
    recall: tuple[Recall, ...]
    judged: Judged | None


@dataclass(frozen=True, slots=True)
class Fired:
    """Pictures of a category in which something is found although nobody is there."""

    category: str
    pictures: int
    fired: int
    share: Estimate


def measured(tables: Tables, how: How, args: argparse.Namespace, settings: Settings) -> dict[str, object]:
    """What the folder has to measure detection with."""
    found: dict[str, object] = {}
    if tables.boxed:
        found["detection"] = _detected(tables, how, args, settings)
    if tables.negatives:
        found["negatives"] = _fired(tables, how, args, settings)
    return found


def _detected(tables: Tables, how: How, args: argparse.Namespace, settings: Settings) -> Detected:
    results = _looked(tables.folder, [one.filename for one in tables.boxed], how, args)
    pictures = [
        Pictured(faces, one.boxes, one.counted, side)
        for one, (faces, side) in zip(tables.boxed, results, strict=True)
    ]
    weights = resampled(len(pictures), args.resamples, args.seed)
    levels = [judged(pictures, level) for level in range(len(tables.levels))]
    precision = {
        level: average_precision(one, weights) for level, one in zip(tables.levels, levels, strict=True)
    }
    recall = recall_by_size(pictures, settings.min_confidence, weights)
    return Detected(
        pictures=len(pictures),
        boxes=sum(len(one.boxes) for one in tables.boxed),
        unreadable=sum(side == 0 for _, side in results),
        threshold=settings.min_confidence,
        precision=precision,
        recall=tuple(Recall(*size, *one) for size, one in zip(SIZES, recall, strict=True)),
        judged=levels[-1],
    )


def _fired(tables: Tables, how: How, args: argparse.Namespace, settings: Settings) -> list[Fired]:
    """By the part of the category before its first underscore, and altogether."""
    results = _looked(tables.folder, [one.filename for one in tables.negatives], how, args)
    counts: Counter[str] = Counter()
    fires: Counter[str] = Counter()
    for one, (faces, _) in zip(tables.negatives, results, strict=True):
        category = one.category.split("_")[0]
        counts[category] += 1
        fires[category] += bool((faces[:, 4] >= settings.min_confidence).any())
    rows = [
        Fired(name, counts[name], fires[name], wilson(fires[name], counts[name])) for name in sorted(counts)
    ]
    hits, tries = fires.total(), counts.total()
    return [*rows, Fired("all", tries, hits, wilson(hits, tries))]


def _looked(folder: Path, names: list[str], how: How, args: argparse.Namespace) -> list[tuple[Vector, int]]:
    """What is found in each picture; nothing, and a long side of 0, in one that cannot be read."""
    with progress("pictures") as shown:
        results = detect_all(folder, names, how, LEAST, processes=args.processes, progress=shown)
    found: list[tuple[Vector, int]] = []
    for name, result in zip(names, results, strict=True):
        if isinstance(result, str):
            print(f"{name}: {result}; counts as a picture in which nothing is found", file=sys.stderr)
            found.append((np.zeros((0, 5), np.float32), 0))
        else:
            found.append(result)
    return found
