"""Picture files as clients send them, and as attackers do, with what must come of each.

All are made from one photograph (tests.photographs), by Pillow or byte by byte.
"""

from __future__ import annotations

import functools
import io
import random
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageOps

from tests.photographs import obama

EITHER = "decoded or bad_image"
"""Damage that a decoder may or may not notice."""


@dataclass(frozen=True)
class Tricky:
    """A file, and the code of the error it must give; None: it is decoded."""

    name: str
    data: bytes
    code: str | None = None


@functools.cache
def portrait() -> Image.Image:
    """What every one of the decodable files shows, 364 x 455 px."""
    with Image.open(obama()) as image:
        small = image.convert("RGB").resize((364, 455))
    return Image.fromarray(np.asarray(small))  # without the file's colour profile


def saved(image: Image.Image, form: str, **options: object) -> bytes:
    """The image as a file of that format."""
    buffer = io.BytesIO()
    image.save(buffer, form, **options)
    return buffer.getvalue()


def turned(image: Image.Image, orientation: int) -> Image.Image:
    """Stored so that a reader who applies this EXIF orientation sees the image upright."""
    undo = {2: 2, 3: 3, 4: 4, 5: 5, 6: 8, 7: 7, 8: 6}.get(orientation)
    if undo is None:
        return image
    marked = image.copy()
    marked.getexif()[0x0112] = undo
    return ImageOps.exif_transpose(marked)


def exif(orientation: int) -> Image.Exif:
    """An EXIF block that says nothing else."""
    block = Image.Exif()
    block[0x0112] = orientation
    return block


# -- PNG by hand ----------------------------------------------------------------------------------


def chunk(kind: bytes, body: bytes) -> bytes:
    """One PNG chunk with its checksum."""
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png(
    size: tuple[int, int], bits: int, colour: int, packed: bytes, *, between: bytes = b"", adam7: bool = False
) -> bytes:
    """A PNG from its deflated rows; between: chunks before the pixels."""
    header = struct.pack(">IIBBBBB", *size, bits, colour, 0, 0, int(adam7))
    return b"".join(
        (
            b"\x89PNG\r\n\x1a\n",
            chunk(b"IHDR", header),
            between,
            chunk(b"IDAT", packed),
            chunk(b"IEND", b""),
        )
    )


def rows(samples: np.ndarray) -> bytes:
    """Unfiltered PNG rows of 8- or 16-bit samples (height x width x channels), deflated."""
    big_endian = samples.astype(samples.dtype.newbyteorder(">"))
    return zlib.compress(b"".join(b"\0" + row.tobytes() for row in big_endian), 1)


def interlaced(samples: np.ndarray) -> bytes:
    """Adam7 rows, deflated."""
    passes = (
        (0, 0, 8, 8),
        (4, 0, 8, 8),
        (0, 4, 4, 8),
        (2, 0, 4, 4),
        (0, 2, 2, 4),
        (1, 0, 2, 2),
        (0, 1, 1, 2),
    )
    parts = (samples[y::down, x::across] for x, y, across, down in passes)
    lines = (b"\0" + row.tobytes() for part in parts if part.size for row in part)
    return zlib.compress(b"".join(lines), 1)


