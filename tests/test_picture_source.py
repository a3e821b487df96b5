"""Pictures under a memory budget: promised first, given back always, as fine as somebody needs."""

from __future__ import annotations

import pytest

from edge.budget import MemoryBudget
from edge.clock import SystemClock
from edge.errors import BadImage, ImageTooLarge, Overloaded, UnsupportedImage
from edge.picture import Source, cost, inspect
from tests.tricky import bomb, portrait, saved

MIB = 1024 * 1024
PHONE = saved(portrait().resize((1600, 1200)), "JPEG", quality=85)
PROGRESSIVE = saved(portrait().resize((1600, 1200)), "JPEG", quality=85, progressive=True)


def budget(total: int = 128 * MIB, per_request: int = 96 * MIB) -> MemoryBudget:
    """Like the device's own."""
    return MemoryBudget(total, per_request, SystemClock())


def test_a_picture_holds_what_it_keeps_until_the_source_closes() -> None:
    memory = budget()
    with Source(PHONE, memory, 0) as source:
        assert memory.pictures.used == 0
        picture = source.picture(800)
        assert (source.width, source.height, picture.scale) == (1600, 1200, 1 / 2)
        assert memory.pictures.used == cost(inspect(PHONE), 2).kept == 800 * 600 * 4
    assert memory.pictures.used == 0
    with pytest.raises(ValueError, match="closed"):
        picture.letterbox(64)


def test_the_peak_is_promised_before_unpacking() -> None:
    memory = budget()
    peak = cost(inspect(PROGRESSIVE), 1).peak
    with memory.reserve(memory.pictures.size - peak + 1, 0), Source(PROGRESSIVE, memory, 0) as source:
        with pytest.raises(Overloaded):
            source.picture()
        assert source.picture(400).scale == 1 / 4
    with memory.reserve(memory.pictures.size - peak, 0), Source(PROGRESSIVE, memory, 0) as source:
        assert source.picture().scale == 1


def test_finer_is_unpacked_again_and_coarser_is_not() -> None:
    memory = budget()
    with Source(PHONE, memory, 0) as source:
        coarse = source.picture(400)
        assert source.picture(300) is coarse
        fine = source.picture(1601)
        assert (coarse.scale, fine.scale) == (1 / 4, 1)
        assert source.picture(400) is fine
        with pytest.raises(ValueError, match="closed"):
            coarse.letterbox(64)
        assert fine.letterbox(64)[0].shape == (64, 64, 3)
        assert memory.pictures.used == 1600 * 1200 * 4


def test_finer_gives_the_old_memory_back_before_it_asks_for_more() -> None:
    peak = cost(inspect(PHONE), 1).peak
    memory = budget(-(-peak * 4 // 3) + 4, peak)
    with Source(PHONE, memory, 0) as source:
        source.picture(800)
        assert source.picture().scale == 1


def test_finer_than_the_budget_allows_is_as_fine_as_it_allows() -> None:
    memory = budget(40 * MIB, cost(inspect(PROGRESSIVE), 2).peak)
    with Source(PROGRESSIVE, memory, 0) as source:
        assert source.picture(400).scale == 1 / 4
        assert source.picture().scale == 1 / 2
    with Source(PROGRESSIVE, memory, 0) as source, pytest.raises(ImageTooLarge, match="1600x1200 px JPEG"):
        source.picture()


def test_what_fails_holds_nothing() -> None:
    memory = budget()
    with Source(PHONE[: len(PHONE) // 2], memory, 0) as source, pytest.raises(BadImage):
        source.picture(800)
    assert memory.pictures.used == 0
    with Source(bomb(50_000), memory, 0) as source, pytest.raises(ImageTooLarge, match="50000x50000"):
        source.picture(960)
    assert memory.pictures.used == 0
    with pytest.raises(UnsupportedImage):
        Source(b"GIF89a", memory, 0)


def test_an_error_in_the_block_gives_the_memory_back() -> None:
    memory = budget()
    with pytest.raises(KeyError), Source(PHONE, memory, 0) as source:
        source.picture()
        raise KeyError
    assert memory.pictures.used == 0
