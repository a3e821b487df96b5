"""Receiving a JSON body: size first, then memory, then the bytes, then the object."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, NoReturn

from edge.budget import MemoryBudget, Reservation
from edge.errors import BodyTooLarge, InvalidJson
from edge.server.intake import Intake

MEMORY_FACTOR = 2
"""While a body is unpacked, it and what is made of it stand side by side."""

_CHUNK_BYTES = 256 * 1024
_BOM = b"\xef\xbb\xbf"


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
    chunked = "HTTP_TRANSFER_ENCODING" in environ
    length = _CHUNK_BYTES if chunked else int(environ.get("CONTENT_LENGTH") or 0)
    if length > limit and not chunked:
        raise BodyTooLarge(f"the body has {length} bytes; at most {limit} are taken here")
    intake: Intake = environ["wsgi.input"]
    with budget.reserve_body(MEMORY_FACTOR * length, wait_s) as memory:
        raw = _read_chunks(intake, limit, memory, wait_s) if chunked else intake.read(length)
        yield Body(_parsed(raw), memory)


def _read_chunks(intake: Intake, limit: int, memory: Reservation, wait_s: float) -> bytearray:
    raw = bytearray()
    while True:
        part = intake.read(_CHUNK_BYTES)
        raw += part
        if len(raw) > limit:
            raise BodyTooLarge(f"the body has more than {limit} bytes, which is what is taken here")
        if len(part) < _CHUNK_BYTES:
            return raw
        memory.grow(MEMORY_FACTOR * (len(raw) + _CHUNK_BYTES), wait_s)


def _parsed(raw: bytearray) -> dict[str, Any]:
    if raw.startswith(_BOM):
        del raw[: len(_BOM)]
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise InvalidJson(f"the body is not UTF-8: byte {error.start} is 0x{raw[error.start]:02x}") from None
    raw.clear()
    try:
        # Not strict: the published example has line breaks inside its string.
        value = json.loads(text, strict=False, parse_constant=_refuse_constant)
    except RecursionError:
        raise InvalidJson("the body is nested too deeply") from None
    except json.JSONDecodeError as error:
        raise InvalidJson(f"the body is not JSON: {error.msg} at character {error.pos}") from None
    except ValueError as error:  # NaN, or a number with thousands of digits
        raise InvalidJson(f"the body is not JSON: {error}") from None
    if not isinstance(value, dict):
        raise InvalidJson(f"the body is a JSON {_KINDS.get(type(value), 'null')}, not an object")
    return value


_KINDS = {list: "array", str: "string", bool: "boolean", int: "number", float: "number"}


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON number")
