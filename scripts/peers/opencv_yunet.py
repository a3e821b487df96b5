"""OpenCV's FaceDetectorYN with the YuNet model that the caller has. It detects only."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np

from peers.answering import Seen, answer, versions_of


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", type=Path)
    model = parser.parse_args().model
    cv2.setNumThreads(1)
    detector = cv2.FaceDetectorYN.create(str(model), "", (320, 320))

    def look(data: bytes, detected: Callable[[], None]) -> Seen:
        image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
        height, width = image.shape[:2]
        detector.setInputSize((width, height))
        _, found = detector.detect(image)
        detected()
        boxes = [] if found is None else found[:, :4].tolist()
        return Seen(width, height, boxes, [None] * len(boxes))

    answer(look, f"{model.name}, {versions_of('opencv-python-headless', 'numpy')}")


if __name__ == "__main__":
    main()
