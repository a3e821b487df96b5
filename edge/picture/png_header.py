"""The chunks of a PNG."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass

from edge.errors import BadImage
from edge.picture.exif import orientation

PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"

_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
"""Samples a pixel by colour type: gray, RGB, palette, gray and alpha, RGBA."""
_BITS = {0: (1, 2, 4, 8, 16), 2: (8, 16), 3: (1, 2, 4, 8), 4: (8, 16), 6: (8, 16)}
_PALETTE = 3
_MAX_SIDE = 2**31 - 1
_MAX_CHUNKS = 100_000
_END = b"\0\0\0\0IEND\xaeB`\x82"


@dataclass(frozen=True, slots=True)
class PngHeader:
    """See Header."""

    width: int
    height: int
    orientation: int
    channels: int
    bits: int
    palette: bool
    transparent: bool
    parts: tuple[bytes | memoryview, ...]


def read_png(data: bytes) -> PngHeader:
    """The header and the places of the pixels; BadImage when they cannot be decoded."""
    size: tuple[int, int, int, int] | None = None
    parts: list[bytes | memoryview] = [PNG_SIGNATURE]
    pixels: list[memoryview] = []
    turned, palette, transparent = 1, False, False
    for kind, body, whole in _chunks(data):
        if size is None:
            if kind != b"IHDR":
                raise BadImage("the PNG does not begin with its header")
            size = _size(body)
            parts.append(whole)
        elif kind == b"PLTE" and not palette and not pixels:
            palette = True
            parts.append(whole)
        elif kind == b"tRNS" and not transparent and not pixels and _taken(size):
            transparent = True
            parts.append(whole)
        elif kind == b"IDAT":
            pixels.append(body)
        elif kind == b"eXIf":
            turned = orientation(body)
    if size is None or not pixels:
        raise BadImage("the PNG ends before its pixels begin")
    width, height, bits, colour = size
    if colour == _PALETTE and not palette:
        raise BadImage("the PNG's colour table is missing")
    return PngHeader(
        width=width,
        height=height,
        orientation=turned,
        channels=_CHANNELS[colour],
        bits=bits,
        palette=colour == _PALETTE,
        transparent=transparent or colour in (4, 6),
        parts=(*parts, *_joined(pixels), _END),
    )


def _taken(size: tuple[int, int, int, int]) -> bool:
    """Whether transparent colours are: not where the decoder unpacks other values than the file names
    (of 16 bits the upper 8; 2 and 4 bits of gray stretched to 8). Such pixels show their own colour."""
    return size[2] in (1, 8) or size[3] == _PALETTE


def _chunks(data: bytes) -> Iterator[tuple[bytes, memoryview, memoryview]]:
    """Kind, body and whole of each chunk up to IEND; after the pixels a cut chunk is no harm."""
    view, at, seen = memoryview(data), len(PNG_SIGNATURE), b""
    for _ in range(_MAX_CHUNKS):
        kind = data[at + 4 : at + 8]
        end = at + 12 + int.from_bytes(data[at : at + 4], "big")
        if kind == b"IEND":
            return
        if end > len(data):
            if kind != b"IDAT" and seen == b"IDAT":
                return
            raise BadImage("the PNG is cut short")
        body = view[at + 8 : end - 4]
        if kind in (b"IHDR", b"PLTE", b"tRNS", b"IDAT"):
            if zlib.crc32(body, zlib.crc32(kind)) != int.from_bytes(data[end - 4 : end], "big"):
                raise BadImage(f"the PNG's {kind.decode()} chunk is damaged (its checksum is wrong)")
            seen = kind
        yield kind, body, view[at:end]
        at = end
    raise BadImage(f"the PNG has more than {_MAX_CHUNKS} chunks")


def _size(body: memoryview) -> tuple[int, int, int, int]:
    """Width, height, bits a sample and colour type."""
    if len(body) != 13:
        raise BadImage("the PNG's header has the wrong length")
    width, height = int.from_bytes(body[:4], "big"), int.from_bytes(body[4:8], "big")
    bits, colour, packing, filtering, interlace = body[8:13]
    if not (0 < width <= _MAX_SIDE and 0 < height <= _MAX_SIDE):
        raise BadImage(f"the PNG says it is {width}x{height} px")
    if bits not in _BITS.get(colour, ()):
        raise BadImage(f"a PNG of colour type {colour} and {bits} bits does not exist")
    if packing or filtering or interlace > 1:
        raise BadImage("the PNG uses an unknown compression, filter or interlace method")
    return width, height, bits, colour


def _joined(pixels: list[memoryview]) -> tuple[bytes | memoryview, ...]:
    """One IDAT chunk out of many."""
    checksum = zlib.crc32(b"IDAT")
    for piece in pixels:
        checksum = zlib.crc32(piece, checksum)
    length = sum(len(piece) for piece in pixels)
    return (length.to_bytes(4, "big") + b"IDAT", *pixels, checksum.to_bytes(4, "big"))
