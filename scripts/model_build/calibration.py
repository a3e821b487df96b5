"""Calibration pictures: few photographs, varied until the activations' ranges settle.

Everything is drawn from one seeded generator, so two runs make the same pictures.
"""

import math
import random
from typing import Literal

import numpy as np
from PIL import Image, ImageEnhance, ImageFilter

from model_build.photographs import Face, Photograph
from model_build.values import Floats, Pixels

GREY = (127, 127, 127)
"""What surrounds a letter-boxed picture, here and at run time."""
_SEED = 20240607
CROP = 2.67
"""Side of the square around a proposal that the second detector sees, in longer sides of the box."""
_FLIP: Literal[Image.Transpose.FLIP_LEFT_RIGHT] = Image.Transpose.FLIP_LEFT_RIGHT


def scenes(photographs: list[Photograph], size: int, count: int) -> list[Pixels]:
    """Square pictures for a detector of whole photographs: letter-boxed, small, collaged, close up."""
    draw = random.Random(_SEED)  # noqa: S311 - pictures, not secrets
    makers = (_whole, _small, _collage, _collage, _close)
    made = [_letterbox(photograph.picture, size) for photograph in photographs]
    while len(made) < count:
        made.append(makers[len(made) % len(makers)](photographs, size, draw))
    return [_pixels(picture) for picture in made[:count]]


