"""Photographs made worse on purpose: what it does to the measures, and to recognition."""

from __future__ import annotations

import io
import itertools
from pathlib import Path

import numpy as np
from PIL import Image, ImageFilter

from edge.face import Look
from edge.gallery import unit
from edge.quality import flaws
from measuring.looks import MEASURES, Photographs, row, rows
from measuring.predict import pairs, threshold

LEVELS = {
    "as it is": (0,),
    "Gaussian blur, sigma px": (1, 1.5, 2, 3, 4, 5),
    "moved, px": (5, 9, 13, 19),
    "shorter side of the face, px": (16, 24, 32, 48, 64),
    "darkened to": (0.5, 0.25),
    "brightened to": (2, 3),
    "JPEG quality": (20, 10, 5),
}


def degraded(picture: Image.Image, kind: str, level: float, face: float) -> Image.Image:
    """face: shorter side of the face, pixels."""
    if kind.startswith("Gaussian"):
        return picture.filter(ImageFilter.GaussianBlur(level))
    if kind.startswith("moved"):
        return _moved(picture, int(level), 0.3 * level)
    if kind.startswith("shorter"):
        size = [max(8, round(side * level / face)) for side in picture.size]
        return picture.resize((size[0], size[1]), Image.Resampling.LANCZOS)
    if kind in ("darkened to", "brightened to"):
        return picture.point(lambda value: min(int(value * level), 255))
    return picture


def _moved(picture: Image.Image, length: int, angle: float) -> Image.Image:
    """The mean of the picture along a line."""
    steps = np.linspace(-(length - 1) / 2, (length - 1) / 2, 2 * length)
    every = [
        np.asarray(
            picture.transform(
                picture.size,
                Image.Transform.AFFINE,
                (1, 0, step * np.cos(angle), 0, 1, step * np.sin(angle)),
                Image.Resampling.BILINEAR,
            ),
            np.float32,
        )
        for step in steps
    ]
    return Image.fromarray(np.mean(every, axis=0).astype(np.uint8))


def _seen(task: tuple[Path, str, float, float]) -> np.ndarray | None:
    path, kind, level, face = task
    with Image.open(path) as file:
        picture = degraded(file.convert("RGB"), kind, level, face)
    stream = io.BytesIO()
    picture.save(stream, "JPEG", quality=int(level) if kind.startswith("JPEG") else 92)
    return row(stream.getvalue())


def report(seen: Photographs, data: Path, model: str, lfw: tuple[str, ...], count: int) -> None:
    """One photograph of each pair made worse, the other as it is."""
    limit = threshold(seen, 1e-3)
    every = pairs(seen, seen.of(*lfw), 1)
    two = every[np.random.default_rng(0).permutation(len(every))[:count]]
    kinds = [(kind, level) for kind, levels in LEVELS.items() for level in levels]
    side = seen.column("side")
    tasks = [
        (data / str(seen.names[worse]), kind, level, float(side[worse]))
        for (kind, level), (_, worse) in itertools.product(kinds, two)
    ]
    found = list(rows(model, _seen, tasks))
    print(
        f"\n| {len(two)} LFW pairs, one photograph | | no face | missed, of those found | confidence |",
        end="",
    )
    print(" sharpness | mirror | marked blurred |\n|---|---|---|---|---|---|---|---|")
    for place, (kind, level) in enumerate(kinds):
        part = found[place * len(two) : (place + 1) * len(two)]
        kept = [(one, other) for one, (other, _) in zip(part, two, strict=True) if one is not None]
        lost = 1 - len(kept) / len(two)
        if not kept:
            print(f"| {kind} | {level:g} | {lost:.0%} | | | | | |")
            continue
        table = np.stack([one for one, _ in kept])
        scores = (table[:, len(MEASURES) :] * seen.vectors[[other for _, other in kept]]).sum(axis=1)
        middle = dict(zip(MEASURES, np.median(table[:, : len(MEASURES)], axis=0), strict=True))
        marked = np.mean([_is_blurred(one, model) for one in table])
        print(
            f"| {kind} | {level:g} | {lost:.0%} | {np.mean(scores < limit):.0%} | {middle['confidence']:.2f} | "
            f"{middle['sharpness']:.2f} | {middle['mirror']:.3f} | {marked:.0%} |",
            flush=True,
        )


