"""What the process asks of the C library's allocator (glibc's; elsewhere nothing is asked).

Recognising a picture takes and frees some blocks of a few MiB. Given back each time, they come back as
fresh pages to be zeroed, a tenth of the time of a detection; never given back, they stay for good.
So they are kept while there is work, and given back when there is none.

All threads share one arena. malloc_trim cuts the free end off the main arena alone (glibc 2.36, malloc.c:
mtrim calls systrim for it and no other); at the end of a second one up to _KEPT free bytes would stay, more
of them with each bigger request.
"""

from __future__ import annotations

import asyncio
import ctypes
from collections.abc import Callable
from typing import Any

EVERY_S = 2.0
"""So often it is seen whether there is no work just now (seconds)."""

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD, _M_ARENA_MAX = -1, -3, -8  # malloc.h
_ARENAS = 1
_OWN_MAPPING = 6 << 20
"""From this size (bytes) a block is mapped on its own, and unmapped when freed: a photograph of 12 Mpx.
As glibc comes, it raises this to the size of the biggest block seen, up to 32 MiB."""
_KEPT = 16 << 20
"""Free bytes at the end of the arena that are kept while there is work."""


def prepare() -> None:
    """Before the first thread."""
    mallopt = _function("mallopt")
    if mallopt is not None:
        mallopt(_M_ARENA_MAX, _ARENAS)
        mallopt(_M_MMAP_THRESHOLD, _OWN_MAPPING)
        mallopt(_M_TRIM_THRESHOLD, _KEPT)


async def give_back_when_idle(answered: Callable[[], int], busy: Callable[[], bool]) -> None:
    """For ever. answered: requests so far. busy: whether one is in hand."""
    given_at = answered()
    while True:
        await asyncio.sleep(EVERY_S)
        if answered() != given_at and not busy():
            given_at = answered()
            await asyncio.to_thread(give_back)


def give_back() -> None:
    """Return all free memory to the system."""
    trim = _function("malloc_trim")
    if trim is not None:
        trim(ctypes.c_size_t(0))


def _function(name: str) -> Any:
    return getattr(ctypes.CDLL(None), name, None)