@functools.cache
def bomb(side: int) -> bytes:
    """A black PNG of side x side px, 1 bit: 0.3 MB for 2.5 gigapixels."""
    packer = zlib.compressobj(1)
    line = bytes(1 + -(-side // 8))
    packed = b"".join(packer.compress(line * 100) for _ in range(side // 100)) + packer.flush()
    return png((side, side), 1, 0, packed)


# -- JPEG by hand ---------------------------------------------------------------------------------


def in_several_scans(image: Image.Image) -> bytes:
    """A sequential JPEG that holds its three components one after the other."""
    files = [saved(band, "JPEG", quality=85) for band in image.convert("YCbCr").split()]
    frame, scan = files[0].index(b"\xff\xc0"), files[0].index(b"\xff\xda")
    components = b"".join(bytes((number, 0x11, 0)) for number in (1, 2, 3))
    header = struct.pack(">BBHBHHB", 0xFF, 0xC0, 17, 8, image.height, image.width, 3) + components
    parts = [files[0][:frame], header, files[0][frame + 13 : scan]]
    for number, file in enumerate(files, 1):
        parts += [struct.pack(">BBHBBBBBB", 0xFF, 0xDA, 8, 1, number, 0, 0, 63, 0)]
        parts += [file[file.index(b"\xff\xda") + 10 : -2]]
    return b"".join((*parts, b"\xff\xd9"))


def flipped(data: bytes, seed: int) -> bytes:
    """20 random bytes of it changed, the first two never."""
    luck = random.Random(seed)  # noqa: S311
    changed = bytearray(data)
    for _ in range(20):
        changed[luck.randrange(2, len(changed))] ^= luck.randrange(1, 256)
    return bytes(changed)


# -- the collection -------------------------------------------------------------------------------


@functools.cache
def tricky_files() -> tuple[Tricky, ...]:
    """Everything that is quickly decoded or quickly refused."""
    return (*_orientations(), *_jpegs(), *_pngs(), *_damaged_jpegs(), *_damaged_pngs(), *_foreign())


def _orientations() -> Iterator[Tricky]:
    for value in (0, 9, 65535):
        yield Tricky(f"exif invalid {value}", saved(portrait(), "JPEG", quality=90, exif=exif(value)))
    for value in range(1, 9):
        stored = turned(portrait(), value)
        yield Tricky(f"exif jpeg {value}", saved(stored, "JPEG", quality=90, exif=exif(value)))
        yield Tricky(f"exif png {value}", saved(stored, "PNG", exif=exif(value)))
    broken = b"Exif\0\0II*\0\xff\xff\xff\x7f"
    yield Tricky("exif broken", saved(portrait(), "JPEG", quality=90, exif=broken))


def _jpegs() -> Iterator[Tricky]:
    image, plain = portrait(), saved(portrait(), "JPEG", quality=90)
    yield Tricky("jpeg", plain)
    yield Tricky("jpeg 4:4:4", saved(image, "JPEG", quality=90, subsampling=0))
    yield Tricky("jpeg progressive", saved(image, "JPEG", quality=90, progressive=True))
    yield Tricky("jpeg in several scans", in_several_scans(image))
    yield Tricky("jpeg gray", saved(image.convert("L"), "JPEG", quality=90))
    yield Tricky("jpeg CMYK", saved(image.convert("CMYK"), "JPEG", quality=90))
    second = Image.new("RGB", (64, 64), "red")
    yield Tricky("jpeg MPO", saved(image, "MPO", quality=90, save_all=True, append_images=[second]))
    yield Tricky("jpeg with rubbish behind", plain + bytes(range(256)) * 20)
    yield Tricky("jpeg without its end marker", plain[:-2])
    yield Tricky("jpeg with half its end marker", plain[:-1])


def _pngs() -> Iterator[Tricky]:
    image = portrait()
    pixels, gray = np.asarray(image), np.asarray(image.convert("L"))
    size = image.size
    yield Tricky("png", saved(image, "PNG"))
    yield Tricky("png gray", saved(image.convert("L"), "PNG"))
    yield Tricky("png 1 bit", saved(image.convert("1"), "PNG"))
    yield Tricky("png palette", saved(image.quantize(200), "PNG"))
    yield Tricky("png palette 4 bits", saved(image.quantize(16), "PNG", bits=4))
    yield Tricky(
        "png palette, transparent", saved(image.quantize(200), "PNG", transparency=bytes([255] * 200))
    )
    yield Tricky("png RGBA", saved(image.convert("RGBA"), "PNG"))
    yield Tricky("png gray and alpha", saved(image.convert("LA"), "PNG"))
    yield Tricky("png 16-bit gray", png(size, 16, 0, rows(gray.astype(np.uint16)[:, :, np.newaxis] * 257)))
    yield Tricky("png 16-bit RGB", png(size, 16, 2, rows(pixels.astype(np.uint16) * 257)))
    yield Tricky("png interlaced", png(size, 8, 2, interlaced(pixels), adam7=True))
    others = [Image.new("RGB", size, "red")]
    yield Tricky("png animated", saved(image, "PNG", save_all=True, append_images=others))
    bombs = chunk(b"zTXt", b"a\0\0" + zlib.compress(bytes(50_000_000))) * 3
    profile = chunk(b"iCCP", b"a\0\0" + zlib.compress(bytes(50_000_000)))
    yield Tricky("png with text and profile bombs", png(size, 8, 2, rows(pixels), between=profile + bombs))
    yield Tricky("png without its end", saved(image, "PNG")[:-12])
    yield Tricky("png with rubbish behind", saved(image, "PNG") + b"rubbish" * 99)


def _damaged_jpegs() -> Iterator[Tricky]:
    plain = saved(portrait(), "JPEG", quality=90)
    progressive = saved(portrait(), "JPEG", quality=90, progressive=True)
    yield Tricky("jpeg cut in half", plain[: len(plain) // 2], "bad_image")
    yield Tricky("jpeg cut near its end", plain[:-200], "bad_image")
    yield Tricky("jpeg progressive, cut in half", progressive[: len(progressive) // 2], "bad_image")
    yield Tricky("jpeg cut in its header", plain[:200], "bad_image")
    yield Tricky("jpeg noise", b"\xff\xd8\xff" + random.Random(1).randbytes(20_000), "bad_image")  # noqa: S311
    yield Tricky("jpeg start alone", b"\xff\xd8", "bad_image")
    twice = plain.index(b"\xff\xc0")
    yield Tricky(
        "jpeg with two sizes", plain[:twice] + plain[twice : twice + 19] + plain[twice:], "bad_image"
    )
    scan = progressive.rindex(b"\xff\xda")
    yield Tricky(
        "jpeg of 2000 scans", progressive[:-2] + progressive[scan:-2] * 2000 + b"\xff\xd9", "bad_image"
    )
    for seed in range(8):
        yield Tricky(f"jpeg bits flipped {seed}", flipped(plain, seed), EITHER)
        yield Tricky(f"jpeg progressive bits flipped {seed}", flipped(progressive, seed), EITHER)


def _damaged_pngs() -> Iterator[Tricky]:
    plain, pixels, size = saved(portrait(), "PNG"), np.asarray(portrait()), portrait().size
    yield Tricky("png cut in half", plain[: len(plain) // 2], "bad_image")
    yield Tricky("png too few rows", png(size, 8, 2, rows(pixels[:200])), EITHER)
    yield Tricky("png header alone", plain[:33], "bad_image")
    yield Tricky("png wrong checksum", plain[:-13] + bytes([plain[-13] ^ 1]) + plain[-12:], "bad_image")
    yield Tricky("png line ends converted", plain.replace(b"\r\n", b"\n", 1), "bad_image")
    yield Tricky("png without its palette", png(size, 8, 3, rows(pixels[:, :, :1])), "bad_image")
    yield Tricky("png colour type 1", png(size, 8, 1, rows(pixels)), "bad_image")
    yield Tricky("png 3 bits", png(size, 3, 0, rows(pixels)), "bad_image")
    yield Tricky("png 0 x 0", png((0, 0), 8, 2, rows(pixels)), "bad_image")
    yield Tricky("png not deflated", png(size, 8, 2, bytes(5000)), "bad_image")
    yield Tricky("png bomb 50000 x 50000", bomb(50_000), "image_too_large")
    yield Tricky("png claims 2 gigapixels a side", png((2**31 - 1,) * 2, 16, 6, bytes(9)), "image_too_large")
    for seed in range(8):
        yield Tricky(f"png bits flipped {seed}", flipped(plain, seed), EITHER)


def _foreign() -> Iterator[Tricky]:
    for form in ("GIF", "BMP", "TIFF", "ICO", "PPM"):
        yield Tricky(form.lower(), saved(portrait(), form), "unsupported_image")
    yield Tricky("webp", b"RIFF\x24\0\0\0WEBPVP8 " + bytes(24), "unsupported_image")
    yield Tricky("svg", b'<svg xmlns="http://www.w3.org/2000/svg"/>', "unsupported_image")
    yield Tricky("text", b"not a picture", "unsupported_image")
    yield Tricky("empty", b"", "unsupported_image")


@functools.cache
def big_files() -> tuple[Tricky, ...]:
    """Large pictures, slow to make: those a phone takes, and those that ask for too much memory."""
    twelve, twenty_four = portrait().resize((4000, 3000)), portrait().resize((4320, 5556))
    progressive = saved(twenty_four, "JPEG", quality=85, progressive=True, subsampling=0)
    return (
        Tricky("12 Mpx jpeg", saved(twelve, "JPEG", quality=85)),
        Tricky("12 Mpx jpeg progressive", saved(twelve, "JPEG", quality=85, progressive=True)),
        Tricky("12 Mpx png", saved(twelve, "PNG", compress_level=1)),
        Tricky("24 Mpx jpeg", saved(twenty_four, "JPEG", quality=85)),
        Tricky("24 Mpx jpeg progressive 4:4:4", progressive, "image_too_large"),
        Tricky("24 Mpx jpeg in several scans", in_several_scans(twenty_four), "image_too_large"),
    )
