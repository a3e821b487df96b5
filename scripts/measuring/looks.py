"""Photographs -> what the service sees of the central face: vector, look, confidence."""

from __future__ import annotations

import csv
import multiprocessing
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from edge.budget import MemoryBudget
from edge.clock import SystemClock
from edge.engine import Engine
from edge.errors import EdgeError
from edge.evaluation.central import central
from edge.evaluation.kept import keep as keep_arrays
from edge.evaluation.kept import kept
from edge.evaluation.stamp import stamp
from edge.face import Look
from edge.picture import Source
from edge.portrait import Portrait, portrait_of

MEASURES = ("confidence", "side", "sharpness", "yaw", "mirror")
_engine: Engine | None = None


@dataclass(frozen=True)
class Photographs:
    """n photographs in which a face was found. parts: "lfw 0".."lfw 2", "frontal", "profile". vectors: n x d.
    measures: n x 5, the columns of MEASURES."""

    names: np.ndarray
    people: np.ndarray
    parts: np.ndarray
    vectors: np.ndarray
    measures: np.ndarray
    total: dict[str, int]

    def of(self, *parts: str) -> np.ndarray:
        """Indices of the photographs of these parts."""
        return np.flatnonzero(np.isin(self.parts, parts))

    def column(self, measure: str) -> np.ndarray:
        """One measure of all; yaw without its sign."""
        return np.abs(self.measures[:, MEASURES.index(measure)])

    def look(self, index: int) -> Look:
        """As the service keeps it."""
        return Look(*map(float, self.measures[index, 1:]))

    def by_person(self, indices: Iterable[int]) -> dict[str, list[int]]:
        """Indices by who is shown."""
        found: dict[str, list[int]] = {}
        for index in indices:
            found.setdefault(str(self.people[index]), []).append(int(index))
        return found


def start(embedder: str) -> None:
    """One engine a process."""
    global _engine
    _engine = Engine.load(1, embedder)


def portrait(data: bytes) -> Portrait | None:
    """The face nearest to the middle, large ones first; None where none is found."""
    assert _engine is not None
    with Source(data, MemoryBudget(2 << 30, 1 << 30, SystemClock()), 10.0) as source:
        face = central(_engine.detector.detect(source.picture(960), 0.2), source.width, source.height)
        if face is None:
            return None
        return portrait_of(_engine, source, face, face.landmarks)


def row(data: bytes) -> np.ndarray | None:
    """The measures, then the vector."""
    try:
        seen = portrait(data)
    except EdgeError as error:
        print(error, file=sys.stderr)
        return None
    if seen is None:
        return None
    look = seen.look
    measured = (seen.face.confidence, look.side, look.sharpness, look.yaw, look.mirror)
    return np.concatenate([np.array(measured, np.float32), seen.embedding.vector])


def _row_of(path: Path) -> np.ndarray | None:
    return row(path.read_bytes())


def rows(embedder: str, work: Callable, tasks: list, chunk: int = 8) -> Iterator[np.ndarray | None]:
    """work(task) for every task, in two processes."""
    with multiprocessing.Pool(2, start, (embedder,)) as pool:
        yield from pool.imap(work, tasks, chunksize=chunk)


def photographs(data: Path, embedder: str, folds: list[int], keep: Path | None) -> Photographs:
    """Those of lfw (the folds) and cfp. keep: a file that saves the next run the reading; one of other
    photographs, models or code is made anew."""
    listed = list(_listed(data, folds))
    sizes = [(name, (data / name).stat().st_size) for name, _, _ in listed]
    made_of = stamp([Path(__file__)], embedder, sizes)
    names, people, parts = (np.array(column) for column in zip(*listed, strict=True))
    if (before := kept(keep, made_of)) is not None:
        table = before["table"]
    else:
        table = np.stack(list(_padded(rows(embedder, _row_of, [data / name for name, _, _ in listed]))))
        if keep is not None:
            keep_arrays(keep, made_of, {"table": table})
    seen = ~np.isnan(table[:, 0])
    total = {str(part): int(np.sum(parts == part)) for part in np.unique(parts)}
    vectors = table[seen, len(MEASURES) :].astype(np.float32)
    return Photographs(names[seen], people[seen], parts[seen], vectors, table[seen, : len(MEASURES)], total)


def _padded(found: Iterator[np.ndarray | None]) -> Iterator[np.ndarray]:
    every = list(found)
    length = max(len(one) for one in every if one is not None)
    for one in every:
        yield np.full(length, np.nan, np.float32) if one is None else one


def _listed(data: Path, folds: list[int]) -> Iterator[tuple[str, str, str]]:
    """Name, person, part. A photograph of a pair that is labelled wrongly is left out."""
    with (data / "lfw" / "pairs.csv").open() as stream:
        pairs = list(csv.DictReader(stream))
    wrong = {pair[side] for pair in pairs for side in "ab" if pair["label_error"] == "1"}
    fold = {Path(pair[side]).parent.name: int(pair["fold"]) for pair in pairs for side in "ab"}
    names = {pair[side] for pair in pairs for side in "ab"}
    with (data / "lfw" / "ident.csv").open() as stream:
        names |= {line["filename"] for line in csv.DictReader(stream)}
    for name in sorted(names - wrong):
        person = Path(name).parent.name
        if fold.get(person) in folds:
            yield f"lfw/{name}", person, f"lfw {fold[person]}"
    with (data / "cfp" / "index.csv").open() as stream:
        for line in csv.DictReader(stream):
            yield f"cfp/{line['filename']}", f"cfp {line['identity']}", line["view"]
