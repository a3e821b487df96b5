"""Engines side by side: the same answers, and the bytes of the models there only once."""

from __future__ import annotations

import weakref
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from edge.clock import SystemClock
from edge.engine import PROPOSER, Engine, EnginePool
from edge.errors import ModelError, Overloaded
from edge.face import Box
from edge.interpreter import Model
from edge.picture import decode
from tests import photographs, twin


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


def test_the_pool_changes_the_embedder_of_engines_that_go_out_later(tmp_path: Path) -> None:
    pool = EnginePool(2, 1, twin.REAL, twin.make(tmp_path / "models"))
    with pool.engine(0) as one:
        pool.use(twin.TWIN)
        assert one.embedder.id == twin.REAL, "under a request it stays"
        with pool.engine(0) as other:
            assert other is not one
            assert other.embedder.id == pool.embedder.id == twin.TWIN
    gone = weakref.ref(one.embedder)
    assert one.embedder.id == twin.TWIN
    with pool.engine(0) as again, pool.engine(0) as both:
        assert {again, both} == {one, other}
        assert again.embedder is not both.embedder
    pool.use(twin.REAL)
    del again, both
    assert {one.embedder.id, other.embedder.id} == {twin.REAL}, "those that lay idle have changed at once"
    assert gone() is None, "and the old interpreters are freed"


def test_an_embedder_that_cannot_be_loaded_leaves_the_pool_as_it_was(tmp_path: Path) -> None:
    folder = twin.make(tmp_path / "models")
    (folder / f"{twin.TWIN}.tflite").write_bytes(b"damaged")
    pool = EnginePool(1, 1, twin.REAL, folder)
    with pytest.raises(ModelError, match="damaged"):
        pool.use(twin.TWIN)
    with pool.engine(0) as engine:
        assert engine.embedder.id == pool.embedder.id == twin.REAL
    assert not pool.busy
    with pool.engine(0):
        assert pool.busy
