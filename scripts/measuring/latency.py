"""Time of one request over HTTPS, keep-alive, against its own bare pipeline."""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass

from measuring import pictures
from measuring.bare import Bare
from measuring.client import Client, head, request
from measuring.service import Service
from measuring.table import Table, milliseconds

_WARM_UP = 5


@dataclass(frozen=True)
class Case:
    """An endpoint: its request, its bare pipeline, and how many times as long it may take."""

    name: str
    message: bytes
    bare: Callable[[], int]
    limit: float | None
    after: Callable[[bytes], None] | None = None
    """What is done with the answer's body, untimed."""


def measure(options: argparse.Namespace) -> Table:
    """Alternating samples of each case."""
    table = Table("Time over HTTPS, keep-alive, against the bare pipeline in the same run")
    with Service() as service:
        token = service.token("bench", "--scope", "recognise", "train", "admin")
        client = Client(service.port, service.trust())
        bare = Bare()
        for case in _cases(token, client, bare):
            used = -service.processor_s()
            http, alone = _sample(client, case, options.samples)
            used += service.processor_s()
            ratio = statistics.median(http) / statistics.median(alone)
            figure = f"{milliseconds(http)} / {milliseconds(alone)} = {ratio:.3f}"
            if case.limit is None:
                table.fact(case.name, figure)
            else:
                table.check(case.name, figure, f"<= {case.limit:.2f}", ratio <= case.limit)
        client.close()
    return table


def _cases(token: str, client: Client, bare: Bare) -> list[Case]:
    vga, crop, other = pictures.vga(), pictures.crop64(), pictures.other_crop64()

    def forget(body: bytes) -> None:
        client.ask(head("DELETE", f"/v1.0/people/{json.loads(body)['personId']}", token, 0))

    index = request("/v1.0/index", token, crop)
    stranger = request("/v1.0/index", token, other)
    train = request("/v1.0/train", token, vga, personId="new")
    detect = request("/v1.0/detect", token, vga)
    identify = request("/v1.0/identify", token, vga)
    return [
        Case("detect 640x480", detect, lambda: bare.detect(vga), 1.10),
        Case("index 64x64, a known person", index, lambda: bare.crop(crop), 1.25),
        Case("index 64x64, a stranger (enrolled, on disk)", stranger, lambda: bare.crop(other), 1.25, forget),
        Case("train 640x480 (a new person, on disk)", train, lambda: bare.portrait(vga), 1.25, forget),
        Case("identify 640x480", identify, lambda: bare.portrait(vga), 1.10),
    ]


def _sample(client: Client, case: Case, count: int) -> tuple[list[float], list[float]]:
    http: list[float] = []
    alone: list[float] = []
    for turn in range(count + _WARM_UP):
        began = time.perf_counter()
        status, body = client.ask(case.message)
        between = time.perf_counter()
        faces = case.bare()
        ended = time.perf_counter()
        if status != 200 or faces != 1:
            raise RuntimeError(f"{case.name}: {status} {body.decode(errors='replace')}, {faces} faces")
        if case.after is not None:
            case.after(body)
        if turn >= _WARM_UP:
            http.append(between - began)
            alone.append(ended - between)
    return http, alone
