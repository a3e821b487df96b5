"""What each measure predicts: misses at a fixed threshold by what was measured of the photographs."""

from __future__ import annotations

import itertools
from collections import Counter

import numpy as np

from edge.quality import MARKS, flaws, usefulness
from measuring.looks import MEASURES, Photographs

MOST_PAIRS = 6
"""Of one person, so that those with many photographs do not decide."""

REJECTED = (0.05, 0.1, 0.2)


def threshold(seen: Photographs, rate: float) -> float:
    """The score that this share of the pairs of different people in LFW exceeds."""
    chosen = seen.of("lfw 0", "lfw 1", "lfw 2")
    scores = seen.vectors[chosen] @ seen.vectors[chosen].T
    strangers = seen.people[chosen][:, None] != seen.people[chosen][None, :]
    return float(np.quantile(scores[np.triu(strangers, 1)], 1 - rate))


def pairs(seen: Photographs, indices: np.ndarray, most: int = MOST_PAIRS) -> np.ndarray:
    """n x 2 indices of two photographs of one person."""
    chance = np.random.default_rng(0)
    found = []
    for own in seen.by_person(indices).values():
        every = [(one, two) for place, one in enumerate(own) for two in own[place + 1 :]]
        found += [every[index] for index in chance.permutation(len(every))[:most]]
    return np.array(found)


def across(seen: Photographs, most: int = 15) -> np.ndarray:
    """n x 2: a profile and a frontal photograph of one person."""
    chance = np.random.default_rng(0)
    frontal = seen.by_person(seen.of("frontal"))
    found = []
    for person, own in seen.by_person(seen.of("profile")).items():
        every = [(one, two) for one in own for two in frontal.get(person, [])]
        found += [every[index] for index in chance.permutation(len(every))[:most]]
    return np.array(found)


def values(seen: Photographs, model: str) -> dict[str, np.ndarray]:
    """Higher is better, for each measure and for what is made of them."""
    found = {name: seen.column(name) for name in MEASURES}
    found["yaw"] = -found["yaw"]
    columns = zip(found["confidence"], found["mirror"], strict=True)
    found["usefulness"] = np.array([usefulness(float(c), float(m), model) for c, m in columns])
    return found


def report(seen: Photographs, model: str, lfw: tuple[str, ...]) -> None:
    """Tables of misses."""
    limit = threshold(seen, 1e-3)
    print(f"\nThreshold that 1 in 1,000 pairs of strangers exceed: {limit:.4f}.")
    kinds = {
        "LFW": pairs(seen, seen.of(*lfw)),
        "CFP, both frontal": pairs(seen, seen.of("frontal"), 10),
        "CFP, one in profile": across(seen),
    }
    print("\n| pairs | measure | misses, all | worst 10 % of the pairs | the other half |", end="")
    print(
        " rate of misses left when the worst 5 / 10 / 20 % of the photographs are refused |\n|---|---|---|---|---|---|"
    )
    for kind, two in kinds.items():
        missed = (seen.vectors[two[:, 0]] * seen.vectors[two[:, 1]]).sum(axis=1) < limit
        for name, value in values(seen, model).items():
            worse = np.minimum(value[two[:, 0]], value[two[:, 1]])
            sorted_ = missed[np.argsort(worse, kind="stable")]
            tenth, half = len(sorted_) // 10, len(sorted_) // 2
            left = [
                missed[worse > np.quantile(value[np.unique(two)], share)].mean() / missed.mean()
                for share in REJECTED
            ]
            print(
                f"| {kind} ({len(two)}) | {name} | {missed.mean():.1%} | {sorted_[:tenth].mean():.1%} | "
                f"{sorted_[half:].mean():.1%} | {' / '.join(f'{one:.0%}' for one in left)} |"
            )
    _by_range(seen, limit)


def _by_range(seen: Photographs, limit: float) -> None:
    """Misses of profiles against frontal photographs by the angle, and by the agreement with the mirror."""
    two = across(seen, 1000)
    missed = (seen.vectors[two[:, 0]] * seen.vectors[two[:, 1]]).sum(axis=1) < limit
    print("\n| CFP profile against frontal, by | range | photographs | misses |\n|---|---|---|---|")
    mirror = seen.column("mirror")[two[:, 0]]
    steps = {
        "yaw": [30, 40, 50, 60, 70, 91],
        "mirror": [-1, *np.quantile(mirror, (0.1, 0.3, 0.6, 0.9)), 1.01],
    }
    for name, edges in steps.items():
        value = seen.column(name)[two[:, 0]]
        for low, high in itertools.pairwise(edges):
            inside = (value >= low) & (value < high)
            if inside.any():
                count = len(np.unique(two[inside, 0]))
                print(f"| {name} | {low:.3g} to {high:.3g} | {count} | {missed[inside].mean():.0%} |")


def report_rates(seen: Photographs, model: str, lfw: tuple[str, ...]) -> None:
    """How many photographs get each warning."""
    print(f"\n| photographs | found | {' | '.join(MARKS)} | any |\n|---|---|{'---|' * (len(MARKS) + 1)}")
    for part, total in sorted(seen.total.items()):
        indices = seen.of(part)
        marks = [[flaw.code for flaw in flaws(seen.look(index), model)] for index in indices]
        counts = Counter(code for codes in marks for code in codes)
        shares = [f"{counts[code] / len(indices):.1%}" for code in MARKS]
        some = sum(bool(codes) for codes in marks) / len(indices)
        print(f"| {part} | {len(indices)} of {total} | {' | '.join(shares)} | {some:.1%} |")
    for name in ("sharpness", "yaw", "mirror"):
        chosen = seen.column(name)[seen.of(*lfw)]
        figures = " / ".join(f"{one:.3f}" for one in np.quantile(chosen, (0.01, 0.02, 0.5, 0.98, 0.99)))
        print(f"\n{name}, LFW, quantiles 1 / 2 / 50 / 98 / 99 %: {figures}")
