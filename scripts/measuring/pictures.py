"""The pictures that are sent, made from the tests' pinned photographs."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image, ImageEnhance

from tests import photographs

PHONE = (4032, 3024)
"""12 Mpx."""


def vga(quality: int = 85) -> bytes:
    """640 x 480 JPEG with one face."""
    return jpeg(_portrait().resize((640, 480), Image.Resampling.LANCZOS), quality=quality)


def crop64() -> bytes:
    """64 x 64 JPEG of a face, as a small client cuts it out by detect's box."""
    with Image.open(photographs.obama()) as image:
        return jpeg(image.convert("RGB").resize((64, 64), box=(376, 78, 608, 421)), quality=90)


def other_crop64() -> bytes:
    """The same of another man."""
    with Image.open(photographs.biden()) as image:
        return jpeg(image.convert("RGB").resize((64, 64), box=(444, 174, 712, 547)), quality=90)


def phone(noise: int = 6) -> Image.Image:
    """A 12 Mpx picture with one face, and a sensor's noise so that it does not compress unnaturally."""
    rng = np.random.default_rng(12)
    large = np.asarray(_portrait().resize(PHONE, Image.Resampling.BICUBIC)).astype(np.int16)
    grain = rng.integers(-noise, noise + 1, (PHONE[1], PHONE[0], 1), dtype=np.int16)
    return Image.fromarray(np.clip(large + grain, 0, 255).astype(np.uint8))


def phone_png() -> bytes:
    """12 Mpx PNG with one face, small enough for the limit of detect: each pixel of a quarter as many, four times."""
    half = _portrait().resize((PHONE[0] // 2, PHONE[1] // 2), Image.Resampling.LANCZOS)
    buffer = io.BytesIO()
    half.resize(PHONE, Image.Resampling.NEAREST).save(buffer, "PNG")
    return buffer.getvalue()


def looks(count: int) -> list[bytes]:
    """640 x 480 JPEGs of one person, each turned and lit a little differently."""
    portrait = _portrait().resize((640, 480), Image.Resampling.LANCZOS)
    made = []
    for number in range(count):
        turned = portrait.rotate(number % 7 * 4 - 12, Image.Resampling.BILINEAR, fillcolor=(127, 127, 127))
        lit = ImageEnhance.Brightness(turned).enhance(0.7 + 0.6 * number / count)
        made.append(jpeg(lit, quality=85))
    return made


def jpeg(image: Image.Image, *, quality: int = 80, progressive: bool = False) -> bytes:
    """A JPEG file."""
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=quality, progressive=progressive)
    return buffer.getvalue()


def _portrait() -> Image.Image:
    with Image.open(photographs.obama()) as image:
        return image.convert("RGB").crop((0, 0, 910, 682))
