"""The figures of all peers as columns of text."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge.commands.peers.album import Album
from edge.commands.peers.child import Answer
from edge.commands.peers.figures import (
    Comparison,
    Resampling,
    central,
    compare,
    judged,
    limit_at,
    own_limit,
)
from edge.commands.peers.roster import OURS
from edge.commands.peers.rounds import Result

COST_HEADS = (
    "PEER",
    "DETECTED",
    "PAIRS RIGHT",
    "TAR AT 1e-2",
    "TAR AT 1e-3",
    "TO BOXES",
    "TO VECTORS",
    "CPU",
    "MEMORY",
)
LIMIT_HEADS = (
    "PEER",
    "PAIRS LESS OURS",
    "TAR AT 1e-3 LESS OURS",
    "ITS OWN LIMIT",
    "SAME FOUND",
    "STRANGERS TAKEN",
)

_RATES = (1e-2, 1e-3)
_NONE = "-"
_LEFT_OUT = "NOT RUN"
_MIB = 1 << 20

Values = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Judged:
    """One peer's comparison, with its pairs (right: 1) and its genuine pairs (accepted at FAR 1e-3: 1)."""

    comparison: Comparison
    right: Values
    accepted: Values | None


class Report:
    """The tables of one run. Our own result must be whole."""

    def __init__(self, album: Album, results: Mapping[str, Result]) -> None:
        self._album = album
        self._results = results
        _, self._people = np.unique(album.people, return_inverse=True)
        self._resampling = Resampling(int(self._people.max()) + 1)
        self._judged = {name: self._judge(result) for name, result in results.items()}

    def costs(self) -> list[tuple[str, ...]]:
        """COST_HEADS: what is found, what it takes."""
        return [self._cost(name, result) for name, result in self._results.items()]

    def limits(self) -> list[tuple[str, ...]]:
        """LIMIT_HEADS: each peer that compares faces, beside ours and at the threshold it names itself."""
        return [self._limit(name, found) for name, found in self._judged.items() if found is not None]

    def notes(self) -> list[str]:
        """The versions of who ran, why the others did not, and what was refused."""
        lines = []
        for name, result in self._results.items():
            told = name.strip()
            if result.lost is not None:
                lines.append(f"{told}: {_LEFT_OUT}: {result.lost}")
                continue
            if result.hello is not None:
                lines.append(f"{told}: {result.hello.versions}")
            refused = [answer.refused for answer in result.answers if answer.refused is not None]
            if refused:
                lines.append(f"{told}: could not take {len(refused)} photographs: {refused[-1]}")
        return lines

    def _judge(self, result: Result) -> Judged | None:
        hello = result.hello
        if result.lost is not None or hello is None or hello.metric is None:
            return None
        found = compare(self._album, result.answers, hello.metric)
        if found is None:
            return None
        limit = limit_at(found.impostor, _RATES[1])
        accepted = None if limit is None else (found.genuine > limit).astype(np.float64)
        return Judged(found, judged(self._album, found.pairs).astype(np.float64), accepted)

    def _cost(self, name: str, result: Result) -> tuple[str, ...]:
        if result.lost is not None:
            return (name, _LEFT_OUT, *(_NONE for _ in COST_HEADS[2:]))
        answers, ours = result.answers, self._results[OURS].answers
        detected = sum(central(answer) is not None for answer in answers) / len(answers)
        embeds = result.hello is not None and result.hello.metric is not None

        def time(of: Callable[[Answer], float]) -> str:
            return beside([of(answer) for answer in answers], [of(answer) for answer in ours])

        return (
            name,
            f"{detected:.1%}",
            *self._accuracy(self._judged[name]),
            time(lambda answer: answer.detect_s),
            time(lambda answer: answer.wall_s) if embeds else _NONE,
            time(lambda answer: answer.cpu_s)
            if embeds
            else f"{1000 * statistics.median(answer.cpu_s for answer in answers):.1f} ms",
            f"{max(answer.peak_bytes for answer in answers) / _MIB:.0f} MiB",
        )

    def _accuracy(self, found: Judged | None) -> tuple[str, str, str]:
        if found is None:
            return _NONE, _NONE, _NONE
        limit = limit_at(found.comparison.impostor, _RATES[0])
        loose = _NONE if limit is None else f"{np.mean(found.comparison.genuine > limit):.1%}"
        right = self._share(found.right, *self._pair_people())
        people = found.comparison.genuine_people
        return right, loose, _NONE if found.accepted is None else self._share(found.accepted, people, people)

    def _limit(self, name: str, found: Judged) -> tuple[str, ...]:
        ours, people = self._judged[OURS], found.comparison.genuine_people
        pairs = rate = _NONE
        if ours is not None and name != OURS:
            pairs = self._difference(found.right - ours.right, *self._pair_people())
            if found.accepted is not None and ours.accepted is not None:
                rate = self._difference(found.accepted - ours.accepted, people, people)
        hello = self._results[name].hello
        limit = None if hello is None else own_limit(hello)
        if hello is None or limit is None:
            return name, pairs, rate, _NONE, _NONE, _NONE
        same, strangers = (
            float(np.mean(scores >= limit))
            for scores in (found.comparison.genuine, found.comparison.impostor)
        )
        return name, pairs, rate, f"{hello.metric} {hello.threshold:.3g}", f"{same:.1%}", f"{strangers:.3%}"

    def _pair_people(self) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        first = np.array([pair.first for pair in self._album.pairs])
        second = np.array([pair.second for pair in self._album.pairs])
        return self._people[first], self._people[second]

    def _share(self, values: Values, first: NDArray[np.intp], second: NDArray[np.intp]) -> str:
        low, high = self._resampling.interval(values, first, second)
        return f"{values.mean():.1%} ({100 * low:.1f}-{100 * high:.1f})"

    def _difference(self, values: Values, first: NDArray[np.intp], second: NDArray[np.intp]) -> str:
        low, high = self._resampling.interval(values, first, second)
        return f"{100 * values.mean():+.1f} ({100 * low:+.1f} to {100 * high:+.1f})"


def beside(theirs: Sequence[float], ours: Sequence[float]) -> str:
    """The median of seconds, in ms, and of the ratios photograph by photograph."""
    ratios = [their / max(our, 1e-9) for their, our in zip(theirs, ours, strict=True)]
    return f"{1000 * statistics.median(theirs):.1f} ms ({statistics.median(ratios):.1f} x)"
