"""The attackers, in one process and one thread, as cheap as they can be: `python -m measuring.attackers`.

Prints one line of JSON at the end: what they did and what they were answered.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import resource
import ssl
import time
from collections import Counter
from collections.abc import Awaitable, Callable

HOST = "127.0.0.1"
BODY_BYTES = 300_000_000
BIG_CLIENTS = 2
DRIP_S = 2.0
"""One byte each."""
PAUSE_S = 2.0
"""After a connection was closed on an attacker, before the next one."""

_BLOCK = b"x" * 65536
_HEAD = b"POST /v1.0/detect HTTP/1.1\r\nHost: localhost\r\n"
_BAD = b"Authorization: Bearer " + b"x" * 43 + b"\r\n"


class Attack:
    """What all attackers share."""

    def __init__(self, port: int, seconds: float) -> None:
        self.port = port
        self.end = time.monotonic() + seconds
        self.seen: Counter[str] = Counter()
        self.trust = ssl.create_default_context()
        self.trust.check_hostname, self.trust.verify_mode = False, ssl.CERT_NONE

    async def silent(self) -> None:
        """A handshake, then nothing."""
        reader, _ = await self._connect("silent")
        await self._closed(reader)

    async def dumb(self) -> None:
        """A TCP connection on which not even the handshake begins."""
        reader, _ = await asyncio.open_connection(HOST, self.port)
        self.seen["dumb connections"] += 1
        await self._closed(reader)

    async def drip_head(self) -> None:
        """A head that never ends."""
        reader, writer = await self._connect("dripping heads")
        writer.write(_HEAD + b"X-Slow: ")
        await self._drip(reader, writer)

    async def drip_body(self) -> None:
        """A bad token, and a body byte by byte."""
        reader, writer = await self._connect("dripping bodies")
        writer.write(_HEAD + _BAD + b"Content-Length: 100000\r\n\r\n")
        await self._drip(reader, writer)

    async def big(self) -> None:
        """A bad token, and as much of 300 MB as is taken."""
        reader, writer = await self._connect("300 MB bodies")
        writer.write(_HEAD + _BAD + b"Content-Length: %d\r\n\r\n" % BODY_BYTES)
        for _ in range(BODY_BYTES // len(_BLOCK)):
            if time.monotonic() > self.end or writer.is_closing() or reader.at_eof():
                break
            writer.write(_BLOCK)
            await writer.drain()
            self.seen["kB sent of these bodies"] += len(_BLOCK) // 1000
            await asyncio.sleep(0)  # drain alone does not let the loop see that the service has closed
        await self._closed(reader, 0.1)

    async def again(self, attack: Callable[[], Awaitable[None]]) -> None:
        """One attacker: whenever the service closes, it comes back."""
        while time.monotonic() < self.end:
            try:
                await attack()
            except OSError:
                self.seen["broken connections"] += 1
            await asyncio.sleep(PAUSE_S)

    async def _connect(self, name: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        self.seen[name] += 1
        return await asyncio.open_connection(HOST, self.port, ssl=self.trust, server_hostname="localhost")

    async def _drip(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while time.monotonic() < self.end and not reader.at_eof():
            writer.write(b"x")
            await writer.drain()
            await self._closed(reader, DRIP_S)

    async def _closed(self, reader: asyncio.StreamReader, seconds: float | None = None) -> None:
        """Until the service closes, at most so long; the answer's status is counted."""
        left = max(0.0, self.end - time.monotonic())
        try:
            answer = await asyncio.wait_for(
                reader.read(4096), left if seconds is None else min(seconds, left)
            )
        except TimeoutError:
            return
        if answer.startswith(b"HTTP/1.1 "):
            self.seen[f"answered {answer[9:12].decode()}"] += 1


async def run(port: int, seconds: float, clients: int) -> Counter[str]:
    """All attackers at once."""
    attack = Attack(port, seconds)
    kinds = [*[attack.silent] * (clients // 2), *[attack.dumb] * (clients - clients // 2)]
    kinds += [*[attack.drip_head] * (clients // 2), *[attack.drip_body] * (clients - clients // 2)]
    tasks = [asyncio.create_task(attack.again(kind)) for kind in [*kinds, *[attack.big] * BIG_CLIENTS]]
    await asyncio.wait(tasks, timeout=seconds + 5)
    for task in tasks:
        task.cancel()
    return attack.seen


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("port", type=int)
    parser.add_argument("seconds", type=float)
    parser.add_argument("clients", type=int)
    options = parser.parse_args()
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, max(soft, 4096)), hard))
    print(json.dumps(asyncio.run(run(options.port, options.seconds, options.clients))), flush=True)


if __name__ == "__main__":
    main()
