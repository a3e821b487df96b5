"""Wrong photographs among a person's references: how often they are found, and who is accused wrongly."""

from __future__ import annotations

import numpy as np

from edge.calibration import calibration_of
from edge.outliers import OUTLIER_RATE, disagreeing
from measuring.looks import Photographs

DRAWS = 5


def report(seen: Photographs, model: str, lfw: tuple[str, ...]) -> None:
    """On LFW people with enough photographs; then profiles of CFP beside frontal references."""
    calibration = calibration_of(model)
    chance = np.random.default_rng(0)
    people = seen.by_person(seen.of(*lfw))
    names = list(people)
    print(
        f"\nA reference disagrees when more than {OUTLIER_RATE:.0%} of strangers are as near to the others."
    )
    print("\n| references, one of them somebody else's | sets | found | right ones accused with it |", end="")
    print(" people accused without a wrong one |\n|---|---|---|---|---|")
    for count in (2, 3, 4, 5):
        outcome = []
        for name in [name for name in names if len(people[name]) >= count] * DRAWS:
            own = chance.permutation(people[name])[:count]
            other = name
            while other == name:
                other = str(chance.choice(names))
            vectors = seen.vectors[own].copy()
            clean = disagreeing(vectors, calibration)
            vectors[-1] = seen.vectors[chance.choice(people[other])]
            found = [one.index for one in disagreeing(vectors, calibration)]
            right = [index for index in found if index != count - 1]
            outcome.append((count - 1 in found, bool(right), bool(clean)))
        rates = np.mean(outcome, axis=0)
        print(f"| {count} | {len(outcome)} | {rates[0]:.1%} | {rates[1]:.1%} | {rates[2]:.1%} |", flush=True)
    _report_profiles(seen, model)


def _report_profiles(seen: Photographs, model: str) -> None:
    calibration = calibration_of(model)
    chance = np.random.default_rng(0)
    frontal, profile = seen.by_person(seen.of("frontal")), seen.by_person(seen.of("profile"))
    accused = []
    for person in [name for name in profile if len(frontal.get(name, [])) >= 3] * DRAWS:
        own = [*chance.permutation(frontal[person])[:3], chance.choice(profile[person])]
        found = [one.index for one in disagreeing(seen.vectors[own], calibration)]
        accused.append((3 in found, any(index < 3 for index in found)))
    rates = np.mean(accused, axis=0)
    print(
        f"\nCFP, 3 frontal references and a true one in profile: it is accused in {rates[0]:.1%} of", end=" "
    )
    print(f"{len(accused)} sets, a frontal one in {rates[1]:.1%}.")
