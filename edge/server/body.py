"""Receiving a JSON body: size first, then step by step memory and bytes, then the object."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from edge.budget import MemoryBudget, Reservation
from edge.errors import BodyTooLarge
from edge.server.intake import Intake
from edge.server.unpack import unpacked

MEMORY_FACTOR = 2
"""While a body is unpacked, it and what is made of it stand side by side."""

STEP_BYTES = 256 * 1024
"""Memory is reserved for so much of a body at a time: who declares much and sends nothing holds little."""

HURRY_BYTES = 2 * 1024 * 1024
"""Once a body has brought so much, each further step must come within STEP_SECONDS. Nobody who needs
longer could bring even this much within the 30 seconds that a whole body has."""

STEP_SECONDS = 5.0


@dataclass(slots=True)
class Body:
    """A received object, and the memory that is reserved for it and for what is made of it."""

    fields: dict[str, Any]
    memory: Reservation


@contextmanager
def received(environ: dict[str, Any], limit: int, budget: MemoryBudget, wait_s: float) -> Iterator[Body]:
    """The JSON object in the body of a request; its memory is given back at the end of the block.

    limit: bytes of the raw body. wait_s: for memory. Raises BodyTooLarge before anything is read if
    the length is declared; Overloaded, InvalidJson, ClientGone.
    """
    declared: int | None = None
    if "HTTP_TRANSFER_ENCODING" not in environ:
        declared = int(environ.get("CONTENT_LENGTH") or 0)
        if declared > limit:
            raise BodyTooLarge(f"the body has {declared} bytes; at most {limit} are taken here")
        budget.bodies.must_hold(MEMORY_FACTOR * declared)
    first = STEP_BYTES if declared is None else min(declared, STEP_BYTES)
    with budget.reserve_body(MEMORY_FACTOR * first, wait_s) as memory:
        raw = _read(environ["wsgi.input"], declared, limit, memory, wait_s)
        yield Body(unpacked(raw), memory)


def _read(intake: Intake, declared: int | None, limit: int, memory: Reservation, wait_s: float) -> bytearray:
    raw = bytearray()
    while declared is None or len(raw) < declared:
        step = STEP_BYTES if declared is None else min(declared - len(raw), STEP_BYTES)
        memory.grow(MEMORY_FACTOR * (len(raw) + step), wait_s)
        part = intake.read(step, STEP_SECONDS if len(raw) >= HURRY_BYTES else None)
        raw += part
        if len(raw) > limit:
            raise BodyTooLarge(f"the body has more than {limit} bytes, which is what is taken here")
        if len(part) < step:
            break
    return raw
