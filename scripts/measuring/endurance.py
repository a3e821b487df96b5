"""Resident memory of the service over thousands of requests."""

from __future__ import annotations

import itertools
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from edge.settings import Settings
from measuring import pictures
from measuring.client import Client, head, request
from measuring.service import Service
from measuring.table import Table, mib

MOST_AT_REST = 150 << 20
MOST_GROWTH = 4 << 20
"""Flat: so little may the fitted line under load rise over the last nine tenths, and memory at rest over the
last half (bytes). The former has what the allocator keeps while there is work in it, the latter has not."""
RESTS = (0.1, 0.5, 1.0)
"""Parts of the requests after which the service gets a rest. The first is the warm-up: threads, engines and
connections that are made when they are first wanted."""
SAMPLE_S = 0.05
SETTLE_S = 5.0
PROGRESS_S = 10.0


@dataclass
class Course:
    """What was seen on the way. samples: requests done, bytes."""

    samples: list[tuple[int, int]] = field(default_factory=list)
    statuses: Counter[str] = field(default_factory=Counter)
    done: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def answered(self, name: str, status: int) -> None:
        """One more."""
        with self.lock:
            self.done += 1
            self.statuses[f"{name} {status}"] += 1


def measure(requests: int, clients: int) -> Table:
    """Start; send, watch and rest by turns."""
    table = Table(f"Memory over {requests:,} requests, {clients} clients")
    with Service() as service:
        fresh = service.rss()
        course = Course()
        messages = list(itertools.islice(_messages(service), requests))
        resting, took = [], 0.0
        for first, last in itertools.pairwise((0, *(round(part * requests) for part in RESTS))):
            began = time.perf_counter()
            _send_all(service, messages[first:last], clients, course)
            took += time.perf_counter() - began
            time.sleep(SETTLE_S)
            resting.append(service.rss())
        table.fact("just started", mib(fresh))
        _judge(table, course, resting, requests)
        table.fact("time", f"{took:.0f} s, {requests / took:.1f} /s")
    for name, count in sorted(course.statuses.items()):
        table.fact(f"answers: {name}", f"{count:,}")
    return table


def _judge(table: Table, course: Course, resting: list[int], requests: int) -> None:
    *_, half, rest = resting
    settings = Settings()
    peak = max(size for _, size in course.samples)
    most = MOST_AT_REST + (settings.total_memory_mib << 20)
    table.check("at rest afterwards", mib(rest), f"<= {mib(MOST_AT_REST)}", rest <= MOST_AT_REST)
    table.check(
        f"at rest after {', '.join(f'{part * requests:,.0f}' for part in RESTS)}",
        ", ".join(mib(size) for size in resting),
        f"the last half <= {mib(MOST_GROWTH)}",
        rest - half <= MOST_GROWTH,
    )
    growth = _rise(course, requests, RESTS[0])
    table.check(
        "rise of the fitted line under load over the last nine tenths",
        mib(growth),
        f"<= {mib(MOST_GROWTH)}",
        growth <= MOST_GROWTH,
    )
    table.check("peak", mib(peak), f"<= at rest + budget = {mib(most)}", peak <= most)
    broken = sum(count for name, count in course.statuses.items() if name.split()[-1] in ("0", "500"))
    table.check("500s and broken connections", str(broken), "0", broken == 0)


def _rise(course: Course, requests: int, since: float) -> float:
    """Bytes by which the line rises that is fitted to what was seen after that part of the requests."""
    late = np.array([sample for sample in course.samples if sample[0] >= since * requests], np.float64)
    return float(np.polyfit(late[:, 0], late[:, 1], 1)[0]) * requests * (1 - since)


def _messages(service: Service) -> Iterator[tuple[str, bytes]]:
    """The mix, for ever."""
    token = service.token("soak")
    vga, large = pictures.vga(), pictures.phone()
    phones = (
        pictures.jpeg(large),
        pictures.jpeg(large, progressive=True),
        pictures.phone_png(),
    )
    identify = [
        (name, request("/v1.0/identify", token, phone))
        for name, phone in zip(("baseline", "progressive", "PNG"), phones, strict=True)
    ]
    del large
    crops = [pictures.crop64(), pictures.other_crop64()]
    detect = request("/v1.0/detect", token, vga)
    index = [request("/v1.0/index", token, crop) for crop in crops]
    train = [request("/v1.0/train", token, look) for look in pictures.looks(24)]
    refused = [
        ("no such token", request("/v1.0/detect", "x" * 43, vga)),
        ("corrupt", request("/v1.0/detect", token, vga[: len(vga) // 2])),
        ("too large", head("POST", "/v1.0/detect", token, 300_000_000)),
        ("not a picture", request("/v1.0/train", token, b"not a picture" * 1000)),
    ]
    for turn in itertools.count():
        bad, worse = refused[2 * turn % 4], refused[(2 * turn + 1) % 4]
        yield "detect", detect
        yield "index", index[turn % len(index)]
        yield "detect", detect
        yield f"refused, {bad[0]}", bad[1]
        yield f"identify 12 Mpx {identify[turn % 3][0]}", identify[turn % 3][1]
        yield "detect", detect
        yield "index", index[turn % len(index)]
        yield "train", train[turn % len(train)]
        yield "detect", detect
        yield f"refused, {worse[0]}", worse[1]


def _send_all(service: Service, messages: list[tuple[str, bytes]], clients: int, course: Course) -> None:
    waiting = iter(messages)
    turn = threading.Lock()

    def client() -> None:
        connection = Client(service.port, service.trust())
        while True:
            with turn:
                name, message = next(waiting, ("", b""))
            if not message:
                break
            try:
                status, _ = connection.ask(message)
            except OSError:
                status = 0
                connection.close()
            course.answered(name, status)
        connection.close()

    threads = [threading.Thread(target=client, daemon=True) for _ in range(clients)]
    for thread in threads:
        thread.start()
    told = time.perf_counter()
    while any(thread.is_alive() for thread in threads):
        course.samples.append((course.done, service.rss()))
        if time.perf_counter() - told > PROGRESS_S and sys.stderr.isatty():
            told = time.perf_counter()
            print(f"{course.done} {mib(course.samples[-1][1])}", file=sys.stderr)
        time.sleep(SAMPLE_S)
