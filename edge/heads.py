"""The arithmetic at the end of the two detectors: anchors, box decoding, non-maximum suppression.

Boxes here are rows of float32 (left, top, width, height) in pixels of the network's input.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any

import numpy as np

from edge.face import Vector
from edge.interpreter import Tensor

_RANGE = 6.0
"""The heads end in RELU6 after being rescaled to it, so that int8 spends its steps on the useful range."""


def logit(probability: Vector | float) -> Vector:
    """log(p / (1 - p)), with p kept inside 0.001..0.999."""
    clipped = np.clip(np.asarray(probability, np.float32), 1e-3, 1 - 1e-3)
    odds: Vector = np.log(clipped / (1 - clipped)).astype(np.float32)
    return odds


def sigmoid(value: Vector) -> Vector:
    """1 / (1 + exp(-value)), without overflow."""
    probability: Vector = (1.0 / (1.0 + np.exp(-np.clip(value, -60.0, 60.0)))).astype(np.float32)
    return probability


def select(scores: Tensor, head: Mapping[str, Any], threshold: float) -> tuple[np.ndarray, Vector]:
    """Indices of the anchors whose probability exceeds the threshold, and these probabilities.

    The comparison is made on the int8 values, so that only what passes is dequantised.
    """
    low, high = float(head["score_lo"]), float(head["score_hi"])
    wanted = (float(logit(threshold)) - low) / (high - low) * _RANGE
    values = scores.values.reshape(-1)
    chosen = np.flatnonzero(values > scores.quantised(wanted))
    real = (values[chosen].astype(np.float32) - scores.zero_point) * np.float32(scores.scale)
    return chosen, sigmoid(real / _RANGE * (high - low) + low)


def unscale(boxes: Tensor, chosen: np.ndarray, head: Mapping[str, Any]) -> Vector:
    """The chosen rows of the box head, dequantised and brought back from [0, 6] to their own range."""
    low, high = np.asarray(head["box_lo"], np.float32), np.asarray(head["box_hi"], np.float32)
    real = (boxes.values[chosen].astype(np.float32) - boxes.zero_point) * np.float32(boxes.scale)
    out: Vector = real / np.float32(_RANGE) * (high - low) + low
    return out


def _grid(width: int, height: int, stride: int) -> Vector:
    across, down = np.meshgrid(*((np.arange(side // stride) + 0.5) * stride for side in (width, height)))
    return np.stack([across, down], axis=-1).reshape(-1, 1, 2).astype(np.float32)


def _densified(scale: int, count: int) -> Vector:
    """count x count offsets around a cell's centre; x is the slow axis, as the network was trained."""
    steps = (np.arange(count, dtype=np.float32) + 0.5) * scale / count - scale / 2
    slow, fast = np.meshgrid(steps, steps, indexing="ij")
    offsets: Vector = np.stack([slow, fast], axis=-1).reshape(1, -1, 2).astype(np.float32)
    return offsets


@functools.lru_cache(maxsize=4)
def faceboxes_anchors(width: int, height: int) -> Vector:
    """n x 3 (centre x, centre y, size) of an input whose sides are multiples of 128, pixels. Read-only.

    Anchors and densification: Zhang et al., "FaceBoxes: A CPU Real-time Face Detector with High
    Accuracy", IJCB 2017, section 3.2.
    """
    near = [
        _with_size(_grid(width, height, 32) + _densified(scale, count), scale)
        for scale, count in ((32, 4), (64, 2), (128, 1))
    ]
    levels = [np.concatenate(near, axis=1).reshape(-1, 3)]
    levels += [
        _with_size(_grid(width, height, stride), size).reshape(-1, 3)
        for stride, size in ((64, 256), (128, 512))
    ]
    anchors = np.concatenate(levels)
    anchors.flags.writeable = False  # one copy for all threads
    return anchors


def _with_size(centres: Vector, size: int) -> Vector:
    return np.concatenate([centres, np.full((*centres.shape[:2], 1), size, np.float32)], axis=-1)


def blazeface_anchors(side: int) -> Vector:
    """n x 2 (centre x, centre y), pixels: one anchor on each cell of stride 4 (MediaPipe, full range)."""
    return _grid(side, side, 4).reshape(-1, 2)


def decode_faceboxes(encoded: Vector, anchors: Vector) -> Vector:
    """Boxes from SSD encodings (dy * 10, dx * 10, log h * 5, log w * 5): Liu et al., SSD, ECCV 2016."""
    size = anchors[:, 2]
    y = encoded[:, 0] / 10 * size + anchors[:, 1]
    x = encoded[:, 1] / 10 * size + anchors[:, 0]
    height, width = np.exp(encoded[:, 2] / 5) * size, np.exp(encoded[:, 3] / 5) * size
    boxes: Vector = np.stack([x - width / 2, y - height / 2, width, height], axis=1)
    return boxes


def decode_blazeface(encoded: Vector, anchors: Vector) -> Vector:
    """n x 16: box, then six landmarks x, y. Encodings are pixels relative to the anchor's centre."""
    points = encoded.copy()
    points[:, 4:] += np.tile(anchors, 6)
    points[:, 0] += anchors[:, 0] - encoded[:, 2] / 2
    points[:, 1] += anchors[:, 1] - encoded[:, 3] / 2
    return points


def overlap(box: Vector, boxes: Vector) -> Vector:
    """Intersection over union (0..1) of one box with each of n."""
    right, bottom = np.minimum(box[:2] + box[2:4], boxes[:, :2] + boxes[:, 2:4]).T
    left, top = np.maximum(box[:2], boxes[:, :2]).T
    inside = np.clip(right - left, 0, None) * np.clip(bottom - top, 0, None)
    union = box[2] * box[3] + boxes[:, 2] * boxes[:, 3] - inside
    shared: Vector = inside / np.maximum(union, 1e-6)
    return shared


def nms(boxes: Vector, scores: Vector, limit: float, most: int) -> list[int]:
    """Greedy non-maximum suppression: indices kept, best first, at most `most`."""
    order = np.argsort(-scores, kind="stable")
    kept: list[int] = []
    while len(order) and len(kept) < most:
        best = int(order[0])
        kept.append(best)
        rest = order[1:]
        order = rest[overlap(boxes[best], boxes[rest]) <= limit]
    return kept
