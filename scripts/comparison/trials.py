"""What is done to each server, and the words for what it did."""

from __future__ import annotations

import contextlib
import http.client
import socket
import ssl
import statistics
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import psutil

CLIENTS = 20
WATCH_S = 6.0
PATIENCE_S = 6.0
BODY = b"x" * 80_000
TOKEN = {"Authorization": "Bearer t"}
MIB = 1 << 20


class Subject:
    """One running server, all its processes included."""

    def __init__(self, name: str, port: int, process: psutil.Process, trust: ssl.SSLContext) -> None:
        self.name, self.port, self.process, self.trust = name, port, process, trust
        self.kept: http.client.HTTPSConnection | None = None

    def rss(self) -> float:
        """MiB."""
        family = [self.process, *self.process.children(recursive=True)]
        return sum(member.memory_info().rss for member in family) / MIB

    def connect(self) -> http.client.HTTPSConnection:
        return http.client.HTTPSConnection("localhost", self.port, context=self.trust, timeout=PATIENCE_S)

    def honest(self, path: str = "/", body: bytes | None = BODY) -> str:
        """The status, or the name of what went wrong."""
        with contextlib.closing(self.connect()) as connection:
            try:
                connection.request("POST", path, body, TOKEN)
                response = connection.getresponse()
                kind = (response.headers.get("Content-Type") or "no type").split(";")[0]
                response.read()
            except (OSError, http.client.HTTPException) as error:
                return type(error).__name__
            return f"{response.status}" if response.status == 200 else f"{response.status} {kind}"

    def honest_seconds(self) -> str:
        """How long an honest client's fresh connection and request take, the worst of three."""
        worst = 0.0
        for _ in range(3):
            began = time.monotonic()
            status = self.honest()
            worst = max(worst, time.monotonic() - began)
            if status != "200":
                return f"{status} ({worst:.1f} s)"
        return f"{worst:.2f} s"


def silent_clients(subject: Subject) -> str:
    """Connections on which nothing is ever sent."""
    with contextlib.ExitStack() as stack:
        for _ in range(CLIENTS):
            stack.enter_context(socket.create_connection(("127.0.0.1", subject.port)))
        time.sleep(0.3)
        return subject.honest_seconds()


def dripping_clients(subject: Subject) -> tuple[str, str, str]:
    """A byte every half second in the head; one client with a token in the body: who is closed, when."""
    with contextlib.ExitStack() as stack:
        began = time.monotonic()
        heads = [stack.enter_context(tls) for tls in open_all(subject, CLIENTS)]
        bodies = [stack.enter_context(tls) for tls in open_all(subject, 1)]
        start = b"POST / HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer t\r\n"
        for sock in heads:
            quietly(sock, start + b"X-Drip: ")
        for sock in bodies:
            quietly(sock, start + b"Content-Length: 100000\r\n\r\n")
        ended: dict[socket.socket, float] = {}
        watch = ThreadPoolExecutor(1).submit(subject.honest_seconds)
        while time.monotonic() - began < WATCH_S:
            for sock in (*heads, *bodies):
                if sock not in ended and (not quietly(sock, b"x") or has_ended(sock)):
                    ended[sock] = time.monotonic() - began
            time.sleep(0.5)
        return watch.result(), when(heads, ended), when(bodies, ended)


def open_all(subject: Subject, count: int) -> list[ssl.SSLSocket]:
    """TLS connections; fewer when the server takes no more."""
    found = []
    for _ in range(count):
        plain = socket.create_connection(("127.0.0.1", subject.port), timeout=2)
        with contextlib.suppress(OSError):
            found.append(subject.trust.wrap_socket(plain, server_hostname="localhost"))
    return found


def quietly(sock: socket.socket, data: bytes) -> bool:
    """Send; False when the connection has ended."""
    with contextlib.suppress(OSError):
        sock.sendall(data)
        return True
    return False


def has_ended(sock: socket.socket) -> bool:
    sock.settimeout(0.01)
    try:
        return sock.recv(1) == b""
    except TimeoutError:
        return False
    except OSError:
        return True


def when(sockets: Sequence[socket.socket], ended: dict[socket.socket, float]) -> str:
    times = [ended[sock] for sock in sockets if sock in ended]
    if not sockets:
        return "not let in"
    return f"closed after {max(times):.0f} s" if len(times) == len(sockets) else "kept"


def refused_body(subject: Subject) -> tuple[str, str]:
    """300 MB without a token: the rise of the memory, and what the client reads."""
    before, peak, done = subject.rss(), 0.0, threading.Event()

    def watch() -> None:
        nonlocal peak
        while not done.wait(0.02):
            peak = max(peak, subject.rss())

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        seen = sent_without_token(subject, 300)
    finally:
        done.set()
        watcher.join()
    return f"+{max(peak - before, 0):.0f} MiB", seen


def sent_without_token(subject: Subject, megabytes: int) -> str:
    with contextlib.closing(subject.connect()) as connection:
        connection.putrequest("POST", "/")
        connection.putheader("Content-Length", str(megabytes * 1_000_000))
        connection.endheaders()
        sent, piece = 0, b"x" * 1_000_000
        with contextlib.suppress(OSError):
            for sent in range(megabytes):
                connection.send(piece)
                if sent == 0:  # a careful client looks whether it has been refused already
                    time.sleep(0.1)
                    connection.sock.settimeout(PATIENCE_S)
        try:
            return f"{connection.getresponse().status} after {sent + 1} MB"
        except (OSError, http.client.HTTPException) as error:
            return f"{type(error).__name__} after {sent + 1} MB"


def beyond_capacity(subject: Subject) -> str:
    """Twelve slow requests at once, on four threads."""
    began = time.monotonic()
    with ThreadPoolExecutor(12) as pool:
        answers = list(pool.map(lambda _: subject.honest("/slow", None), range(12)))
    counts = ", ".join(f"{answers.count(kind)} x {kind}" for kind in sorted(set(answers)))
    return f"{counts} in {time.monotonic() - began:.0f} s"


def overhead(subjects: Sequence[Subject], rounds: int = 20, each: int = 25) -> dict[str, float]:
    """Milliseconds (p50) of an 80 kB request on a kept connection, all servers by turns."""
    times: dict[str, list[float]] = {subject.name: [] for subject in subjects}
    for _ in range(rounds):
        for subject in subjects:
            with contextlib.closing(subject.connect()) as connection:
                for number in range(each):
                    began = time.perf_counter()
                    connection.request("POST", "/", BODY, TOKEN)
                    connection.getresponse().read()
                    if number:  # the first one pays for the handshake
                        times[subject.name].append(1000 * (time.perf_counter() - began))
    return {name: statistics.median(values) for name, values in times.items()}
