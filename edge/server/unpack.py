"""From the bytes of a body to its object, within twice the memory of the bytes.

What the JSON parser makes of a body may take many times its bytes: 16 MB of empty objects take 400 MB, and
one character beyond Latin-1 makes four bytes of each in its string. A picture's base 64 needs neither,
so both are refused by counting, before anything is made.
"""

from __future__ import annotations

import codecs
import json
import re
from typing import Any, NoReturn

from edge.errors import InvalidJson

MOST_PARTS = 4096
"""Commas, opening brackets and opening braces in a body (count), those inside of strings included."""

MOST_FOREIGN = 65_536
"""Bytes outside ASCII in a body (count)."""

MOST_WIDE = 262_144
"""Characters of all strings that hold one outside ASCII, escapes written out (count)."""

_LOOK_BACK = 1024
_BOM = b"\xef\xbb\xbf"
_ASCII = bytes(range(128))
_FOREIGN = re.compile(rb"[\x80-\xff]+")
_FOREIGN_ESCAPE = re.compile(rb"\\u(?!00[0-7])")
_STRING = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"?', re.DOTALL)


def unpacked(raw: bytearray) -> dict[str, Any]:
    """The object that `raw` holds; empties it. Raises InvalidJson."""
    if raw.startswith(_BOM):
        del raw[: len(_BOM)]
    if (foreign := _FOREIGN.search(raw)) is not None:
        _check_first(raw, foreign.start())
    _check_parts(raw)
    if foreign is not None:
        plain = _escaped(raw)
        raw.clear()
        raw = plain
    _check_strings(raw)
    text = raw.decode("ascii")
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


def _check_parts(raw: bytearray) -> None:
    parts = raw.count(b",") + raw.count(b"[") + raw.count(b"{")
    if parts > MOST_PARTS:
        raise InvalidJson(f"the body has {parts} commas, [ and {{; at most {MOST_PARTS} are taken")


def _check_first(raw: bytearray, at: int) -> None:
    """A picture that is sent as it is should hear that it is not UTF-8, before anything is counted."""
    try:
        codecs.getincrementaldecoder("utf-8")().decode(raw[at : at + 64])
    except UnicodeDecodeError as error:
        raise _not_utf8(raw, at + error.start) from None


def _escaped(raw: bytearray) -> bytearray:
    r"""All in ASCII, the rest as \uXXXX."""
    foreign = len(raw.translate(None, _ASCII))
    if foreign > MOST_FOREIGN:
        raise InvalidJson(f"the body has {foreign} bytes outside ASCII; at most {MOST_FOREIGN} are taken")
    plain, done = bytearray(), 0
    with memoryview(raw) as view:
        for run in _FOREIGN.finditer(raw):
            plain += view[done : run.start()]
            plain += _escape(run)
            done = run.end()
        plain += view[done:]
    return plain


def _escape(run: re.Match[bytes]) -> bytes:
    try:
        text = run[0].decode("utf-8")
    except UnicodeDecodeError as error:
        raise _not_utf8(run.string, run.start() + error.start) from None
    before = run.string[max(run.start() - _LOOK_BACK, 0) : run.start()]
    if (len(before) - len(before.rstrip(b"\\"))) % 2:  # the backslash would make \\u of it
        raise InvalidJson(f"the body is not JSON: Invalid \\escape at byte {run.start() - 1}")
    return json.dumps(text)[1:-1].encode("ascii")


def _not_utf8(raw: bytes | bytearray, at: int) -> InvalidJson:
    return InvalidJson(f"the body is not UTF-8: byte {at} is 0x{raw[at]:02x}")


def _check_strings(raw: bytearray) -> None:
    if b"\\u" not in raw or _FOREIGN_ESCAPE.search(raw) is None:
        return
    wide = 0
    for string in _STRING.finditer(raw):
        start, end = string.span()
        if _FOREIGN_ESCAPE.search(raw, start, end):
            wide += end - start - 2
    if wide > MOST_WIDE:
        raise InvalidJson(
            f"strings with characters outside ASCII have {wide} characters; at most {MOST_WIDE} are taken"
        )


_KINDS = {list: "array", str: "string", bool: "boolean", int: "number", float: "number"}


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON number")
