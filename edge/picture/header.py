"""What a picture's own header says, read without unpacking a pixel and without Pillow.

The header also lists which parts of the file the decoder gets: only what the pixels need. Text, colour
profiles, thumbnails, animation frames, a phone's second picture and whatever else a file may carry stay
outside, so nothing in them can fail, grow or take time.
"""

from __future__ import annotations

from dataclasses import dataclass

from edge.errors import BadImage, UnsupportedImage
from edge.picture.jpeg_header import read_jpeg
from edge.picture.png_header import PNG_SIGNATURE, read_png


@dataclass(frozen=True, slots=True)
class Header:
    """A picture as its header describes it. Sizes are in pixels, as stored: before EXIF orientation."""

    format: str
    """JPEG or PNG."""
    width: int
    height: int
    orientation: int
    """EXIF, 1-8; 1 (upright) when absent or invalid."""
    channels: int
    """Samples a pixel: 1 gray or palette, 2 gray and alpha, 3 RGB, 4 CMYK (JPEG) or RGBA (PNG)."""
    bits: int
    """Bits of a sample."""
    buffered: bool
    """JPEG: progressive or in several scans, so the decoder holds the coefficients of the whole picture."""
    blocks: int
    """JPEG: 8x8 blocks of all components together."""
    palette: bool
    """PNG: pixels are indices of a colour table."""
    transparent: bool
    """PNG: has an alpha channel or transparent colours."""
    ended: bool
    """False for a JPEG without its last marker."""
    parts: tuple[bytes | memoryview, ...]
    """The pieces of the file that the pixels need, in order."""

    @property
    def upright(self) -> tuple[int, int]:
        """Width and height as a person sees them, pixels."""
        return (self.height, self.width) if self.orientation >= 5 else (self.width, self.height)


def inspect(data: bytes) -> Header:
    """The header of a JPEG or PNG.

    Raises UnsupportedImage for anything else and BadImage for a header that no decoder could follow.
    """
    if data[:3] == b"\xff\xd8\xff":
        jpeg = read_jpeg(data)
        return Header(
            format="JPEG",
            width=jpeg.width,
            height=jpeg.height,
            orientation=jpeg.orientation,
            channels=len(jpeg.sampling),
            bits=8,
            buffered=jpeg.buffered,
            blocks=jpeg.blocks,
            palette=False,
            transparent=False,
            ended=jpeg.ended,
            parts=jpeg.parts,
        )
    if data[:8] == PNG_SIGNATURE:
        png = read_png(data)
        return Header(
            format="PNG",
            width=png.width,
            height=png.height,
            orientation=png.orientation,
            channels=png.channels,
            bits=png.bits,
            buffered=False,
            blocks=0,
            palette=png.palette,
            transparent=png.transparent,
            ended=True,
            parts=png.parts,
        )
    if data[:2] == b"\xff\xd8" or data[:4] == PNG_SIGNATURE[:4]:
        raise BadImage("the picture is damaged in its first bytes")
    raise UnsupportedImage(f"neither JPEG nor PNG: {_looks_like(data)}")


_SIGNS: tuple[tuple[int, bytes, str], ...] = (
    (0, b"GIF8", "GIF"),
    (8, b"WEBP", "WEBP"),
    (0, b"BM", "BMP"),
    (0, b"II*\0", "TIFF"),
    (0, b"MM\0*", "TIFF"),
    (0, b"\0\0\x01\0", "ICO"),
    (0, b"\0\0\0\x0cjP  ", "JPEG 2000"),
    (0, b"\xff\x4f\xff\x51", "JPEG 2000"),
    (0, b"\0\0\0\x0cJXL ", "JPEG XL"),
    (4, b"ftypavif", "AVIF"),
    (4, b"ftyphei", "HEIC"),
    (4, b"ftypmif1", "HEIC"),
    (4, b"ftyp", "a video"),
    (0, b"%PDF", "PDF"),
    (0, b"<", "SVG, HTML or XML"),
)


def _looks_like(data: bytes) -> str:
    if not data:
        return "it is empty"
    for offset, sign, name in _SIGNS:
        if data.startswith(sign, offset):
            return f"it looks like {name}"
    return f"it starts with {data[:8].hex(' ')}"
