"""A peer: a process that is shown photographs and answers in JSON lines (scripts/peers/answering.py)."""

from __future__ import annotations

import contextlib
import json
import os
import select
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, Any, cast

from edge.errors import EdgeError
from edge.face import Box

START_S = 120.0
"""Patience for the first line: libraries and networks are loaded, a model may have to be fetched."""

ANSWER_S = 120.0
"""Patience for one photograph."""

_ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")


class PeerLost(EdgeError):
    """A peer did not start, ended, or answered what cannot be understood."""


@dataclass(frozen=True, slots=True)
class Hello:
    """Who answers. metric: "cosine", "distance" or None (no vectors); threshold: the peer's own, or None."""

    versions: str
    metric: str | None
    threshold: float | None


@dataclass(frozen=True, slots=True)
class Answer:
    """One photograph as the peer saw it: size in pixels, boxes in pixels with a vector each (or None),
    seconds to the boxes, seconds and CPU seconds in all, the peer's memory so far at its highest, bytes.
    """

    width: float
    height: float
    boxes: tuple[Box, ...]
    vectors: tuple[tuple[float, ...] | None, ...]
    detect_s: float
    wall_s: float
    cpu_s: float
    peak_bytes: int
    refused: str | None


class Child:
    """A peer's process; a context manager that ends it. Raises PeerLost."""

    def __init__(self, command: Sequence[str], python_path: Sequence[Path], log: Path) -> None:
        """Start it. log: takes its standard error."""
        environment = {**os.environ, **_ONE_THREAD, "PYTHONNOUSERSITE": "1"}
        environment["PYTHONPATH"] = os.pathsep.join(map(str, python_path))
        self._log = log
        self._buffer = b""
        with log.open("wb") as errors:
            try:
                self._process = subprocess.Popen(
                    command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, env=environment
                )
            except OSError as error:
                raise PeerLost(f"{command[0]}: {error.strerror}") from error
        # Popen's type says that pipes may be None; with PIPE they are not.
        self._questions = cast(IO[bytes], self._process.stdin)
        self._answers = cast(IO[bytes], self._process.stdout)

    def __enter__(self) -> Child:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.kill()
        for pipe in (self._questions, self._answers):
            with contextlib.suppress(BrokenPipeError):
                pipe.close()
        self._process.wait()

    def hello(self) -> Hello:
        """The first line."""
        line = self._line(START_S)
        with _understanding(line):
            said = json.loads(line)
            threshold = said["threshold"]
            metric = said["metric"]
            if metric not in {"cosine", "distance", None}:
                raise ValueError(f"metric {metric}")
            return Hello(str(said["versions"]), metric, None if threshold is None else float(threshold))

    def ask(self, path: Path) -> Answer:
        """What it sees in a photograph."""
        try:
            self._questions.write(json.dumps({"path": str(path)}).encode() + b"\n")
            self._questions.flush()
        except BrokenPipeError:
            raise self._ended() from None
        line = self._line(ANSWER_S)
        with _understanding(line):
            return _answer(json.loads(line))

    def _line(self, patience_s: float) -> bytes:
        end = time.monotonic() + patience_s
        while b"\n" not in self._buffer:
            ready, _, _ = select.select([self._answers], [], [], max(0.0, end - time.monotonic()))
            if not ready:
                raise PeerLost(f"no answer within {patience_s:g} s")
            more = os.read(self._answers.fileno(), 1 << 16)
            if not more:
                raise self._ended()
            self._buffer += more
        line, _, self._buffer = self._buffer.partition(b"\n")
        return line

    def _ended(self) -> PeerLost:
        """With the last thing it said."""
        code = self._process.wait()
        return PeerLost(
            f"ended with exit code {code}: {last_line(self._log.read_bytes()) or 'without a word'}"
        )


def last_line(text: bytes) -> str:
    """The last line that is not blank, shortened; "" for none."""
    lines = text.decode("utf-8", "replace").split("\n")
    return next((line.strip()[:200] for line in reversed(lines) if line.strip()), "")


@contextlib.contextmanager
def _understanding(line: bytes) -> Iterator[None]:
    """Whatever is wrong with a line, the line is told."""
    try:
        yield
    except (KeyError, TypeError, ValueError) as error:
        raise PeerLost(f"answered what cannot be understood: {last_line(line)}") from error


def _answer(said: Mapping[str, Any]) -> Answer:
    boxes = tuple(Box(*map(float, box)) for box in said["boxes"])
    vectors = tuple(None if vector is None else tuple(map(float, vector)) for vector in said["vectors"])
    if len(boxes) != len(vectors):
        raise ValueError("a box without its vector")
    refused = said.get("refused")
    return Answer(
        float(said["width"]),
        float(said["height"]),
        boxes,
        vectors,
        float(said["detect_s"]),
        float(said["wall_s"]),
        float(said["cpu_s"]),
        int(said["peak_bytes"]),
        None if refused is None else str(refused),
    )
