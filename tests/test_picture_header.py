"""What is known of a picture before a pixel is unpacked."""

from __future__ import annotations

import struct

import numpy as np
import pytest
from PIL import Image

from edge.picture import cost, inspect, reduction
from edge.picture.exif import orientation
from tests.tricky import exif, in_several_scans, png, portrait, rows, saved, tricky_files


def tiff(order: str, kind: int, value: int, count: int = 1) -> bytes:
    """An EXIF block with one entry, the orientation."""
    form = {1: "B3x", 3: "H2x", 4: "I", 7: "I"}[kind]
    start = {"<": b"II*\0", ">": b"MM\0*"}[order]
    return start + struct.pack(f"{order}IHHHI{form}I", 8, 1, 0x0112, kind, count, value, 0)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("kind", [1, 3, 4])
def test_orientation_is_read_in_both_byte_orders_and_every_whole_number(order: str, kind: int) -> None:
    assert [orientation(tiff(order, kind, value)) for value in range(10)] == [1, 1, 2, 3, 4, 5, 6, 7, 8, 1]


@pytest.mark.parametrize(
    "block",
    [
        b"",
        b"II",
        b"XX*\0",
        tiff("<", 7, 6),
        tiff("<", 3, 6, 2),
        tiff("<", 3, 6)[:15],
        b"II*\0" + b"\xff" * 40,
    ],
)
def test_an_unreadable_orientation_is_upright(block: bytes) -> None:
    assert orientation(block) == 1


def test_turned_pictures_have_their_sides_swapped() -> None:
    for value in range(1, 9):
        for form in ("JPEG", "PNG"):
            header = inspect(saved(Image.new("RGB", (30, 20)), form, exif=exif(value)))
            assert header.orientation == value
            assert header.upright == ((20, 30) if value >= 5 else (30, 20))


def test_both_kinds_of_jpeg_that_hold_all_coefficients_are_seen() -> None:
    image = portrait()
    assert not inspect(saved(image, "JPEG")).buffered
    assert inspect(saved(image, "JPEG", progressive=True)).buffered
    assert inspect(in_several_scans(image)).buffered
    assert cost(inspect(in_several_scans(image)), 8).peak > image.width * image.height * 3 * 2


def test_blocks_follow_the_sampling() -> None:
    image = Image.new("RGB", (100, 50))
    blocks = [inspect(saved(image, "JPEG", subsampling=sampling)).blocks for sampling in (0, 1, 2)]
    assert blocks == [13 * 7 * 3, 7 * 7 * 4, 7 * 4 * 6]


def test_only_what_the_pixels_need_reaches_the_decoder() -> None:
    rubbish = {"comment": b"c" * 5000, "icc_profile": b"p" * 5000, "exif": exif(6)}
    header = inspect(saved(portrait(), "JPEG", **rubbish) + b"r" * 5000)
    plain = inspect(saved(portrait(), "JPEG"))
    assert sum(map(len, header.parts)) <= sum(map(len, plain.parts))


@pytest.mark.parametrize(
    ("size", "long_side", "factor"),
    [
        ((4000, 3000), 1024, 2),
        ((4032, 3024), 1008, 4),
        ((4000, 3000), None, 1),
        ((9000, 9), 100, 8),
        ((9000, 5), 100, 4),
        ((9000, 1), 100, 1),
        ((800, 600), 960, 1),
        ((9000, 2000), 960, 8),
    ],
)
def test_a_jpeg_is_reduced_by_what_the_decoder_can(
    size: tuple[int, int], long_side: int | None, factor: int
) -> None:
    header = inspect(saved(Image.new("L", size), "JPEG"))
    assert reduction(header, long_side) == factor


def test_a_png_is_reduced_only_while_it_is_converted() -> None:
    plain = inspect(saved(Image.new("RGB", (1000, 600)), "PNG"))
    alpha = inspect(saved(Image.new("RGBA", (1000, 600)), "PNG"))
    assert (reduction(plain, 100), reduction(alpha, 100), reduction(alpha, None)) == (1, 10, 1)


def test_a_lie_about_the_size_costs_nothing() -> None:
    header = inspect(png((2_000_000_000, 2_000_000_000), 16, 6, rows(np.zeros((2, 2, 4), np.uint8))))
    assert cost(header, 1).peak > 2**60


def test_every_tricky_file_costs_less_the_more_it_is_reduced() -> None:
    for file in tricky_files():
        if file.code is None:
            header = inspect(file.data)
            peaks = [cost(header, factor).peak for factor in (1, 2, 4, 8)]
            assert peaks == sorted(peaks, reverse=True), file.name
            assert all(cost(header, factor).kept < cost(header, factor).peak for factor in (1, 2, 4, 8))
