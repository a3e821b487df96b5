"""What the service tells the service manager: ready, alive, stopping, and how it does (sd_notify(3)).

Without NOTIFY_SOCKET nobody listens, and nothing is sent.
"""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Mapping
from dataclasses import dataclass

_PATIENCE_S = 0.5
"""The manager takes datagrams at once, or is in worse trouble than we are; the caller must go on."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Manager:
    """The service manager, as it told of itself.

    address: its socket, a path or "@" and an abstract name; "" where there is none. watchdog_s: it takes the
    process for dead that has said nothing for so long (seconds); 0: it does not look.
    """

    address: str = ""
    watchdog_s: float = 0.0

    @classmethod
    def of(cls, environ: Mapping[str, str]) -> Manager:
        """As the environment of the process says."""
        address = environ.get("NOTIFY_SOCKET", "")
        if not address.startswith(("/", "@")):  # what else there may be is for virtual machines
            return cls()
        usec, pid = environ.get("WATCHDOG_USEC", ""), environ.get("WATCHDOG_PID", "")
        ours = usec.isdecimal() and pid in ("", str(os.getpid()))
        return cls(address, int(usec) / 1e6 if ours else 0.0)

    def ready(self, status: str) -> None:
        """The service answers now."""
        self._tell("READY=1", status)

    def alive(self, status: str) -> None:
        """It was seen to work just now."""
        self._tell("WATCHDOG=1", status)

    def ailing(self, status: str) -> None:
        """Words alone: it does not work as it should."""
        self._tell("", status)

    def stopping(self) -> None:
        """It has begun to end."""
        self._tell("STOPPING=1", "stopping")

    def _tell(self, what: str, status: str) -> None:
        if not self.address:
            return
        message = f"{what}\nSTATUS={' '.join(status.split())}".strip()
        name = "\0" + self.address[1:] if self.address.startswith("@") else self.address
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as to:
                to.settimeout(_PATIENCE_S)
                to.connect(name)
                to.send(message.encode())
        except OSError as error:
            _log.warning("the service manager could not be told: %s", error)
