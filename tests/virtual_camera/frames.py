"""What the virtual camera shows: JPEG files that libcamera reads when a process first asks for cameras.

Each is shown for four frames, and after the last comes the first again.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from PIL import Image, ImageDraw

FOLDER = Path("/srv/frames")
"""As virtual.yaml says."""

SIZE = (1280, 720)

STEP = 24
"""Pixels by which people move from one picture to the next: 90 per second, half a face."""

PATCHES: dict[tuple[int, int], tuple[int, int, int]] = {
    (160, 180): (200, 30, 20),
    (480, 180): (30, 180, 40),
    (800, 180): (20, 40, 210),
    (1120, 180): (128, 128, 128),
    (160, 540): (255, 255, 255),
    (480, 540): (0, 0, 0),
    (800, 540): (240, 220, 30),
    (1120, 540): (90, 60, 50),
}
"""Colour (RGB) of the patch, 320 x 360 px, around each point (x, y) of the full frame."""


def show(pictures: Iterable[Image.Image]) -> None:
    """Show these, and nothing else, to whatever process starts now."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    for old in FOLDER.glob("*.jpg"):
        old.unlink()
    for index, picture in enumerate(pictures):
        picture.save(FOLDER / f"{index}.jpg", "JPEG", quality=95)


def patches(count: int = 2) -> list[Image.Image]:
    """The colours, with a mark between the rows of patches that is elsewhere in each picture."""
    picture = Image.new("RGB", SIZE)
    draw = ImageDraw.Draw(picture)
    for (x, y), colour in PATCHES.items():
        draw.rectangle((x - 160, y - 180, x + 159, y + 179), fill=colour)
    marked = [picture.copy() for _ in range(count)]
    for index, one in enumerate(marked):
        left = SIZE[0] * index // count
        ImageDraw.Draw(one).rectangle((left, 340, left + 80, 380), fill=(255, 0, 255))
    return marked


def moving(people: Iterable[Path], background: Path, count: int = 10) -> list[Image.Image]:
    """Portraits side by side that go to and fro before a photograph.

    libcamera keeps each picture in memory, in its own size and in those of the streams: 3 MiB each.
    """
    portraits = [_portrait(path) for path in people]
    room = Image.open(background).convert("RGB").resize(SIZE)
    lane = SIZE[0] // len(portraits)
    pictures = []
    for index in range(count):
        picture = room.copy()
        steps = min(index, count - index)
        for number, portrait in enumerate(portraits):
            picture.paste(portrait, (number * lane + STEP * steps, 60 + 4 * steps))
        pictures.append(picture)
    return pictures


def _portrait(path: Path, height: int = 560) -> Image.Image:
    """The upper part of a photograph, as high as that (pixels)."""
    photograph = Image.open(path).convert("RGB")
    photograph = photograph.crop((0, 0, photograph.width, min(photograph.height, photograph.width * 5 // 4)))
    return photograph.resize((photograph.width * height // photograph.height, height))
