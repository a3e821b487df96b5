"""The orientation in an EXIF block: how the stored rows and columns become the picture a person sees."""

from __future__ import annotations

import struct

_ORIENTATION = 0x0112
_FORMATS = {1: "B", 3: "H", 4: "I"}
"""TIFF field types that hold a whole number: byte, short, long."""


def orientation(tiff: bytes | memoryview) -> int:
    """1-8 from a TIFF block (EXIF without its "Exif" label); 1 when absent, damaged or out of range."""
    try:
        return _first_directory(tiff)
    except struct.error:
        return 1


def _first_directory(tiff: bytes | memoryview) -> int:
    order = {b"II": "<", b"MM": ">"}.get(bytes(tiff[:2]))
    if order is None:
        return 1
    (start,) = struct.unpack_from(f"{order}I", tiff, 4)
    (entries,) = struct.unpack_from(f"{order}H", tiff, start)
    for index in range(entries):
        entry = start + 2 + 12 * index
        tag, kind, count = struct.unpack_from(f"{order}HHI", tiff, entry)
        if tag == _ORIENTATION and count == 1 and kind in _FORMATS:
            (value,) = struct.unpack_from(order + _FORMATS[kind], tiff, entry + 8)
            return int(value) if 1 <= value <= 8 else 1
    return 1
