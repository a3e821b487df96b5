"""Where a JPEG's scans end, whatever stands between them."""

from __future__ import annotations

import numpy as np
import pytest

from edge.errors import BadImage
from edge.face import Pixels
from edge.picture import inspect
from edge.picture.source import decode
from tests.tricky import in_several_scans, portrait, saved

SOS, EOI = b"\xff\xda", b"\xff\xd9"


def comment(text: bytes) -> bytes:
    """A COM segment."""
    return b"\xff\xfe" + (len(text) + 2).to_bytes(2, "big") + text


def with_before_last_scan(data: bytes, segments: bytes) -> bytes:
    """The file with something more between its scans."""
    scan = data.rindex(SOS)
    return data[:scan] + segments + data[scan:]


def pixels(data: bytes) -> Pixels:
    """What is seen."""
    picture = decode(data)
    try:
        return picture.crop(np.eye(2, 3), 300)
    finally:
        picture.close()


@pytest.mark.parametrize("text", [EOI, SOS * 200, b"\xff", EOI + SOS + b"\xff\xfe\xff\xff", b""])
def test_a_comment_between_scans_may_hold_anything(text: bytes) -> None:
    for plain in (saved(portrait(), "JPEG", progressive=True), in_several_scans(portrait())):
        commented = with_before_last_scan(plain, comment(text))
        header = inspect(commented)
        assert header.ended
        assert np.array_equal(pixels(commented), pixels(plain))


def test_restart_markers_and_fill_bytes_end_nothing() -> None:
    plain = saved(portrait(), "JPEG", progressive=True)
    restarted = saved(portrait(), "JPEG", progressive=True, restart_marker_rows=1)
    assert b"\xff\xd0" in restarted
    filled = with_before_last_scan(restarted, b"\xff\xff\xff")[:-2] + b"\xff\xff" + EOI
    assert inspect(filled).ended
    assert np.array_equal(pixels(filled), pixels(plain))


def test_what_follows_the_end_is_not_looked_at() -> None:
    plain = saved(portrait(), "JPEG", progressive=True)
    assert inspect(plain + SOS * 1000 + plain).parts == inspect(plain).parts


def test_a_segment_that_is_cut_off_is_left_out() -> None:
    """It would swallow what the decoder gets after it; the picture is not complete."""
    plain = saved(portrait(), "JPEG", progressive=True)
    scan = plain.rindex(SOS)
    header = inspect(plain[:scan] + comment(b"c" * 500)[:100])
    assert not header.ended
    assert bytes(header.parts[-1]).endswith(plain[scan - 8 : scan])


def test_scans_and_segments_are_counted_up_to_a_limit() -> None:
    """However large the file: the work is bounded by the limit, not by the bytes."""
    plain = saved(portrait(), "JPEG", progressive=True)
    scan = plain[plain.rindex(SOS) : -2]
    assert inspect(plain[:-2] + scan * 50 + EOI).ended
    with pytest.raises(BadImage, match="more than 100 scans"):
        inspect(plain[:-2] + scan * 100 + EOI)
    with pytest.raises(BadImage, match="segments"):
        inspect(with_before_last_scan(plain, comment(b"") * 1_500_000))
