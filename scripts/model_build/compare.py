"""How close two builds of a model are, and how close int8 is to float."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf  # type: ignore[import-untyped,import-not-found,unused-ignore]

from model_build.convert import Network
from model_build.values import HEAD_TOP, Floats, Head, Pixels, to_unit

Outputs = dict[str, Floats]


@dataclass(frozen=True)
class Distance:
    """Differences of the dequantised values of one output over all pictures, in its own unit."""

    output: str
    mean: float
    largest: float
    cosine: float
    """The lowest over the pictures."""

    def __str__(self) -> str:
        return f"{self.output}: mean {self.mean:.5f}, max {self.largest:.5f}, lowest cosine {self.cosine:.6f}"


def run(tflite: bytes, pictures: list[Pixels]) -> list[Outputs]:
    """The real outputs of a model that takes int8, named, one entry for each picture."""
    interpreter = tf.lite.Interpreter(model_content=tflite)
    interpreter.allocate_tensors()
    (image,) = interpreter.get_input_details()
    found = []
    for picture in pictures:
        interpreter.set_tensor(image["index"], (picture ^ np.uint8(0x80)).view(np.int8))
        interpreter.invoke()
        found.append({d["name"]: _value(interpreter, d) for d in interpreter.get_output_details()})
    return found


def _value(interpreter: Any, output: dict[str, Any]) -> Floats:
    scale, zero = output["quantization"]
    stored = interpreter.get_tensor(output["index"]).astype(np.float32)
    return np.asarray((stored - zero) * scale if scale else stored, np.float32)


def run_float(network: Network, head: Head | None, pictures: list[Pixels]) -> list[Outputs]:
    """The same from the float network, cut and scaled as the head's table says."""
    found = []
    for picture in pictures:
        outputs = {name: value.numpy() for name, value in network(tf.constant(to_unit(picture))).items()}
        found.append(_through(outputs, head) if head else outputs)
    return found


def _through(outputs: Outputs, head: Head) -> Outputs:
    boxes = (outputs["boxes"] - head.box_lo) / (head.box_hi - head.box_lo)
    scores = (outputs["scores"] - head.score_lo) / (head.score_hi - head.score_lo)
    return {"boxes": np.clip(boxes, 0, 1) * HEAD_TOP, "scores": np.clip(scores, 0, 1) * HEAD_TOP}


def distances(ours: list[Outputs], theirs: list[Outputs]) -> list[Distance]:
    """One distance for each output, over pairs of pictures."""
    return [_distance(name, [a[name] for a in ours], [b[name] for b in theirs]) for name in sorted(ours[0])]


def _distance(name: str, ours: list[Floats], theirs: list[Floats]) -> Distance:
    gaps = [np.abs(a - b) for a, b in zip(ours, theirs, strict=True)]
    return Distance(
        output=name,
        mean=float(np.mean([gap.mean() for gap in gaps])),
        largest=float(max(gap.max() for gap in gaps)),
        cosine=min(_cosine(a.ravel(), b.ravel()) for a, b in zip(ours, theirs, strict=True)),
    )


def _cosine(a: Floats, b: Floats) -> float:
    return float(a @ b / (np.linalg.norm(a) * np.linalg.norm(b) + 1e-12))
