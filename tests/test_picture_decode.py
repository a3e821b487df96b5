"""Any bytes become the picture a person would see, or one of three refusals."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from edge.errors import BadImage, ImageTooLarge, PictureError, UnsupportedImage
from edge.picture import Picture, decode
from tests.photographs import astronaut, photographs
from tests.tricky import EITHER, Tricky, big_files, bomb, png, portrait, rows, saved, tricky_files


def outcome(file: Tricky, long_side: int | None = 960) -> str | None:
    """The code of the refusal, None for a picture."""
    try:
        decode(file.data, long_side=long_side)
    except PictureError as error:
        return error.code
    return None


def expected(file: Tricky, got: str | None) -> bool:
    """Whether that was allowed."""
    return got in (None, "bad_image") if file.code == EITHER else got == file.code


def seen(picture: Picture, gray: bool = False) -> np.ndarray:
    """A 64 px view of it."""
    view = picture.letterbox(64)[0].astype(np.float64)
    return view.mean(axis=2, keepdims=True) if gray else view


def test_every_tricky_file_is_decoded_or_refused_as_it_should_be() -> None:
    wrong = [(file.name, got) for file in tricky_files() if not expected(file, got := outcome(file))]
    assert wrong == []


def test_every_decodable_file_shows_the_upright_portrait() -> None:
    colour = seen(Picture.of(np.asarray(portrait())))
    gray = seen(Picture.of(np.asarray(portrait().convert("L").convert("RGB"))), gray=True)
    wrong = []
    for file in tricky_files():
        if file.code is None:
            picture = decode(file.data)
            without_colour = any(word in file.name for word in ("gray", "1 bit"))
            off = np.abs(seen(picture, without_colour) - (gray if without_colour else colour)).mean()
            if (picture.width, picture.height) != portrait().size or off > 6:
                wrong.append((file.name, picture.width, picture.height, round(float(off), 1)))
    assert wrong == []


def test_large_pictures_of_phones_are_taken_and_the_ones_that_need_too_much_are_not() -> None:
    assert [(file.name, outcome(file)) for file in big_files()] == [(f.name, f.code) for f in big_files()]


def test_a_large_jpeg_is_reduced_no_further_than_asked() -> None:
    large = next(file for file in big_files() if file.name == "12 Mpx jpeg")
    scales = [decode(large.data, long_side=side).scale for side in (500, 501, 1000, 1001, 2001)]
    assert scales == [1 / 8, 1 / 4, 1 / 4, 1 / 2, 1]
    assert decode(large.data, long_side=500).width == 4000


def test_too_large_names_size_need_and_limit() -> None:
    with pytest.raises(
        ImageTooLarge, match=r"50000x50000 px PNG takes \d{4} MiB; one picture may take 96 MiB"
    ):
        decode(bomb(50_000))


@pytest.mark.parametrize(
    ("start", "name"),
    [(b"GIF89a", "GIF"), (b"RIFF....WEBP", "WEBP"), (b"\0\0\0\x1cftypheic", "HEIC"), (b"%PDF-1.7", "PDF")],
)
def test_a_foreign_format_is_named(start: bytes, name: str) -> None:
    with pytest.raises(UnsupportedImage, match=f"looks like {name}"):
        decode(start + bytes(100))


def test_what_is_transparent_becomes_mid_gray_in_every_mode() -> None:
    colour = Image.new("RGBA", (16, 16), (200, 100, 0, 255))
    colour.paste((255, 255, 255, 0), (0, 0, 8, 16))
    colour.paste((255, 255, 255, 128), (0, 0, 8, 8))
    gray = colour.convert("LA")
    for image, opaque in ((colour, [200, 100, 0]), (gray, [gray.getpixel((15, 0))[0]] * 3)):  # type: ignore[index]
        pixels = decode(saved(image, "PNG")).crop(np.eye(2, 3), 16)
        assert pixels[12, 4].tolist() == [127] * 3
        assert pixels[4, 4].tolist() == [191] * 3
        assert pixels[8, 12].tolist() == opaque
    palette = Image.new("P", (16, 16), 1)
    palette.putpalette([9, 9, 9, 10, 200, 30])
    palette.paste(0, (0, 0, 8, 16))
    pixels = decode(saved(palette, "PNG", transparency=0)).crop(np.eye(2, 3), 16)
    assert (pixels[4, 4].tolist(), pixels[4, 12].tolist()) == ([127] * 3, [10, 200, 30])
    keyed = decode(saved(colour.convert("RGB"), "PNG", transparency=(200, 100, 0))).crop(np.eye(2, 3), 16)
    assert keyed[8, 12].tolist() == [127] * 3


def test_sixteen_bits_are_scaled_not_clipped() -> None:
    ramp = np.linspace(0, 65535, 256).astype(np.uint16)[np.newaxis, :, np.newaxis].repeat(256, axis=0)
    pixels = decode(png((256, 256), 16, 0, rows(ramp))).crop(np.eye(2, 3), 256)
    assert np.abs(pixels[128, :, 0].astype(int) - np.arange(256)).max() <= 1


def test_an_alpha_png_is_reduced_while_it_is_converted() -> None:
    with Image.open(astronaut()) as image:
        large = image.convert("RGBA").resize((1537, 1203))
    picture = decode(saved(large, "PNG", compress_level=1), long_side=512)
    assert (picture.scale, picture.width, picture.height) == (1 / 3, 1537, 1203)
    off = seen(picture) - seen(Picture.of(np.asarray(large.convert("RGB"))))
    assert np.abs(off).mean() < 2


def test_the_photographs_of_the_packages_decode() -> None:
    for path in photographs().values():
        with Image.open(path) as image:
            assert (decode(path.read_bytes()).width, decode(path.read_bytes()).height) == image.size


SMALL = tuple(
    saved(Image.effect_noise((24, 20), 90).convert(mode), form, **options)
    for mode, form, options in (
        ("RGB", "JPEG", {}),
        ("CMYK", "JPEG", {}),
        ("RGB", "JPEG", {"progressive": True}),
        ("RGBA", "PNG", {}),
        ("P", "PNG", {"transparency": 3}),
        ("1", "PNG", {}),
    )
)


@settings(max_examples=400, deadline=None)
@given(
    st.sampled_from(SMALL),
    st.lists(st.tuples(st.integers(0, 2000), st.integers(0, 255)), max_size=6),
    st.integers(0, 2000),
)
def test_damage_never_gives_another_exception(data: bytes, changes: list[tuple[int, int]], kept: int) -> None:
    damaged = bytearray(data)
    for place, value in changes:
        damaged[place % len(damaged)] = value
    try:
        picture = decode(bytes(damaged[: max(kept, 40)]), long_side=16)
        assert picture.letterbox(32)[0].shape == (32, 32, 3)
    except (BadImage, UnsupportedImage, ImageTooLarge):
        pass


@settings(max_examples=200, deadline=None)
@given(st.sampled_from((b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", b"")), st.binary(max_size=300))
def test_noise_is_refused(start: bytes, noise: bytes) -> None:
    with pytest.raises((BadImage, UnsupportedImage)):
        decode(start + noise)
