"""The real service in a process of its own: state folder, tokens, start, memory, processor time, stop."""

from __future__ import annotations

import os
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil

from measuring import ROOT

_HEALTH = b"GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
_START_LIMIT_S = 60.0


class Service:
    """`api-face serve` on a free port of 127.0.0.1; a context manager that stops it and removes its state."""

    def __init__(self, settings: str = "", cores: int | None = None) -> None:
        """settings: lines of settings.toml. cores: how many the service may use (None: all)."""
        self._folder = tempfile.TemporaryDirectory(prefix="api-face-measure-")
        self.state = Path(self._folder.name) / "state"
        self.log = Path(self._folder.name) / "log"
        self.state.mkdir(mode=0o700)
        (self.state / "settings.toml").write_text(settings)
        self._cores = cores
        self._process: subprocess.Popen[str] | None = None
        self.port = 0
        self.ready_s = 0.0

    def __enter__(self) -> Service:
        try:
            self.start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        self._folder.cleanup()

    @property
    def process(self) -> psutil.Process:
        assert self._process is not None
        return psutil.Process(self._process.pid)

    def token(self, name: str, *options: str) -> str:
        """A new token without a quota."""
        command = [*self._api_face("token"), "add", name, *options]
        return subprocess.run(command, check=True, capture_output=True, text=True, cwd=ROOT).stdout.strip()

    def start(self) -> None:
        """Start; ready_s is then the time from here until /health answered 200."""
        began = time.perf_counter()
        with self.log.open("a") as log:
            self._process = subprocess.Popen(
                [*self._api_face("serve"), "--host", "127.0.0.1", "--port", "0"],
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                cwd=ROOT,
            )
        if self._cores is not None:
            os.sched_setaffinity(self._process.pid, chosen_cores(self._cores))
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if "https://" not in line:
            raise RuntimeError(f"the service did not start: {line}{self.log.read_text()}")
        self.port = int(line.split("https://", 1)[1].split()[0].rsplit(":", 1)[1])
        while not self.healthy():
            if time.perf_counter() - began > _START_LIMIT_S:
                raise RuntimeError("the service did not become ready")
            time.sleep(0.002)
        self.ready_s = time.perf_counter() - began

    def stop(self) -> None:
        """SIGTERM, and wait."""
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
            try:
                self._process.wait(40)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        if self._process is not None and self._process.stdout is not None:
            self._process.stdout.close()
        self._process = None

    def trust(self) -> ssl.SSLContext:
        """What a client needs to trust the device."""
        return ssl.create_default_context(cafile=str(self.state / "tls" / "ca.crt"))

    def healthy(self) -> bool:
        """Whether /health answers 200."""
        try:
            with (
                socket.create_connection(("127.0.0.1", self.port), 5) as plain,
                self.trust().wrap_socket(plain, server_hostname="127.0.0.1") as tls,
            ):
                tls.sendall(_HEALTH)
                return tls.recv(64).startswith(b"HTTP/1.1 200 ")
        except OSError:
            return False

    def rss(self) -> int:
        """Resident memory, bytes."""
        return int(self.process.memory_info().rss)

    def processor_s(self) -> float:
        """Processor time used so far, seconds."""
        times = self.process.cpu_times()
        return float(times.user + times.system)

    def _api_face(self, command: str) -> list[str]:
        return [sys.executable, "-m", "edge", "--state", str(self.state), command]


def chosen_cores(count: int) -> set[int]:
    """The first `count` of the cores that this process may use."""
    return set(sorted(os.sched_getaffinity(0))[:count])
