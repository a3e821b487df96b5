"""Seeing without remembering: refusals come before an engine, and engines are never lost."""

from __future__ import annotations

import io
from typing import cast

import numpy as np
import pytest
from PIL import Image

from edge.budget import MemoryBudget
from edge.clock import SystemClock
from edge.engine import Engine, EnginePool
from edge.errors import MultipleFaces, Overloaded, UnsupportedImage, WrongSize
from edge.face import Face, Landmarks
from edge.picture import decode
from edge.settings import Settings, load_settings
from edge.vision import INDEX_SIZE, Vision
from tests.photographs import obama, two_people

MIB = 1 << 20


@pytest.fixture(scope="module")
def pool() -> EnginePool:
    return EnginePool(1, 1)


def vision(pool: EnginePool, **overrides: object) -> Vision:
    settings: Settings = load_settings(None, **overrides)
    return Vision(pool, MemoryBudget(256 * MIB, 96 * MIB, SystemClock()), settings)


def saved(width: int, height: int, kind: str) -> bytes:
    stream = io.BytesIO()
    Image.new("RGB", (width, height)).save(stream, kind)
    return stream.getvalue()


def test_what_the_header_refuses_waits_for_no_engine(pool: EnginePool) -> None:
    busy = vision(pool, queue_seconds=0.0)
    with pool.engine(0):
        with pytest.raises(UnsupportedImage):
            busy.detect(saved(8, 8, "GIF"))
        with pytest.raises(WrongSize, match="65x64"):
            busy.crop_portrait(saved(65, 64, "PNG"), INDEX_SIZE)
        with pytest.raises(Overloaded):
            busy.detect(obama().read_bytes())


def test_faces_that_will_not_do_are_refused_before_they_are_embedded(pool: EnginePool) -> None:
    def check(faces: tuple[Face, ...]) -> None:
        raise MultipleFaces(f"{len(faces)} faces")

    with pytest.raises(MultipleFaces, match="2 faces"):
        vision(pool).portraits(two_people().read_bytes(), check)


def test_the_kept_crop_embeds_to_the_same_person(pool: EnginePool) -> None:
    seeing = vision(pool)
    data = obama().read_bytes()
    _, portraits = seeing.portraits(data)
    kept = seeing.kept_crop(data, portraits[0])
    stream = io.BytesIO()
    Image.fromarray(kept.pixels).save(stream, "JPEG", quality=92)
    with pool.engine(1.0) as engine:
        again = engine.embedder.embed(decode(stream.getvalue()), Landmarks(kept.landmarks, 1.0))
    assert float(again.vector @ portraits[0].embedding.vector) > 0.99
    assert ((kept.landmarks > 0) & (kept.landmarks < kept.pixels.shape[0])).all()


def test_an_engine_that_could_not_be_made_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    pool = EnginePool(2, 1)
    made = Engine.another

    def no_memory(engine: Engine) -> Engine:
        monkeypatch.setattr(Engine, "another", made)
        raise MemoryError

    monkeypatch.setattr(Engine, "another", no_memory)
    with pool.engine(0) as one:
        with pytest.raises(MemoryError), pool.engine(0):
            pass
        with pool.engine(0) as two:
            assert cast(object, one) is not two


def test_vision_keeps_no_memory_when_it_is_done(pool: EnginePool) -> None:
    memory = MemoryBudget(256 * MIB, 96 * MIB, SystemClock())
    seeing = Vision(pool, memory, load_settings(None))
    found = seeing.detect(obama().read_bytes())
    assert len(found.faces) == 1
    assert np.all([memory.pictures.used == 0, memory.bodies.used == 0])
