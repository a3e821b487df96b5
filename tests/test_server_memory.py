"""When the server gives memory back: to the system, and that of a request that was refused."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Iterator

import pytest

from edge.errors import EdgeError
from edge.server import memory
from tests.serving import Served


class Work:
    """Requests answered and in hand, and how often memory was given back."""

    def __init__(self) -> None:
        self.answered = 0
        self.busy = False
        self.given = 0

    def give(self) -> None:
        self.given += 1


async def _watch(work: Work) -> list[int]:
    """How often it had been given: before any request, during one, after it, and later still."""
    watching = asyncio.create_task(memory.give_back_when_idle(lambda: work.answered, lambda: work.busy))
    given = []
    for answered, busy in ((0, False), (1, True), (1, False), (1, False)):
        work.answered, work.busy = answered, busy
        await asyncio.sleep(0.2)
        given.append(work.given)
    watching.cancel()
    return given


def test_once_after_work_and_not_during_it(monkeypatch: pytest.MonkeyPatch) -> None:
    work = Work()
    monkeypatch.setattr(memory, "EVERY_S", 0.005)
    monkeypatch.setattr(memory, "give_back", work.give)
    assert asyncio.run(_watch(work)) == [0, 0, 1, 1]


def test_giving_back_does_no_harm_whatever_the_c_library() -> None:
    memory.give_back()


@pytest.fixture
def without_collector() -> Iterator[None]:
    """Only what nobody refers to any more is freed."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


@pytest.mark.usefixtures("without_collector")
@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("/v1.0/detect", b"{" + b" " * 500_000, 400),
        ("/v1.0/detect", b'{"key": "%s!"}' % (b"A" * 500_000), 400),
        ("/v1.0/train", b'{"key": "%s"}' % (b"A" * 1_000_004), 413),
        ("/v1.0/nowhere", b"{}", 404),
    ],
    ids=["no JSON", "no base 64", "too long", "no such path"],
)
def test_a_refused_request_leaves_nothing_to_the_garbage_collector(
    alone: Served, path: str, body: bytes, status: int
) -> None:
    """An error that stays holds its traceback, and so the body whose memory is promised to others by then."""
    before = _errors()
    assert [alone.request("POST", path, body).status for _ in range(3)] == [status] * 3
    assert _errors() == before


def _errors() -> int:
    return sum(isinstance(thing, EdgeError) for thing in gc.get_objects())
