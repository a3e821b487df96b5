"""An honest client before and during an attack by clients that have no token."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import psutil

from edge.settings import Settings
from measuring import pictures
from measuring.client import Client, request
from measuring.service import Service
from measuring.table import Table, mib, milliseconds, percentile

MOST_SLOWER = 2.0
PAUSE_S = 0.05
"""Between two requests of the honest client."""
QUIET_SHARE = 0.34
RAMP_S = 2.0


def measure(seconds: float, clients: int) -> Table:
    """Quiet, attacked, quiet again."""
    table = Table(f"{clients} silent, {clients} dripping clients and 300 MB bodies for {seconds:g} s")
    with Service() as service:
        token = service.token("honest")
        messages = {
            "detect 640x480": request("/v1.0/detect", token, pictures.vga()),
            "index 64x64": request("/v1.0/index", token, pictures.crop64()),
        }
        honest = Honest(service, messages)
        honest.ask_for(3.0)  # warm
        quiet = honest.ask_for(max(10.0, seconds * QUIET_SHARE))
        fresh = service.rss()
        attackers = _start(service.port, seconds + RAMP_S, clients)
        time.sleep(RAMP_S)
        used, theirs = service.processor_s(), psutil.Process(attackers.pid)
        before = sum(theirs.cpu_times()[:2])
        honest.peak = service.rss()
        attacked = honest.ask_for(seconds - 0.5)
        used, cost = service.processor_s() - used, sum(theirs.cpu_times()[:2]) - before
        output, _ = attackers.communicate(timeout=30)
        for name in messages:
            calm, stormy = percentile(quiet[name], 95), percentile(attacked[name], 95)
            table.check(
                f"{name}, honest client",
                f"{milliseconds(attacked[name])}; quiet {milliseconds(quiet[name])}: "
                f"p95 x {stormy / calm:.2f}",
                f"p95 <= {MOST_SLOWER:g} x quiet p95",
                stormy <= MOST_SLOWER * calm,
            )
        table.check("honest requests that failed", str(honest.failed), "0", honest.failed == 0)
        most = fresh + (Settings().total_memory_mib << 20)
        table.check("peak resident memory", mib(honest.peak), f"<= {mib(most)}", honest.peak <= most)
        time.sleep(2)
        table.fact("resident memory before, after", f"{mib(fresh)}, {mib(service.rss())}")
        table.fact("processor time of the service, of the attackers", f"{used:.1f} s, {cost:.1f} s")
    for name, count in sorted(json.loads(output).items()):
        table.fact(f"attackers: {name}", f"{count:,}")
    return table


class Honest:
    """A client with a token and a keep-alive connection, a request now and then."""

    def __init__(self, service: Service, messages: dict[str, bytes]) -> None:
        self._service = service
        self._messages = messages
        self._client = Client(service.port, service.trust())
        self.failed = 0
        self.peak = 0

    def ask_for(self, seconds: float) -> dict[str, list[float]]:
        """Each kind in turn; times in seconds."""
        times: dict[str, list[float]] = {name: [] for name in self._messages}
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            for name, message in self._messages.items():
                began = time.perf_counter()
                try:
                    status, _ = self._client.ask(message)
                except OSError:
                    status = 0
                    self._client.close()
                times[name].append(time.perf_counter() - began)
                self.failed += status != 200
                self.peak = max(self.peak, self._service.rss())
                time.sleep(PAUSE_S)
        return times


def _start(port: int, seconds: float, clients: int) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "measuring.attackers", str(port), str(seconds), str(clients)]
    scripts = Path(__file__).resolve().parent.parent
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=scripts)
