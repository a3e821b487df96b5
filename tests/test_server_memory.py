"""When the server gives memory back to the system."""

from __future__ import annotations

import asyncio

import pytest

from edge.server import memory


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
