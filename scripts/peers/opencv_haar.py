"""OpenCV's Haar cascade for frontal faces, as OpenCV's tutorial "Cascade Classifier" uses it. It detects only."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

from peers.answering import Seen, answer, versions_of


def main() -> None:
    cv2.setNumThreads(1)
    cascade = cv2.CascadeClassifier(cv2.data.haarcascades + "haarcascade_frontalface_alt.xml")

    def look(data: bytes, detected: Callable[[], None]) -> Seen:
        image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
        gray = cv2.equalizeHist(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY))
        boxes = list(cascade.detectMultiScale(gray))
        detected()
        return Seen(image.shape[1], image.shape[0], boxes, [None] * len(boxes))

    answer(look, versions_of("opencv-python-headless", "numpy"))


if __name__ == "__main__":
    main()
