"""The people in memory: one template per person, one matrix.

A template is the normalised mean of a person's references. On the dlib network it beat the best
single reference, the two best and mixtures of these (docs/matching.md).
"""

from __future__ import annotations

import sys
import threading
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from edge.face import Vector

_Number = TypeVar("_Number", bound=np.generic)


@dataclass(frozen=True, slots=True)
class Candidate:
    """A person (row in the store), the similarity (cosine, -1..1), and the references behind it."""

    person_row: int
    score: float
    references: int


def unit(vector: Vector) -> Vector:
    """The vector scaled to length 1 (a zero vector stays zero); float32, along the last axis."""
    length = np.linalg.norm(vector, axis=-1, keepdims=True)
    scaled: Vector = (vector / np.maximum(length, 1e-12)).astype(np.float32)
    return scaled


class Gallery:
    """Templates of everybody, searched whole. Thread-safe: one lock, so that no search reads half a row.

    Memory: 4 bytes x dimensions + 16 per person and an eighth in reserve, and about 100 bytes per person for
    finding the slot.
    """

    def __init__(self, dimensions: int) -> None:
        self.revision = 0
        self._lock = threading.Lock()
        self._count = 0
        self._matrix: Vector = np.empty((0, dimensions), np.float32)
        self._slots: dict[int, int] = {}
        self._rows: NDArray[np.int64] = np.empty(0, np.int64)
        self._references: NDArray[np.int64] = np.empty(0, np.int64)

    def __len__(self) -> int:
        return self._count

    @property
    def memory(self) -> int:
        """Bytes that the arrays take, the reserve included, and the way from a person to the slot."""
        with self._lock:
            arrays = sum(array.nbytes for array in (self._matrix, self._rows, self._references))
            return arrays + sys.getsizeof(self._slots) + 2 * sys.getsizeof(1 << 20) * self._count

    def update(self, person_row: int, vectors: Vector) -> None:
        """Put a person's references (n x dimensions) in place of the old ones; none removes the person."""
        with self._lock:
            if len(vectors) == 0:
                self._remove(person_row)
                return
            slot = self._slots.get(person_row)
            if slot is None:
                slot = self._append(person_row)
            self._matrix[slot] = unit(unit(vectors).mean(axis=0))
            self._references[slot] = len(vectors)

    def nearest(self, vector: Vector, count: int = 2) -> list[Candidate]:
        """The `count` most similar people, best first (fewer when there are fewer)."""
        with self._lock:
            scores = self._matrix[: self._count] @ vector
            found = []
            for _ in range(min(count, self._count)):
                best = int(np.argmax(scores))
                found.append(
                    Candidate(int(self._rows[best]), float(scores[best]), int(self._references[best]))
                )
                scores[best] = -2.0
            return found

    def _append(self, person_row: int) -> int:
        if self._count == len(self._rows):
            self._grow()
        slot = self._count
        self._rows[slot] = person_row
        self._slots[person_row] = slot
        self._count += 1
        return slot

    def _remove(self, person_row: int) -> None:
        """The last one moves into the gap: nothing needs an order, and nothing long is shifted."""
        slot = self._slots.pop(person_row, None)
        if slot is None:
            return
        self._count -= 1
        if slot != self._count:
            for array in (self._matrix, self._rows, self._references):
                array[slot] = array[self._count]
            self._slots[int(self._rows[slot])] = slot

    def _grow(self) -> None:
        capacity = self._count + max(64, self._count // 8)
        self._matrix = _enlarged(self._matrix, capacity)
        self._rows = _enlarged(self._rows, capacity)
        self._references = _enlarged(self._references, capacity)


def _enlarged(array: NDArray[_Number], capacity: int) -> NDArray[_Number]:
    larger = np.empty((capacity, *array.shape[1:]), array.dtype)
    larger[: len(array)] = array
    return larger
