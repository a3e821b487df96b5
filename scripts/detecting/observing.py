"""Run the nets once over many pictures and keep what they say, so that fusing it again costs nothing.

The file is a pickle, which runs whatever stands in it: give it none but your own.
"""

from __future__ import annotations

import multiprocessing
import pickle
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from edge import heads
from edge.budget import MemoryBudget
from edge.clock import SystemClock
from edge.confidence import Proposal, Seen
from edge.detect import MOST_PROPOSALS, NMS_IOU, PROPOSAL_THRESHOLD, find_face
from edge.engine import Engine
from edge.errors import EdgeError
from edge.evaluation.kept import private
from edge.evaluation.stamp import stamp
from edge.face import Vector
from edge.picture import Picture, Source
from edge.vision import DETECT_SIDE

_engine: Engine | None = None


@dataclass(frozen=True)
class Observation:
    """What the nets say of one picture.

    width, height: pixels. looks: each proposal of the shipped detector and the face net's answer. recipe:
    n x 6, each proposal of the notes' recipe: left, top, width, height, fused, FaceBoxes alone.
    """

    width: int
    height: int
    looks: list[tuple[Proposal, Seen | None]]
    recipe: Vector


def observe(paths: list[Path], processes: int, kept: Path | None = None) -> dict[Path, Observation]:
    """The observations of all pictures, from the file `kept` as far as it has them from the same nets and the
    same code, and kept there."""
    names = {path: (str(path.resolve()), path.stat().st_size) for path in paths}
    made_of = stamp([Path(__file__)], None)
    known: dict[tuple[str, int], Observation] = {}
    if kept is not None and kept.exists():
        before = pickle.loads(kept.read_bytes())  # noqa: S301 - the operator's own file
        if before.get("stamp") == made_of:  # else of other nets or other code
            known = before["observations"]
    wanted = [path for path, name in names.items() if name not in known]
    if wanted:
        with multiprocessing.Pool(processes, _start) as pool:
            found = pool.imap(_observe, wanted, chunksize=4)
            known |= {names[path]: one for path, one in zip(wanted, found, strict=True)}
        if kept is not None:
            with private(kept) as file:
                pickle.dump({"stamp": made_of, "observations": known}, file)
    return {path: known[name] for path, name in names.items()}


def _start() -> None:
    global _engine
    _engine = Engine.load(1)


def _observe(path: Path) -> Observation:
    assert _engine is not None
    try:
        with Source(path.read_bytes(), MemoryBudget(2 << 30, 1 << 30, SystemClock()), 10.0) as source:
            picture = source.picture(DETECT_SIDE)
            looks = _engine.detector.look(picture)
            return Observation(source.width, source.height, looks, _recipe(_engine, picture))
    except EdgeError as error:
        print(f"{path}: {error}", file=sys.stderr)
        return Observation(1, 1, [], np.zeros((0, 6), np.float32))


def _recipe(engine: Engine, picture: Picture) -> Vector:
    """The recipe to beat: FaceBoxes on 1024 x 1024 pixels, full range on each square crop, the mean of both
    log-odds, a second opinion below .05 counting as .05."""
    net = engine.detector.proposer
    pixels, letterbox = picture.letterbox(net.shape[0])
    outputs, head = net.run(pixels), net.card["head"]
    chosen, first = heads.select(outputs["scores"], head, PROPOSAL_THRESHOLD)
    anchors = heads.faceboxes_anchors(*pixels.shape[:2])[chosen]
    boxes = heads.decode_faceboxes(heads.unscale(outputs["boxes"], chosen, head), anchors)
    rows = []
    for index in heads.nms(boxes, first, NMS_IOU, MOST_PROPOSALS):
        box = letterbox.box(*boxes[index].tolist())
        seen = find_face(engine.landmark_net, picture, box)
        second = max(0.05, 0.0 if seen is None else seen.landmarks.score)
        fused = heads.sigmoid((heads.logit(first[index]) + heads.logit(second)) / 2)
        inside = box.clip(picture.width, picture.height)
        rows.append((inside.left, inside.top, inside.width, inside.height, float(fused), float(first[index])))
    return np.array(rows, np.float32).reshape(-1, 6)
