"""The segments of a JPEG before its pixels, and where its scans end."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from edge.errors import BadImage
from edge.picture.exif import orientation

_SOF = {0xC0, 0xC1, 0xC2, 0xC3, 0xC5, 0xC6, 0xC7, 0xC9, 0xCA, 0xCB, 0xCD, 0xCE, 0xCF}
"""Start-of-frame markers: size and components."""
_PROGRESSIVE = {0xC2, 0xCA}
_DECODABLE = {0xC0, 0xC1, 0xC2, 0xC9, 0xCA}
_TABLES = {0xC4, 0xCC, 0xDB, 0xDD}
"""Huffman and arithmetic tables, quantisation, restart interval."""
_ALONE = {0x01, *range(0xD0, 0xD8)}
"""Markers without a length."""
_SOS, _EOI, _APP0, _APP1, _APP14 = 0xDA, 0xD9, 0xE0, 0xE1, 0xEE

_MAX_SIDE = 65500
"""libjpeg's own limit, pixels."""
_MAX_SCANS = 100
"""Each scan goes over the whole picture again; encoders write about ten."""
_MAX_SEGMENTS = 2000
"""From the first scan on: scans and what stands between them."""
_BETWEEN_SCANS = re.compile(rb"\xff[\xc4\xcc\xd9\xda\xdb-\xdd\xe0-\xef\xfe]")
"""The end, and what may stand between scans: tables, scan headers, the number of lines, application
segments, comments; all but the end have a length. At any other marker the decoder goes on, or gives up."""


@dataclass(frozen=True, slots=True)
class JpegHeader:
    """See Header; sampling holds the horizontal and vertical factor of each component."""

    width: int
    height: int
    orientation: int
    sampling: tuple[tuple[int, int], ...]
    buffered: bool
    ended: bool
    parts: tuple[bytes | memoryview, ...]

    @property
    def blocks(self) -> int:
        """8x8 blocks of all components, filled up to whole MCUs as the decoder does."""
        across = max(h for h, _ in self.sampling)
        down = max(v for _, v in self.sampling)
        mcus = -(-self.width // (8 * across)) * -(-self.height // (8 * down))
        return mcus * sum(h * v for h, v in self.sampling)


def read_jpeg(data: bytes) -> JpegHeader:
    """Everything up to the first scan; BadImage when that cannot be decoded."""
    parts: list[bytes | memoryview] = [data[:2]]
    frame: tuple[int, bytes] | None = None
    turned: int | None = None
    for marker, start, end in _segments(data):
        body = data[start + 4 : end]
        if marker == _SOS:
            if frame is None:
                break
            return _finish(data, start, frame, turned or 1, parts)
        if marker in _SOF:
            if frame is not None:
                raise BadImage("the JPEG describes its size twice")
            frame = (marker, body)
        elif marker == _APP1 and turned is None and body[:6] == b"Exif\0\0":
            turned = orientation(body[6:])
        # JFIF and Adobe say how the colours are coded; no other application segment changes a pixel.
        label = (marker == _APP0 and body[:5] == b"JFIF\0") or (marker == _APP14 and body[:5] == b"Adobe")
        if marker in _SOF or marker in _TABLES or label:
            parts.append(data[start:end])
    raise BadImage("the JPEG ends before its pixels begin")


def _segments(data: bytes) -> Iterator[tuple[int, int, int]]:
    """Marker, first and after-last offset of each segment, up to the first scan."""
    at = 2
    while True:
        at = data.find(b"\xff", at)
        while 0 <= at < len(data) - 1 and data[at + 1] == 0xFF:
            at += 1
        if at < 0 or at + 4 > len(data):
            return
        marker = data[at + 1]
        if marker == 0 or marker in _ALONE:
            at += 2
            continue
        end = at + 2 + int.from_bytes(data[at + 2 : at + 4], "big")
        if marker in (_EOI, 0xD8) or end < at + 4 or end > len(data):
            return
        yield marker, at, end
        at = end


def _finish(
    data: bytes, scan: int, frame: tuple[int, bytes], turned: int, parts: list[bytes | memoryview]
) -> JpegHeader:
    width, height, sampling = _frame(*frame)
    last, ended = _end_of_scans(data, scan)
    several = data[scan + 4] < len(sampling)
    return JpegHeader(
        width=width,
        height=height,
        orientation=turned,
        sampling=sampling,
        buffered=frame[0] in _PROGRESSIVE or several,
        ended=ended,
        parts=(*parts, memoryview(data)[scan:last]),
    )


def _end_of_scans(data: bytes, scan: int) -> tuple[int, bool]:
    """Where the picture ends that has its first scan at `scan`, and whether an end marker stands there.

    In entropy-coded data a 0xFF byte is always followed by 0 or a restart marker; in a comment or table
    between scans anything may stand, so those are jumped over. What follows the end marker (a phone's
    depth map, its second picture, rubbish) is not part of the picture.
    """
    at, scans = scan, 0
    for _ in range(_MAX_SEGMENTS):
        found = _BETWEEN_SCANS.search(data, at)
        if found is None:
            return _without_half_a_marker(data), False
        start, marker = found.start(), data[found.start() + 1]
        if marker == _EOI:
            return start, True
        scans += marker == _SOS
        if scans > _MAX_SCANS:
            raise BadImage(f"the JPEG has more than {_MAX_SCANS} scans")
        at = start + 2 + max(int.from_bytes(data[start + 2 : start + 4], "big"), 2)
        if at > len(data):  # half of a segment would swallow what the decoder is given after it
            return start, False
    raise BadImage(f"the JPEG has more than {_MAX_SEGMENTS} segments among its scans")


def _without_half_a_marker(data: bytes) -> int:
    last = len(data)
    while data[last - 1] == 0xFF:
        last -= 1
    return last


def _frame(marker: int, body: bytes) -> tuple[int, int, tuple[tuple[int, int], ...]]:
    if marker not in _DECODABLE:
        raise BadImage("a lossless or hierarchical JPEG is not decoded")
    if len(body) < 6 or len(body) < 6 + 3 * body[5]:
        raise BadImage("the JPEG's frame header is cut short")
    bits, components = body[0], body[5]
    height, width = int.from_bytes(body[1:3], "big"), int.from_bytes(body[3:5], "big")
    if bits != 8:
        raise BadImage(f"a JPEG of {bits} bits a sample is not decoded")
    if components not in (1, 3, 4):
        raise BadImage(f"a JPEG of {components} components is not decoded")
    if not (0 < width <= _MAX_SIDE and 0 < height <= _MAX_SIDE):
        raise BadImage(f"the JPEG says it is {width}x{height} px")
    factors = [body[7 + 3 * index] for index in range(components)]
    sampling = tuple((factor >> 4, factor & 15) for factor in factors)
    if not all(1 <= h <= 4 and 1 <= v <= 4 for h, v in sampling):
        raise BadImage("the JPEG's sampling factors are out of range")
    return width, height, sampling
