"""When the server gives memory back: to the system, and that of a request that was refused."""

from __future__ import annotations

import asyncio
import ctypes
import gc
import subprocess
import sys
from collections.abc import Iterator

import pytest

from edge.errors import EdgeError
from edge.server import memory
from tests.serving import Served

# 12 MiB in blocks that are not mapped on their own, taken and freed by another thread.
OTHER_THREAD = """
import ctypes, resource, threading
from pathlib import Path
from edge.server import memory

libc = ctypes.CDLL(None)
libc.malloc.restype, libc.malloc.argtypes = ctypes.c_void_p, [ctypes.c_size_t]
libc.free.argtypes = [ctypes.c_void_p]

def resident():
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()

def work():
    blocks = [libc.malloc(65536) for _ in range(192)]
    for block in blocks:
        ctypes.memset(block, 1, 65536)
    for block in blocks:
        libc.free(block)

memory.prepare()
before = resident()
thread = threading.Thread(target=work)
thread.start()
thread.join()
kept = resident()
memory.give_back()
print(kept - before, resident() - before)
"""


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


@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "malloc_trim"), reason="glibc's allocator alone is asked")
def test_what_another_thread_freed_is_kept_for_more_work_and_then_given_back() -> None:
    command = [sys.executable, "-c", OTHER_THREAD]
    figures = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    kept, left = (int(figure) / 2**20 for figure in figures.split())
    assert kept > 11
    assert left < 1


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
