"""Engines side by side: the same answers, and the bytes of the models there only once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from edge.clock import SystemClock
from edge.engine import PROPOSER, Engine, EnginePool
from edge.errors import Overloaded
from edge.face import Box
from edge.interpreter import Model
from edge.picture import decode
from tests import photographs


def _boxes(engine: Engine) -> list[Box]:
    picture = decode(photographs.obama().read_bytes(), long_side=960)
    return [face.box for face in engine.detector.detect(picture, 0.5)]


def test_another_engine_finds_the_same_at_the_same_time() -> None:
    first = Engine.load(1)
    alone = _boxes(first)
    assert len(alone) == 1
    engines = [first, first.another(), first.another()]
    with ThreadPoolExecutor(len(engines)) as threads:
        assert list(threads.map(_boxes, engines * 2)) == [alone] * 6


def test_a_model_refuses_pixels_of_another_shape() -> None:
    """NumPy would spread one row over the whole input."""
    model = Model(PROPOSER)
    with pytest.raises(ValueError, match=r"\(1024, 1024, 3\), not \(1, 1024, 3\)"):
        model.run(np.zeros((1, 1024, 3), np.uint8))


def test_the_pool_makes_no_more_engines_than_workers() -> None:
    pool = EnginePool(2, 1)
    clock = SystemClock()
    with pool.engine(0) as one, pool.engine(0) as other:
        assert one is not other
        began = clock.steady()
        with pytest.raises(Overloaded), pool.engine(0.05):
            pass
        assert clock.steady() - began >= 0.05
    with pool.engine(0) as again:
        assert again in (one, other)
