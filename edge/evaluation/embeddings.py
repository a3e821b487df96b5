"""Many photographs: their embeddings, read in several processes and kept in a cache file."""

from __future__ import annotations

import functools
import multiprocessing
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np

from edge.errors import EdgeError, PictureError
from edge.evaluation.kept import keep, kept
from edge.evaluation.photographs import VARIANTS, How, Reader
from edge.face import Vector

Progress = Callable[[int, int], None]
"""Called with how many are done, and of how many."""

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")


def _nobody(done: int, of: int) -> None:
    """Whom progress is told when nobody asked."""


@dataclass(frozen=True, slots=True)
class Embeddings:
    """vectors: photographs x variants x dimensions, in the order of names; NaN: no face.

    unreadable: names with the reason; their vectors are NaN, too.
    """

    names: tuple[str, ...]
    vectors: Vector
    unreadable: dict[str, str]

    def of(self, names: Sequence[str], variant: int = 0) -> Vector:
        """len(names) x dimensions."""
        rows = {name: row for row, name in enumerate(self.names)}
        picked: Vector = self.vectors[[rows[name] for name in names], variant]
        return picked

    def missing(self, names: Sequence[str], variant: int = 0) -> int:
        """How many of them have no embedding."""
        return int(np.isnan(self.of(names, variant)[:, 0]).sum()) if names else 0


def embed_all(
    folder: Path,
    names: Sequence[str],
    how: How,
    *,
    processes: int = 1,
    cache: Path | None = None,
    progress: Progress = _nobody,
) -> Embeddings:
    """The embeddings of photographs (paths below folder). What the cache file has is not read again;
    what is new is added to it, also when this is interrupted. Raises ModelError, WrongFile.
    """
    known = _Cache(cache, how)
    unreadable: dict[str, str] = {}
    wanted = [name for name in names if not known.has(name, folder / name)]
    try:
        results = _mapped(_embeddings, [(how, folder / name) for name in wanted], processes)
        for done, (name, result) in enumerate(zip(wanted, results, strict=True), 1):
            if isinstance(result, str):
                unreadable[name] = result
            else:
                known.add(name, folder / name, result)
            progress(done, len(wanted))
    finally:
        if wanted:
            known.save()
    return known.embeddings(names, unreadable)


def detect_all(
    folder: Path,
    names: Sequence[str],
    how: How,
    least: float,
    *,
    processes: int = 1,
    progress: Progress = _nobody,
) -> list[tuple[Vector, int] | str]:
    """For each picture what Reader.boxes finds, or why it could not be read. Raises ModelError."""
    found: list[tuple[Vector, int] | str] = []
    for result in _mapped(_boxes, [(how, folder / name, least) for name in names], processes):
        found.append(result)
        progress(len(found), len(names))
    return found


class _Cache:
    """Embeddings by name and size of the file, for one `How`; a file of another `How` counts as empty.

    Raises WrongFile: the file is something else.
    """

    def __init__(self, path: Path | None, how: How) -> None:
        self._path = path
        self._stamp = how.stamp if path is not None else ""
        self._rows = len(VARIANTS) if how.crops else 1
        self._kept: dict[str, tuple[int, Vector]] = {}
        found = kept(path, self._stamp)
        if found is not None:
            each = np.split(found["vectors"], np.cumsum(found["rows"])[:-1])
            sizes = zip(found["sizes"].tolist(), each, strict=True)
            self._kept = dict(zip(found["names"].tolist(), sizes, strict=True))

    def has(self, name: str, file: Path) -> bool:
        there = self._kept.get(name)
        return (
            there is not None
            and len(there[1]) >= self._rows
            and file.exists()
            and there[0] == file.stat().st_size
        )

    def add(self, name: str, file: Path, vectors: Vector) -> None:
        self._kept[name] = (file.stat().st_size, vectors)

    def save(self) -> None:
        if self._path is None or not self._kept:
            return
        rows = [len(vectors) for _, vectors in self._kept.values()]
        arrays = {
            "names": np.array(list(self._kept)),
            "sizes": np.array([size for size, _ in self._kept.values()], np.int64),
            "rows": np.array(rows, np.int64),
            "vectors": np.concatenate([vectors for _, vectors in self._kept.values()]),
        }
        keep(self._path, self._stamp, arrays)

    def embeddings(self, names: Sequence[str], unreadable: dict[str, str]) -> Embeddings:
        vectors = [self._kept[name][1][: self._rows] for name in names if name not in unreadable]
        shape = vectors[0].shape if vectors else (self._rows, 1)
        blank = np.full(shape, np.nan, np.float32)
        rows = [blank if name in unreadable else self._kept[name][1][: self._rows] for name in names]
        stacked = np.stack(rows) if rows else np.empty((0, *shape), np.float32)
        return Embeddings(tuple(names), stacked, unreadable)


# -- processes ------------------------------------------------------------------------------------


def _mapped(work: Callable[[_Item], _Result], items: Sequence[_Item], processes: int) -> Iterator[_Result]:
    """work(item) for each item, in order, in so many processes."""
    if processes == 1 or len(items) < 2:
        yield from map(work, items)
        return
    with multiprocessing.get_context("spawn").Pool(processes) as pool:
        yield from pool.imap(work, items, chunksize=4)


@functools.lru_cache(maxsize=1)
def _reader(how: How) -> Reader:
    """One in each process."""
    return Reader(how)


def _embeddings(item: tuple[How, Path]) -> Vector | str:
    how, path = item
    try:
        return _reader(how).embeddings(path)
    except (OSError, PictureError) as error:
        return _reason(error)


def _boxes(item: tuple[How, Path, float]) -> tuple[Vector, int] | str:
    how, path, least = item
    try:
        return _reader(how).boxes(path, least)
    except (OSError, PictureError) as error:
        return _reason(error)


def _reason(error: Exception) -> str:
    return error.message if isinstance(error, EdgeError) else str(error)
