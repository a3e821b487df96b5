"""The photographs to measure detection with, as their CSV files name them."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from edge.face import Vector

LEVELS = ("easy", "medium", "hard")


@dataclass(frozen=True)
class Negative:
    """A picture without a human face. category: pets, scene15 (rooms, streets, landscapes), ..."""

    path: Path
    category: str


def wider(data: Path) -> dict[Path, Vector]:
    """Each picture's boxes: x, y, width, height in pixels, then a flag for each level."""
    boxes: dict[Path, list[list[float]]] = {}
    for row in _rows(data / "wider" / "boxes.csv"):
        values = [float(row[key]) for key in ("x", "y", "w", "h", *LEVELS)]
        boxes.setdefault(data / "wider" / row["image"], []).append(values)
    return {path: np.array(rows, np.float32) for path, rows in boxes.items()}


def negatives(data: Path) -> list[Negative]:
    """In the order of their index."""
    folder = data / "negatives"
    return [
        Negative(folder / row["filename"], row["category"].split("_")[0])
        for row in _rows(folder / "index.csv")
    ]


def cfp(data: Path) -> dict[str, list[Path]]:
    """Tight crops of one face each, frontal and profile; empty when the set is not there."""
    index = data / "cfp" / "index.csv"
    views: dict[str, list[Path]] = {}
    for row in _rows(index) if index.exists() else []:
        views.setdefault(row["view"], []).append(index.parent / row["filename"])
    return views


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as stream:
        return list(csv.DictReader(stream))
