"""Answers per second that 8 clients get from 2 cores, against what the bare pipeline's processor time allows."""

from __future__ import annotations

import argparse
import os
import threading
import time
from collections.abc import Callable

import psutil

from measuring import pictures
from measuring.bare import Bare
from measuring.client import Client, request
from measuring.service import Service, chosen_cores
from measuring.table import Table

CLIENTS = 8
CORES = 2
LEAST = 0.85


def measure(options: argparse.Namespace) -> Table:
    """Everything, the clients too, on the same cores; the bare pipeline just before and just after."""
    table = Table(f"Throughput, {CLIENTS} clients on {CORES} cores")
    os.sched_setaffinity(0, chosen_cores(CORES))
    cores = len(os.sched_getaffinity(0))
    vga, crop = pictures.vga(), pictures.crop64()
    with Service(settings=f"workers = {cores}\n", cores=cores) as service:
        token = service.token("bench")
        bare = Bare()
        for name, path, picture, alone in (
            ("detect 640x480", "/v1.0/detect", vga, bare.detect),
            ("identify 640x480", "/v1.0/identify", vga, bare.portrait),
            ("index 64x64", "/v1.0/index", crop, bare.crop),
        ):
            message = request(path, token, picture)
            before = _processor_s(alone, picture)
            rate, used, free = _rate(service, message, options.seconds, cores)
            cost = (before + _processor_s(alone, picture)) / 2
            share = rate * cost / free
            table.check(
                name,
                f"{rate:.1f} /s of {free / cost:.1f} /s, which {free:.2f} cores at {1000 * cost:.1f} ms of "
                f"processor time allow: {share:.2f}",
                f">= {LEAST}",
                share >= LEAST,
            )
            table.fact(f"{name}, processor time of the service", f"{1000 * used:.1f} ms each")
            table.fact(f"{name}, cores that other programs took meanwhile", f"{cores - free:.2f}")
    return table


def _processor_s(alone: Callable[[bytes], int], picture: bytes, count: int = 20) -> float:
    alone(picture)
    began = time.process_time()
    for _ in range(count):
        alone(picture)
    return (time.process_time() - began) / count


def _rate(service: Service, message: bytes, seconds: float, cores: int) -> tuple[float, float, float]:
    """Answers per second, processor time of the service per answer (seconds), and the cores that were
    there for service and clients: all, less what other programs used.
    """
    counts = [0] * CLIENTS
    begin, end = threading.Barrier(CLIENTS + 1), threading.Event()

    def client(number: int) -> None:
        connection = Client(service.port, service.trust())
        connection.ask(message)
        begin.wait()
        while not end.is_set():
            status, body = connection.ask(message)
            if status != 200:
                raise RuntimeError(f"{status} {body.decode(errors='replace')}")
            counts[number] += 1
        connection.close()

    threads = [threading.Thread(target=client, args=(number,)) for number in range(CLIENTS)]
    for thread in threads:
        thread.start()
    begin.wait()
    began, used, mine, busy = time.perf_counter(), service.processor_s(), time.process_time(), _busy_s()
    time.sleep(seconds)
    answers, took, spent = sum(counts), time.perf_counter() - began, service.processor_s() - used
    others = max(0.0, _busy_s() - busy - spent - (time.process_time() - mine))
    end.set()
    for thread in threads:
        thread.join()
    return answers / took, spent / max(answers, 1), cores - others / took


def _busy_s() -> float:
    """Processor time that all programs used so far on the chosen cores, seconds."""
    times = psutil.cpu_times(percpu=True)
    return sum(sum(times[core]) - times[core].idle - times[core].iowait for core in chosen_cores(CORES))
