"""Where the time of the camera loop goes."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass


@dataclass(slots=True)
class Step:
    """Calls, and the seconds they took: of the wall's clock, and of this thread's processor time."""

    calls: int = 0
    seconds: float = 0.0
    cpu: float = 0.0


class Steps:
    """Counts and times of one loop. Used by one thread; read by others for figures that may be a moment
    old."""

    def __init__(self) -> None:
        self.steps: dict[str, Step] = {}
        self.counts: Counter[str] = Counter()
        self.model_seconds = 0.0

    @contextmanager
    def of(self, name: str) -> Iterator[None]:
        """Time the block as part of that step."""
        step = self.steps.setdefault(name, Step())
        wall, cpu = time.perf_counter(), time.thread_time()
        try:
            yield
        finally:
            step.calls += 1
            step.seconds += time.perf_counter() - wall
            step.cpu += time.thread_time() - cpu
