"""What each endpoint writes to disk: an SD card takes 10 to 100 ms for each fsync."""

from __future__ import annotations

import argparse
import re
import shutil
import signal
import subprocess
import time
from pathlib import Path

from measuring import pictures
from measuring.client import Client, head, request
from measuring.service import Service
from measuring.table import Table

COUNT = 20
_CALLS = "fsync,fdatasync,write,pwrite64,sync_file_range"
_WROTE = re.compile(r"(?:write|pwrite64)\(\d+<([^>]*)>.*= (\d+)$")
_SYNCED = re.compile(r"(?:fsync|fdatasync)\(\d+<([^>]*)>")


def measure(options: argparse.Namespace) -> Table:
    """Counted by strace, over some requests of each kind."""
    table = Table("fsyncs and bytes written per request")
    if shutil.which("strace") is None:
        table.fact("strace is not installed", "not measured")
        return table
    with Service() as service:
        token = service.token("bench", "--scope", "recognise", "train", "admin")
        client = Client(service.port, service.trust())
        vga, crop = pictures.vga(), pictures.crop64()
        detect = request("/v1.0/detect", token, vga)
        client.ask(detect)
        client.ask(request("/v1.0/index", token, crop))
        kinds = (
            ("detect", detect),
            ("identify", request("/v1.0/identify", token, vga)),
            ("index, a known person", request("/v1.0/index", token, crop)),
            ("train, a new person", request("/v1.0/train", token, vga, personId="new")),
            ("refused: no such token", head("POST", "/v1.0/detect", "x" * 43, 0)),
        )
        for name, message in kinds:
            syncs, written = _traced(service, client, message)
            table.fact(name, f"{syncs / COUNT:.1f} fsyncs, {written / COUNT / 1024:.1f} KiB")
        client.close()
    return table


def _traced(service: Service, client: Client, message: bytes) -> tuple[int, int]:
    trace = Path(service.log).with_name("trace")
    command = ["strace", "-f", "-y", "-s", "0", "-e", f"trace={_CALLS}", "-o", str(trace)]
    tracer = subprocess.Popen([*command, "-p", str(service.process.pid)], stderr=subprocess.PIPE, text=True)
    assert tracer.stderr is not None
    tracer.stderr.readline()  # it is attached
    time.sleep(0.2)
    for _ in range(COUNT):
        client.ask(message)
    tracer.send_signal(signal.SIGINT)
    tracer.communicate()
    syncs = written = 0
    for line in trace.read_text().splitlines():
        if (match := _SYNCED.search(line)) and str(service.state) in match[1]:
            syncs += 1
        if (match := _WROTE.search(line)) and str(service.state) in match[1]:
            written += int(match[2])
    return syncs, written
