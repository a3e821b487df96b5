"""`api-face bench`: how fast this device recognises, without a server and without a store."""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from edge.commands.bench_match import match_rows
from edge.commands.bench_peers import add_peers, run_peers
from edge.commands.place import Place
from edge.commands.table import print_table
from edge.engine import Engine
from edge.errors import NoFace, SettingsError
from edge.face import Box
from edge.interpreter import runtime
from edge.landmarks import steadied
from edge.picture import Picture, decode, encode_jpeg
from edge.portrait import cut_out_portrait
from edge.settings import EMBEDDERS, Settings
from edge.vision import DETECT_SIDE, INDEX_SIZE

_CROP_QUALITY = 90


def arguments(parser: argparse.ArgumentParser) -> None:
    """--seconds S FILE..., or --peers DIR and what belongs to it."""
    parser.add_argument(
        "--seconds", metavar="S", type=float, default=3.0, help="for each figure, about (default: 3)"
    )
    parser.add_argument("files", metavar="FILE", nargs="*", type=Path, help="a JPEG or PNG")
    add_peers(parser)


def run(args: argparse.Namespace, place: Place) -> int:
    """Three tables: steps, threads, match; with --peers, other programs beside this one instead."""
    if (args.peers is None) == (not args.files):
        raise SettingsError("bench takes either photographs (FILE...) or --peers DIR")
    if args.peers is not None:
        return run_peers(args, place)
    if not 0 < args.seconds <= 3600:
        raise SettingsError(f"--seconds is a number of seconds up to 3600, not {args.seconds:g}")
    settings = place.settings()
    photographs = [_read(path) for path in args.files]
    engine = Engine.load(settings.model_threads, EMBEDDERS[settings.embedder])
    print(f"{_machine()}; {_engine(engine)}, {settings.model_threads} thread(s) each")
    print()
    print_table(("STEP", "MEDIAN", "SLOWEST"), _steps(engine, photographs, settings, args.seconds))
    print()
    print_table(("THREADS", "PHOTOGRAPHS"), _threads(engine, photographs, settings, args.seconds))
    print()
    heads = ("REFERENCES", "MATCH", "PLAIN DOT", "RATIO", "MEMORY")
    print_table(heads, match_rows(engine.embedder.dimensions, args.seconds))
    return 0


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise SettingsError(f"{path}: {error.strerror}") from error


def _machine() -> str:
    return f"{platform.machine()}, {len(os.sched_getaffinity(0))} cores, Python {platform.python_version()}"


def _engine(engine: Engine) -> str:
    return f"{runtime().name} {runtime().version} {'in XNNPACK' if engine.delegated() else 'without XNNPACK'}"


def _steps(
    engine: Engine, photographs: Sequence[bytes], settings: Settings, seconds: float
) -> list[tuple[str, str, str]]:
    """Each step over all photographs in turn. Raises PictureError, NoFace."""
    pictures = [decode(data, long_side=DETECT_SIDE) for data in photographs]
    detected = [engine.detector.detect(picture, settings.min_confidence) for picture in pictures]
    faces = [
        (picture, face.landmarks, face.box)
        for picture, found in zip(pictures, detected, strict=True)
        for face in found
        if face.landmarks is not None
    ]
    if not faces:
        raise NoFace("no face was found in these photographs; bench needs one")
    crops = [_cut_out(picture, box) for picture, _, box in faces]

    def look_again(number: int) -> None:
        picture, landmarks, _ = faces[number % len(faces)]
        steadied(engine.landmark_net, picture, landmarks)

    def embed(number: int) -> None:
        picture, landmarks, _ = faces[number % len(faces)]
        engine.embedder.embed(picture, landmarks)

    whole = _whole(engine, photographs, settings)
    steps: tuple[tuple[str, Callable[[int], object]], ...] = (
        ("decode", lambda n: decode(photographs[n % len(photographs)], long_side=DETECT_SIDE)),
        (
            "detect, decoded",
            lambda n: engine.detector.detect(pictures[n % len(pictures)], settings.min_confidence),
        ),
        ("look at one face again", look_again),
        ("embed one face", embed),
        ("identify, train: decode, detect, embed", whole),
        (
            "index: decode, landmarks, embed",
            lambda n: cut_out_portrait(engine, decode(crops[n % len(crops)])),
        ),
    )
    return [(name, *_timed(step, seconds)) for name, step in steps]


def _cut_out(picture: Picture, box: Box) -> bytes:
    """A face's box as a small client sends it to index."""
    across, down = INDEX_SIZE / box.width, INDEX_SIZE / box.height
    matrix = np.array([[across, 0.0, -box.left * across], [0.0, down, -box.top * down]])
    return encode_jpeg(picture.crop(matrix, INDEX_SIZE), _CROP_QUALITY)


def _whole(engine: Engine, photographs: Sequence[bytes], settings: Settings) -> Callable[[int], object]:
    def step(number: int) -> None:
        picture = decode(photographs[number % len(photographs)], long_side=DETECT_SIDE)
        for face in engine.detector.detect(picture, settings.min_confidence):
            if face.landmarks is not None:
                landmarks = steadied(engine.landmark_net, picture, face.landmarks)
                engine.embedder.embed(picture, landmarks)

    return step


def _timed(step: Callable[[int], object], seconds: float) -> tuple[str, str]:
    """Median and slowest of at least three turns, after one that does not count."""
    step(0)
    taken: list[float] = []
    end = time.perf_counter() + seconds
    while len(taken) < 3 or time.perf_counter() < end:
        began = time.perf_counter()
        step(len(taken))
        taken.append(time.perf_counter() - began)
    return f"{1000 * statistics.median(taken):.1f} ms", f"{1000 * max(taken):.1f} ms"


def _threads(
    engine: Engine, photographs: Sequence[bytes], settings: Settings, seconds: float
) -> list[tuple[str, str]]:
    """Whole recognitions per second with 1, 2, ... workers."""
    engines = [engine, *(engine.another() for _ in range(settings.workers - 1))]
    rows = []
    for count in range(1, settings.workers + 1):
        end = time.perf_counter() + seconds

        def work(mine: Engine, end: float = end) -> int:
            whole, done = _whole(mine, photographs, settings), 0
            while time.perf_counter() < end:
                whole(done)
                done += 1
            return done

        began = time.perf_counter()
        with ThreadPoolExecutor(count) as pool:
            done = sum(pool.map(work, engines[:count]))
        rows.append((str(count), f"{done / (time.perf_counter() - began):.1f} /s"))
    return rows
