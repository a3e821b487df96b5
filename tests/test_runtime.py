"""The TFLite runtime that is installed, and what it makes of the committed models."""

from __future__ import annotations

import pytest

from edge.engine import EMBEDDER, LANDMARK_NET, PROPOSER
from edge.interpreter import Model, runtime


@pytest.mark.parametrize("name", [PROPOSER, LANDMARK_NET, EMBEDDER])
def test_the_models_run_in_xnnpack(name: str) -> None:
    """Its delegate shows up as one node, which stands for nearly all of the others.

    LiteRT alone does that for int8 networks; tflite-runtime is tried by tests.same_people.
    """
    assert runtime().name == "ai-edge-litert"
    assert Model(name).operators().count("DELEGATE") == 1
