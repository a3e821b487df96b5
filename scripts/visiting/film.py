"""From the timetable to a clip, frame by frame."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import av
import numpy as np
from PIL import Image

from edge.engine import Engine
from edge.face import Box
from visiting.cast import Person
from visiting.figure import face_of, figure_of, head_of
from visiting.painting import Painter, lay
from visiting.path import FPS, HEIGHT, WIDTH
from visiting.room import Canvas, Light, Sensor, canvas_of, frames_of
from visiting.timetable import Timetable, Visit

_QUALITY = {"preset": "ultrafast", "crf": "27", "g": "600"}
"""Of x264: about 10 MB a minute, and two thirds of the sensor's noise get through."""

_NOISY = {**_QUALITY, "x264-params": "no-deblock=1:deadzone-inter=8"}
"""For the empty room, whose noise is the point: nearly all of it gets through, at 30 MB a minute."""

_POSTER = (168, 208)
"""Width and height of the printed photograph, pixels."""

_MARGIN = 12
"""White paper around it."""


@contextmanager
def written(path: Path, *, noisy: bool = False) -> Iterator[Callable[[Canvas], None]]:
    """A clip; what comes with the block writes a frame. noisy: keep the sensor's noise."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=FPS, options=_NOISY if noisy else _QUALITY)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuvj420p"
        stream.codec_context.thread_count = 1

        def write(canvas: Canvas) -> None:
            halves = [plane.reshape(-1, WIDTH) for plane in (canvas.u, canvas.v)]
            frame = av.VideoFrame.from_ndarray(np.vstack([canvas.y, *halves]), format="yuvj420p")
            container.mux(stream.encode(frame))

        yield write
        container.mux(stream.encode(None))


def file_of(photograph: Path) -> str:
    """What the part of a photograph that is shown is kept as."""
    return "_".join(photograph.parts[-3:])


class Film:
    """The frames of a timetable. rooms: their pictures; shown: the folder for the heads that are shown. found: by
    photograph, whether the detector saw the face in it."""

    def __init__(self, table: Timetable, rooms: list[Path], poster: Person, shown: Path, seed: int) -> None:
        self._table, self._rooms, self._poster, self._shown = table, rooms, poster, shown
        self._random = random.Random(seed)  # noqa: S311
        self._light = Light(self._random, table.dark)
        self._sensor = Sensor(self._random)
        self._engine = Engine.load(1)
        self._painters: dict[int, Painter] = {}
        self.found: dict[Path, bool] = {}
        self.poster_box: Box | None = None

    def frames(self) -> Iterator[Canvas]:
        """All of them, in order."""
        chapters, room = list(self._table.chapters), Canvas(*(np.zeros((2, 2), np.uint8),) * 3)
        waiting = sorted(self._table.visits, key=lambda visit: visit.start)
        present: list[Visit] = []
        for number in range(frames_of(self._table.seconds)):
            second = number / FPS
            if number == 0 or (chapters and chapters[0].start <= second):
                room = self._room(chapters.pop(0).room)
            while waiting and waiting[0].start <= second:
                present.append(waiting.pop(0))
                self._painters[present[-1].number] = self._painter(present[-1])
            present = [visit for visit in present if number - frames_of(visit.start) < len(visit.path)]
            canvas = room.copy()
            for visit in sorted(
                present, key=lambda one: float(one.path.width[number - frames_of(one.start)])
            ):
                self._painters[visit.number].paint(canvas, number - frames_of(visit.start))
            self._painters = {visit.number: self._painters[visit.number] for visit in present}
            self._sensor.expose(canvas, self._light.gain(second))
            yield canvas

    def empty(self, seconds: float, dark: list[tuple[float, float]]) -> Iterator[Canvas]:
        """The first room with nobody in it. dark: when the light is off."""
        rng = random.Random(len(dark))  # noqa: S311 - the replay does not depend on whether this was asked for
        room, light, sensor = self._room(self._table.chapters[0].room), Light(rng, dark), Sensor(rng)
        for number in range(frames_of(seconds)):
            canvas = room.copy()
            sensor.expose(canvas, light.gain(number / FPS))
            yield canvas

    def _room(self, number: int) -> Canvas:
        canvas = canvas_of(self._rooms[number], random.Random(number))  # noqa: S311
        if any(chapter.room == number and chapter.poster for chapter in self._table.chapters):
            self.poster_box = self._hang(canvas)
        return canvas

    def _hang(self, canvas: Canvas) -> Box:
        """A printed photograph on the wall; where its face is."""
        width, height = _POSTER
        with Image.open(self._poster.shown[0]) as opened:
            image = opened.convert("RGB")
        image = image.crop((40, 20, 210, 230))
        face, _ = face_of(self._engine, image)
        head_of(image, face).save(self._shown / file_of(self._poster.shown[0]), quality=95)
        printed = np.asarray(image.resize(_POSTER, Image.Resampling.LANCZOS).convert("YCbCr"))
        paper = np.full((height + 2 * _MARGIN, width + 2 * _MARGIN, 4), (225, 128, 128, 255), np.uint8)
        paper[_MARGIN:-_MARGIN, _MARGIN:-_MARGIN, :3] = np.uint8(printed * (0.85, 1.0, 1.0))
        left, top = WIDTH - width - 120, 90
        lay(canvas, paper, left, top)
        scale = width / image.width
        corner = left + _MARGIN + face.left * scale, top + _MARGIN + face.top * scale
        return Box(*corner, face.width * scale, face.height * scale)

    def _painter(self, visit: Visit) -> Painter:
        figures = [figure_of(self._engine, photograph, visit.clothes) for photograph in visit.photographs]
        for path, one in zip(visit.photographs, figures, strict=True):
            one.head.save(self._shown / file_of(path), quality=95)
        self.found |= {path: one.found for path, one in zip(visit.photographs, figures, strict=True)}
        return Painter(visit, figures)
