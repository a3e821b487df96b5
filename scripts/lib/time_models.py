"""How long the networks take for a picture with one face, with the TFLite runtime that is installed.

    python scripts/lib/time_models.py [SECONDS]

Prints one line: milliseconds, runtime, version, and whether XNNPACK runs all of them. It is also the self-test
of an installation: it reads every model, checks its hash, and the drawn face must be found before any is timed.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from edge.engine import EMBEDDER, LANDMARK_NET, PROPOSER
from edge.errors import EdgeError
from edge.interpreter import Model, runtime
from edge.selftest import SelfTest
from edge.settings import Settings
from edge.wiring import made_vision

TURNS = {PROPOSER: 1, LANDMARK_NET: 2, EMBEDDER: 2}
"""How often a picture with one face runs each: landmarks are looked at twice, a crop has a mirror image."""


def fastest(model: Model, seconds: float) -> float:
    """The fastest of at least three runs (seconds); the others were disturbed."""
    pixels = np.full(model.shape, 127, np.uint8)
    end, best = time.perf_counter() + seconds, float("inf")
    for turn in range(100_000):
        if turn >= 3 and time.perf_counter() > end:
            break
        began = time.perf_counter()
        model.run(pixels)
        best = min(best, time.perf_counter() - began)
    return best


def main() -> None:
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 1.0
    try:
        SelfTest(made_vision(Settings())[1]).run()
    except EdgeError as error:
        sys.exit(error.message)
    models = [Model(name) for name in TURNS]
    taken = sum(TURNS[model.name] * fastest(model, seconds / len(models)) for model in models)
    delegated = all("DELEGATE" in model.operators() for model in models)
    print(
        f"{taken * 1000:.1f} {runtime().name} {runtime().version} {'XNNPACK' if delegated else 'without-XNNPACK'}"
    )


if __name__ == "__main__":
    main()
