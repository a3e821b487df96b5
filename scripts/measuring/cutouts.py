"""The same measures on 64x64 crops, as a small client sends them to index."""

from __future__ import annotations

import io
from collections import Counter
from pathlib import Path

import numpy as np
from PIL import Image

from edge.budget import MemoryBudget
from edge.clock import SystemClock
from edge.errors import NoFace
from edge.face import Look
from edge.picture import Source
from edge.portrait import cut_out_portrait
from edge.quality import MARKS, flaws
from measuring import looks

CUTS = ("square", "squeezed from the box")


def _seen(path: Path) -> np.ndarray | None:
    """2 x 4: the look of each cut; NaN where no face was found in it."""
    data = path.read_bytes()
    whole = looks.portrait(data)
    if whole is None:
        return None
    box = whole.face.box
    side = max(box.width, box.height)
    left, top = box.left + (box.width - side) / 2, box.top + (box.height - side) / 2
    boxes = ((left, top, left + side, top + side), (box.left, box.top, box.right, box.bottom))
    found = np.full((len(CUTS), 4), np.nan)
    with Image.open(io.BytesIO(data)) as file:
        picture = file.convert("RGB")
    for number, cut in enumerate(boxes):
        small = picture.crop(tuple(round(edge) for edge in cut)).resize((64, 64), Image.Resampling.BICUBIC)
        stream = io.BytesIO()
        small.save(stream, "JPEG", quality=92)
        with Source(stream.getvalue(), MemoryBudget(2 << 30, 1 << 30, SystemClock()), 10.0) as source:
            try:
                look = cut_out_portrait(looks._engine, source.picture(64)).look
            except NoFace:
                continue
        found[number] = (look.side, look.sharpness, look.yaw, look.mirror)
    return found


def report(seen: looks.Photographs, data: Path, model: str, lfw: tuple[str, ...], count: int) -> None:
    """How many crops are marked, and what is measured beside the photograph's figures."""
    chosen = np.random.default_rng(0).permutation(seen.of(*lfw))[: 2 * count]
    found = list(looks.rows(model, _seen, [data / str(seen.names[index]) for index in chosen]))
    print(f"\n| {len(chosen)} faces of LFW, 64x64 | no face | {' | '.join(MARKS)} |", end="")
    print(f" sharpness, median | turned, of the photograph's |\n|---|---|{'---|' * (len(MARKS) + 2)}")
    for number, cut in enumerate(CUTS):
        kept = [
            (one[number], index)
            for one, index in zip(found, chosen, strict=True)
            if one is not None and not np.isnan(one[number, 0])
        ]
        counts = Counter(flaw.code for look, _ in kept for flaw in flaws(Look(*look.tolist()), model))
        shares = [f"{counts[code] / len(kept):.1%}" for code in MARKS]
        off = [abs(abs(look[2]) - seen.column("yaw")[index]) for look, index in kept]
        print(
            f"| {cut} | {len(chosen) - len(kept)} | {' | '.join(shares)} | "
            f"{np.median([look[1] for look, _ in kept]):.2f} | within {np.median(off):.0f} degrees (median) |"
        )
