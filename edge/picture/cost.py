"""How much memory unpacking takes, from the header alone.

Checked against measured peaks by scripts/measure-decode-memory. Pillow keeps gray and palette pixels in
1 byte, all others in 4.
"""

from __future__ import annotations

from dataclasses import dataclass

from edge.picture.header import Header

_STEADY = 512 * 1024
"""What any unpacking takes: the decoder itself and its tables."""

BAND_ROWS = 64
"""Rows converted at once, before reduction."""


@dataclass(frozen=True, slots=True)
class Cost:
    """Bytes: at the worst moment of unpacking, and what the picture keeps afterwards."""

    peak: int
    kept: int


def whole(header: Header) -> bool:
    """Whether the pixels are kept just as they are unpacked: nothing to convert, nothing to reduce.

    A PNG is always unpacked at full size; reducing it afterwards would free memory, but a face that
    needs more would cost the whole unpacking again.
    """
    if header.format == "JPEG":
        return header.channels != 4
    return 1 < header.bits <= 8 and not header.palette and not header.transparent


def reduction(header: Header, long_side: int | None) -> int:
    """By how much the picture may be reduced so that its long side stays at least long_side pixels."""
    if long_side is None:
        return 1
    short, long = sorted((header.width, header.height))
    possible = max(1, min(long // max(1, long_side), short))
    if header.format == "JPEG":
        return max(factor for factor in (1, 2, 4, 8) if factor <= possible)
    return 1 if whole(header) else possible


def cost(header: Header, factor: int) -> Cost:
    """The memory of unpacking at 1/factor of the size."""
    width, height = -(-header.width // factor), -(-header.height // factor)
    kept = width * height * (1 if header.channels <= 2 and not header.palette else 4)
    packed = sum(len(part) for part in header.parts)
    unpacking = packed + _unpacked(header, factor)
    converting = 0 if whole(header) else _unpacked(header, factor) + kept + _band(header)
    return Cost(_STEADY + max(unpacking, converting), kept)


def _unpacked(header: Header, factor: int) -> int:
    """The pixels in the decoder's own form, and what it needs to make them."""
    if header.format == "PNG":
        # Gray of 16 bits is 4 bytes in older Pillow, 2 in newer.
        sample = 1 if header.palette or (header.channels == 1 and header.bits <= 8) else 4
        rows = header.width * header.channels * max(1, header.bits // 8) * 4
        return header.width * header.height * sample + rows
    width, height = -(-header.width // factor), -(-header.height // factor)
    coefficients = header.blocks * 64 * 2 if header.buffered else 0
    pixels = width * height * (1 if header.channels == 1 else 4)
    rows = header.width * header.channels * 64
    # Without an end marker the picture is unpacked twice, and compared.
    again = 0 if header.ended else pixels + _band(header)
    return pixels + again + coefficients + rows


def _band(header: Header) -> int:
    """The copies of a few rows that a conversion or a comparison makes."""
    return header.width * 4 * BAND_ROWS * (7 if header.transparent else 4)