def _is_blurred(measured: np.ndarray, model: str) -> bool:
    look = Look(*map(float, measured[1 : len(MEASURES)]))
    return "blurred_face" in [flaw.code for flaw in flaws(look, model)]


def report_learning(seen: Photographs, data: Path, model: str, lfw: tuple[str, ...]) -> None:
    """What a fourth reference does that is sharp, blurred, or in profile: to the known and to strangers."""
    people = seen.by_person(seen.of(*lfw))
    known = [own for own in people.values() if len(own) >= 4]
    strangers = [own[0] for own in people.values() if len(own) == 1][:250]
    side = seen.column("side")
    blurs = {}
    for sigma in (3, 5):
        tasks = [
            (data / str(seen.names[one]), "Gaussian", sigma, side[one])
            for one in [own[3] for own in known] + strangers
        ]
        found = [None if one is None else one[len(MEASURES) :] for one in rows(model, _seen, tasks)]
        blurs[sigma] = (found[: len(known)], [one for one in found[len(known) :] if one is not None])
    sharp = seen.vectors[strangers]
    print(f"\n| references of {len(known)} people | own sharp photographs found |", end="")
    print(" blurred strangers (sigma 3 / 5) that pass |\n|---|---|---|")
    for name, extra in (("3 sharp", None), ("and a 4th, sigma 3", 3), ("and a 4th, sigma 5", 5)):
        templates, own = [], []
        for place, indices in enumerate(known):
            vectors = list(seen.vectors[indices[:3]])
            if extra is not None and (fourth := blurs[extra][0][place]) is not None:
                vectors.append(fourth)
            templates.append(unit(np.mean(vectors, axis=0)))
            own += [float(seen.vectors[index] @ templates[-1]) for index in indices[4:8]]
        matrix = np.stack(templates)
        limit = float(np.quantile(sharp @ matrix.T, 0.999))
        passing = [np.mean(np.stack(blurs[sigma][1]) @ matrix.T >= limit) for sigma in (3, 5)]
        print(f"| {name} | {np.mean(np.array(own) >= limit):.1%} | {passing[0]:.2%} / {passing[1]:.2%} |")


def report_turned(seen: Photographs) -> None:
    """What a reference in profile does beside three frontal ones, on CFP."""
    chance = np.random.default_rng(0)
    frontal, profile = seen.by_person(seen.of("frontal")), seen.by_person(seen.of("profile"))
    people = [person for person in profile if len(frontal.get(person, [])) >= 5 and len(profile[person]) > 1]
    print(f"\n| references of {len(people)} people of CFP | frontal found | profiles found |\n|---|---|---|")
    for name, turned in (("3 frontal", 0), ("3 frontal, 1 profile", 1)):
        own: dict[str, list[float]] = {"frontal": [], "profile": []}
        strangers: list[np.ndarray] = []
        for person in people:
            order, aside = chance.permutation(frontal[person]), chance.permutation(profile[person])
            template = unit(seen.vectors[[*order[:3], *aside[:turned]]].mean(axis=0))
            own["frontal"] += list(seen.vectors[order[4:]] @ template)
            own["profile"] += list(seen.vectors[aside[1:]] @ template)
            others = [index for other in people if other != person for index in frontal[other]]
            strangers.append(seen.vectors[others] @ template)
        limit = float(np.quantile(np.concatenate(strangers), 0.999))
        rates = [np.mean(np.array(own[view]) >= limit) for view in ("frontal", "profile")]
        print(f"| {name} | {rates[0]:.1%} | {rates[1]:.1%} |")
