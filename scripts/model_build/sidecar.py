"""The machine-readable file beside each model, and the list of checksums over all of them."""

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf  # type: ignore[import-untyped,import-not-found,unused-ignore]

from model_build.calibration import GREY
from model_build.values import Floats, Head

CHECKSUMS = "SHA256SUMS"
_DETECTOR = {
    "scores": "logit of the probability that the anchor holds a face: score_lo + value / 6 * (score_hi - score_lo)",
    "boxes": "one row for each anchor, number i: box_lo[i] + value / 6 * (box_hi[i] - box_lo[i])",
}
_EMBEDDER = {"embedding": "face embedding, to be divided by its length"}
_UNITS = {
    "faceboxes-1024-int8": (
        "ty, tx, th, tw: centre y = anchor y + ty / 10 * side, centre x = anchor x + tx / 10 * side, "
        "height = side * exp(th / 5), width = side * exp(tw / 5), pixels of the input"
    ),
    "full-range-192-int8": (
        "centre x, centre y, width, height, then x and y of right eye, left eye, tip of the nose, centre of the "
        "mouth, right ear, left ear; pixels of the input, all but width and height relative to the anchor"
    ),
}


def text(name: str, tflite: bytes, head: Head | None, facts: dict[str, Any]) -> str:
    """The sidecar: what goes in, which output tensor is which, and how its numbers are read."""
    interpreter = tf.lite.Interpreter(model_content=tflite)
    (image,) = interpreter.get_input_details()
    meanings = _DETECTOR if head else _EMBEDDER
    content: dict[str, Any] = {
        "name": name,
        "file": f"{name}.tflite",
        "input": [int(side) for side in image["shape"][1:]],
        "input_is": "RGB pixel - 128 as int8",
        "fill": GREY[0],
        "outputs": {
            output["name"]: _output(position, output, meanings)
            for position, output in enumerate(interpreter.get_output_details())
        },
        **facts,
    }
    if head:
        content["head"] = _table(head)
        content["box_numbers"] = _UNITS[name]
    return json.dumps(content, indent=2, sort_keys=True) + "\n"


def _output(position: int, output: dict[str, Any], meanings: dict[str, str]) -> dict[str, Any]:
    """position counts in get_output_details(), index is the tensor's number in the file; scale 0: float32."""
    scale, zero = output["quantization"]
    return {
        "position": position,
        "index": int(output["index"]),
        "name": output["name"],
        "shape": [int(side) for side in output["shape"]],
        "scale": float(scale),
        "zero_point": int(zero),
        "meaning": meanings[output["name"]],
    }


def _table(head: Head) -> dict[str, Any]:
    return {
        "score_lo": head.score_lo,
        "score_hi": head.score_hi,
        "box_lo": _plain(head.box_lo),
        "box_hi": _plain(head.box_hi),
    }


def _plain(values: Floats) -> list[float]:
    return [float(value) for value in np.round(values.astype(np.float64), 3)]


def checksums(folder: Path) -> str:
    """All models and sidecars of a folder as sha256sum prints them."""
    files = sorted([*folder.glob("*.tflite"), *folder.glob("*.json")])
    return "".join(f"{hashlib.sha256(file.read_bytes()).hexdigest()}  {file.name}\n" for file in files)
