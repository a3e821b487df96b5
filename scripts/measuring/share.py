"""What the camera costs the API: the same request with a camera that sees people all the while, and without one.

Two services take turns; the one whose turn it is not stands still (SIGSTOP, its camera's process too).
"""

from __future__ import annotations

import argparse
import io
import re
import signal
import statistics
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from PIL import Image

from measuring import pictures
from measuring.client import Client, head, request
from measuring.service import Service
from measuring.table import Table, milliseconds, percentile

_BLOCK = 10
_CLIENTS = 4
_FRAMES = 40


def measure(options: argparse.Namespace) -> Table:
    """Alternating blocks of detect, with one client and with four."""
    table = Table("The API beside a camera that has somebody in view (replay, 10 frames/s asked)")
    with tempfile.TemporaryDirectory(prefix="api-face-replay-") as folder:
        _replay(Path(folder))
        watching = f'camera = "file:{folder}?loop"\n'
        with Service() as alone, Service(watching) as beside:
            for service in (alone, beside):
                _pause(service)
            for clients in (1, _CLIENTS):
                _compare(table, alone, beside, clients, options.samples)
            for service in (alone, beside):
                _go_on(service)
    return table


def _compare(table: Table, alone: Service, beside: Service, clients: int, samples: int) -> None:
    without: list[float] = []
    with_camera: list[float] = []
    frames = seconds = 0.0
    for _ in range(max(samples // _BLOCK, 1)):
        with _turn(alone):
            without += _asked(alone, clients)
        with _turn(beside):
            before, began = _looked_at(beside), time.perf_counter()
            with_camera += _asked(beside, clients)
            frames += _looked_at(beside) - before
            seconds += time.perf_counter() - began
    middle = statistics.median(with_camera) / statistics.median(without)
    late = percentile(with_camera, 95) / percentile(without, 95)
    figures = f"{milliseconds(with_camera)} / {milliseconds(without)} = {middle:.2f} (p95 {late:.2f})"
    table.fact(f"detect 640x480, {clients} client(s), with / without camera", figures)
    table.fact(f"frames looked at meanwhile, {clients} client(s)", f"{frames / seconds:.1f} a second")


def _asked(service: Service, clients: int) -> list[float]:
    message = request("/v1.0/detect", _token(service), pictures.vga())

    def samples(_: int) -> list[float]:
        client, found = Client(service.port, service.trust()), []
        client.ask(message)  # the handshake does not count
        for _ in range(_BLOCK):
            began = time.perf_counter()
            status, _body = client.ask(message)
            found.append(time.perf_counter() - began)
            if status != 200:
                raise RuntimeError(f"detect answered {status}")
        client.close()
        return found

    with ThreadPoolExecutor(clients) as pool:
        return [one for found in pool.map(samples, range(clients)) for one in found]


def _token(service: Service) -> str:
    known = service.state / "bench-token"
    if not known.exists():
        known.write_text(service.token("bench", "--scope", "recognise", "admin"))
    return known.read_text()


def _looked_at(service: Service) -> float:
    client = Client(service.port, service.trust())
    _, body = client.ask(head("GET", "/metrics", _token(service), 0))
    client.close()
    return float(re.findall(r"^api_face_camera_detect_runs (\S+)$", body.decode(), re.MULTILINE)[0])


@contextmanager
def _turn(service: Service) -> Iterator[None]:
    _go_on(service)
    time.sleep(0.5)
    yield
    _pause(service)


def _pause(service: Service) -> None:
    for process in (service.process, *service.process.children()):
        process.send_signal(signal.SIGSTOP)


def _go_on(service: Service) -> None:
    for process in (*service.process.children(), service.process):
        process.send_signal(signal.SIGCONT)


def _replay(folder: Path) -> None:
    """Somebody who moves to and fro all the time."""
    with Image.open(io.BytesIO(pictures.vga())) as opened:
        face = opened.convert("RGB")
    for number in range(_FRAMES):
        frame = Image.new("RGB", (1280, 720), (90, 100, 110))
        frame.paste(face, (abs(number - _FRAMES // 2) * 16, 120))
        frame.save(folder / f"{number:03}.jpg", quality=85)
