"""Starts every candidate, tries each, and prints the table in Markdown."""

from __future__ import annotations

import contextlib
import importlib.metadata
import socket
import ssl
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psutil

from comparison import trials
from comparison.candidates import CANDIDATES
from comparison.trials import Subject
from edge.server.tls import ensure

ARM = {"arm64": ("manylinux2014_aarch64", "manylinux_2_28_aarch64"), "armhf": ("manylinux2014_armv7l",)}
ELSEWHERE = {"tornado": "; elsewhere it installs without its (optional) C module"}
STREAMS = {
    "tornado": "yes: a stream is an open exchange on the loop, no thread",
    "cheroot": "a worker thread each",
    "uvicorn": "yes as ASGI; through the bridge a thread each",
    "hypercorn": "yes as ASGI; through the wrapper a thread each",
    "granian": "yes as ASGI; as WSGI a thread each",
    "gunicorn": "a worker thread each",
}
COLUMNS = (
    "server",
    "20 silent TLS clients: an honest one waits",
    "20 dripping: an honest one waits",
    "dripping heads are",
    "a dripping body is",
    "refused 300 MB: memory",
    "the client reads",
    "12 requests on 4 threads",
    "RSS at rest",
    "80 kB, kept, p50",
    "wheels",
    "room for event streams",
)


@contextlib.contextmanager
def running(name: str, folder: Path, trust: ssl.SSLContext) -> Iterator[Subject]:
    """The server of that name on a free port."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "comparison.candidates", name, str(port), str(folder)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    subject = Subject(name, port, psutil.Process(process.pid), trust)
    try:
        deadline = time.monotonic() + 20
        while subject.honest() != "200":
            if time.monotonic() > deadline:
                raise SystemExit(f"{name} does not answer")
            time.sleep(0.2)
        yield subject
    finally:
        family = [subject.process, *subject.process.children(recursive=True)]
        for member in family:
            with contextlib.suppress(psutil.NoSuchProcess):
                member.kill()
        process.wait()


def wheels(name: str) -> str:
    """Whether the package is pure Python, else for which Pi there are wheels in the index."""
    tags = importlib.metadata.distribution(name).read_text("WHEEL") or ""
    if "Root-Is-Purelib: true" in tags:
        return "pure Python"
    found = [machine for machine, platforms in ARM.items() if downloadable(name, platforms)]
    return f"compiled: {', '.join(found) or 'none'}{ELSEWHERE.get(name, '')}"


def downloadable(name: str, platforms: tuple[str, ...]) -> bool:
    version = importlib.metadata.version(name)
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:"]
        command += ["--python-version=3.11", f"--dest={folder}", f"{name}=={version}"]
        command += [f"--platform={platform}" for platform in platforms]
        return subprocess.run(command, capture_output=True, check=False).returncode == 0


def row(subject: Subject, p50: float, best: float) -> list[str]:
    """Every trial of one server, the milder ones first."""
    rest = subject.rss()
    silent = trials.silent_clients(subject)
    waits, heads, bodies = trials.dripping_clients(subject)
    memory, seen = trials.refused_body(subject)
    crowd = trials.beyond_capacity(subject)
    name = subject.name
    title = f"{name} {importlib.metadata.version(name)}"
    speed = f"{p50:.2f} ms ({p50 / best:.2f} x)"
    cells = [silent, waits, heads, bodies, memory, seen, crowd, f"{rest:.0f} MiB", speed, wheels(name)]
    return [title, *cells, STREAMS[name]]


def main() -> None:
    names = sys.argv[1:] or list(CANDIDATES)
    with tempfile.TemporaryDirectory() as place, contextlib.ExitStack() as stack:
        folder = Path(place) / "tls"
        ensure(folder, (), time.time())
        trust = ssl.create_default_context(cafile=folder / "ca.crt")
        subjects = [stack.enter_context(running(name, folder, trust)) for name in names]
        p50 = trials.overhead(subjects)
        table = []
        for subject in subjects:
            print(f"trying {subject.name} ...", file=sys.stderr, flush=True)
            table.append(row(subject, p50[subject.name], min(p50.values())))
    print("| " + " | ".join(["", *(cells[0] for cells in table)]) + " |")
    print("|" + "---|" * (len(table) + 1))
    for number, title in enumerate(COLUMNS[1:], 1):
        print("| " + " | ".join([title, *(cells[number] for cells in table)]) + " |")


if __name__ == "__main__":
    main()
