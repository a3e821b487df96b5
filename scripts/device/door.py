"""The device as its clients see it, from outside of the container; and the service, as systemd sees it."""

from __future__ import annotations

import contextlib
import http.client
import ssl
import time
from dataclasses import dataclass, replace

from device.container import ADDRESS, Container
from tests.service import Answer, Client

UNIT = "api-face.service"
PORT = 443


@dataclass(frozen=True)
class Device:
    """An installed and running one. token: may do everything."""

    container: Container
    token: str
    address: str = ADDRESS

    @property
    def client(self) -> Client:
        """Trusts the device's CA, and nothing else."""
        context = ssl.create_default_context(cafile=self.container.path("/var/lib/api-face/tls/ca.crt"))
        return Client(self.address, PORT, context, self.token)

    def at(self, address: str) -> Device:
        """The same, under another address."""
        return replace(self, address=address)

    def new_token(self, name: str, *arguments: str) -> str:
        """Made beside the running service."""
        return self.container.run("api-face", "token", "add", name, *arguments).splitlines()[-1]

    # -- systemd's view

    def show(self, name: str) -> str:
        """A property of the service."""
        return self.container.run("systemctl", "show", UNIT, "--value", "-p", name)

    @property
    def pid(self) -> str:
        """Of the service, inside."""
        return self.show("MainPID")

    def signal(self, name: str) -> None:
        """To the service's main process alone."""
        self.container.run("sh", "-c", f"kill -{name} {self.pid}")

    def journal(self, since: float, words: str = "") -> list[str]:
        """What the service said since then, lines with these words alone."""
        text = self.container.run(
            "journalctl", "-u", "api-face", "--no-pager", "-o", "cat", f"--since=@{since:.3f}"
        )
        return [line for line in text.splitlines() if words in line]

    def impatient(self) -> None:
        """The next restart comes after a second: forget the starts before (see ExecStartPre)."""
        self.container.run("rm", "-f", "/run/api-face/starts")

    # -- the clients' view

    def healthy(self) -> bool:
        """Whether it answers now, and says that it can."""
        answer = self.health()
        return answer is not None and answer.status == 200

    def health(self) -> Answer | None:
        """None: it does not answer."""
        client = self.client
        connection = client.connection()
        connection.timeout = 2
        with contextlib.suppress(OSError, http.client.HTTPException), contextlib.closing(connection):
            return client.exchange(connection, "GET", "/health")
        return None

    def away(self, most_s: float) -> float:
        """Seconds from now until it is healthy. Raises TimeoutError after most_s."""
        begun = time.monotonic()
        while time.monotonic() - begun < most_s:
            if self.healthy():
                return time.monotonic() - begun
            time.sleep(0.05)
        raise TimeoutError(f"not healthy within {most_s:.0f} s: {self.journal(time.time() - 30)[-3:]}")