def crops(photographs: list[Photograph], size: int, count: int) -> list[Pixels]:
    """What the second detector sees: mostly squares around faces, some scenes, some without a face."""
    draw = random.Random(_SEED)  # noqa: S311 - pictures, not secrets
    made = scenes(photographs, size, count // 4)
    faces = _all_faces(photographs)
    while len(made) < count:
        photograph, face = faces[len(made) % len(faces)]
        made.append(_pixels(_around(photograph, face, size, draw)))
    return made


def chips(photographs: list[Photograph], template: Floats, size: int, count: int) -> list[Pixels]:
    """Aligned faces for the embedder, the landmarks a little off as detected ones are."""
    draw = random.Random(_SEED)  # noqa: S311 - pictures, not secrets
    faces = _all_faces(photographs)
    made: list[Pixels] = []
    while len(made) < count:
        photograph, face = faces[len(made) % len(faces)]
        made.append(_pixels(_varied(_chip(photograph.picture, face, template, size, draw), draw)))
    return made


def _all_faces(photographs: list[Photograph]) -> list[tuple[Photograph, Face]]:
    return [(photograph, face) for photograph in photographs for face in photograph.faces]


def _pixels(picture: Image.Image) -> Pixels:
    """The batch of one that a network takes; two corner pixels show the quantiser the full range."""
    pixels = np.array(picture, np.uint8)[None]
    pixels[0, 0, 0], pixels[0, -1, -1] = 0, 255
    return pixels


def _letterbox(
    picture: Image.Image, size: int, part: float = 1.0, where: tuple[float, float] = (0.5, 0.5)
) -> Image.Image:
    """The picture shrunk to part of a grey square, placed at where (0..1 each way)."""
    scale = size * part / max(picture.size)
    width, height = (max(1, round(side * scale)) for side in picture.size)
    canvas = Image.new("RGB", (size, size), GREY)
    inner = picture.resize((width, height), Image.Resampling.BOX if scale < 1 else Image.Resampling.BILINEAR)
    canvas.paste(inner, (round((size - width) * where[0]), round((size - height) * where[1])))
    return canvas


def _whole(photographs: list[Photograph], size: int, draw: random.Random) -> Image.Image:
    return _varied(_letterbox(draw.choice(photographs).picture, size), draw)


def _small(photographs: list[Photograph], size: int, draw: random.Random) -> Image.Image:
    picture = _varied(draw.choice(photographs).picture, draw)
    return _letterbox(picture, size, draw.uniform(0.15, 0.8), (draw.random(), draw.random()))


def _collage(photographs: list[Photograph], size: int, draw: random.Random) -> Image.Image:
    """A grid of whole photographs: small faces, many edges."""
    across = draw.choice((2, 3, 4, 5))
    cell = size // across
    canvas = Image.new("RGB", (size, size), GREY)
    for i in range(across * across):
        picture = _varied(_letterbox(draw.choice(photographs).picture, cell), draw)
        canvas.paste(picture, (i % across * cell, i // across * cell))
    return canvas


def _close(photographs: list[Photograph], size: int, draw: random.Random) -> Image.Image:
    photograph, face = draw.choice(_all_faces(photographs))
    return _varied(_square(photograph.picture, face, draw.uniform(1.2, 3.5), (0.0, 0.0), size), draw)


def _around(photograph: Photograph, face: Face, size: int, draw: random.Random) -> Image.Image:
    """The square around a proposal, half to one and a half times the usual; one in eight beside the face."""
    beside = 1.5 if draw.random() < 0.125 else 0.1
    off = (draw.uniform(-beside, beside), draw.uniform(-beside, beside))
    picture = _square(photograph.picture, face, CROP * math.exp(draw.uniform(-0.7, 0.35)), off, size)
    if draw.random() < 0.4:
        coarse = draw.randint(size // 8, size // 2)
        picture = picture.resize((coarse, coarse), Image.Resampling.BOX).resize(
            (size, size), Image.Resampling.BILINEAR
        )
    return _varied(picture, draw)


def _square(
    picture: Image.Image, face: Face, times: float, off: tuple[float, float], size: int
) -> Image.Image:
    """The square of times the box's longer side around the face, moved by off boxes."""
    x, y, width, height = face.box
    half = max(width, height) * times / 2
    left, top = x + width / 2 + off[0] * width - half, y + height / 2 + off[1] * height - half
    canvas = Image.new("RGB", (round(2 * half),) * 2, GREY)
    canvas.paste(picture, (-round(left), -round(top)))
    return canvas.resize((size, size), Image.Resampling.BOX if 2 * half > size else Image.Resampling.BILINEAR)


def _chip(picture: Image.Image, face: Face, template: Floats, size: int, draw: random.Random) -> Image.Image:
    eyes = float(np.linalg.norm(face.landmarks[1] - face.landmarks[0]))
    wobble = np.array([[draw.gauss(0, 0.05 * eyes) for _ in range(2)] for _ in face.landmarks], np.float32)
    back = similarity(template, face.landmarks + wobble)
    shrink = max(1, int(math.hypot(back[0, 0], back[1, 0])))
    coefficients = tuple(float(number) / shrink for number in back.ravel())
    reduced = picture.reduce(shrink) if shrink > 1 else picture
    return reduced.transform((size, size), Image.Transform.AFFINE, coefficients, Image.Resampling.BILINEAR)


def similarity(source: Floats, target: Floats) -> Floats:
    """The 2x3 rotation, scale and shift that takes source nearest to target (least squares)."""
    points, aims = source[:, 0] + 1j * source[:, 1], target[:, 0] + 1j * target[:, 1]
    spread = points - points.mean()
    turn = (np.conj(spread) * (aims - aims.mean())).sum() / (np.abs(spread) ** 2).sum()
    shift = aims.mean() - turn * points.mean()
    return np.array([[turn.real, -turn.imag, shift.real], [turn.imag, turn.real, shift.imag]], np.float32)


def _varied(picture: Image.Image, draw: random.Random) -> Image.Image:
    """Light, contrast, colour, sharpness and side changed as cameras and rooms change them."""
    if draw.random() < 0.5:
        picture = picture.transpose(_FLIP)
    picture = ImageEnhance.Brightness(picture).enhance(math.exp(draw.gauss(0, 0.3)))
    picture = ImageEnhance.Contrast(picture).enhance(math.exp(draw.gauss(0, 0.25)))
    if draw.random() < 0.2:
        picture = ImageEnhance.Color(picture).enhance(draw.choice((0.0, 0.5, 1.5)))
    if draw.random() < 0.3:
        picture = picture.filter(ImageFilter.GaussianBlur(draw.uniform(0.5, 2.0)))
    return picture
