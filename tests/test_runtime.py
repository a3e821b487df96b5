"""The TFLite runtime that is installed, and what it makes of the committed models."""

from __future__ import annotations

import re
import runpy
import sys
from pathlib import Path

import numpy as np
import pytest

from edge.engine import EMBEDDER, LANDMARK_NET, PROPOSER
from edge.interpreter import Model, runtime
from edge.picture import encode_jpeg

SELF_TEST = Path(__file__).resolve().parent.parent / "scripts" / "lib" / "time_models.py"


@pytest.mark.parametrize("name", [PROPOSER, LANDMARK_NET, EMBEDDER])
def test_the_models_run_in_xnnpack(name: str) -> None:
    """Its delegate shows up as one node, which stands for nearly all of the others.

    LiteRT alone does that for int8 networks; tflite-runtime is tried by tests.same_people.
    """
    assert runtime().name == "ai-edge-litert"
    assert Model(name).operators().count("DELEGATE") == 1


def test_the_installers_self_test(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It times the networks where they find a face, and fails where they find none."""
    monkeypatch.setattr(sys, "argv", [str(SELF_TEST), "0"])
    runpy.run_path(str(SELF_TEST), run_name="__main__")
    assert re.fullmatch(r"\d+\.\d ai-edge-litert \S+ XNNPACK\n", capsys.readouterr().out)
    grey = encode_jpeg(np.full((64, 256, 3), 127, np.uint8), 90)
    monkeypatch.setattr("edge.selftest.drawn_face", lambda: grey)
    with pytest.raises(SystemExit, match="found 0 faces"):
        runpy.run_path(str(SELF_TEST), run_name="__main__")
    assert not capsys.readouterr().out
