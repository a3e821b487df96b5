"""Each event posted as signed JSON to an address of the operator's."""

from __future__ import annotations

import hashlib
import hmac
import http.client
import json
import socket
import ssl
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from edge import __version__
from edge.clock import Clock
from edge.errors import OutletError, SettingsError
from edge.event import Event
from edge.outlets.base import EventRefused
from edge.outlets.trust import network_words

STEP_S = 10.0
"""For connecting, and for each read of the answer (seconds)."""

TOTAL_S = 20.0
"""For a whole post: a receiver that answers a byte at a time is cut off (seconds)."""

_REFUSALS = (400, 413, 422)
"""The receiver says that this event is wrong, not that it is unwell."""


@dataclass(frozen=True, slots=True)
class Address:
    """Where to post. target: path and query."""

    host: str
    port: int
    target: str
    encrypted: bool

    @property
    def place(self) -> str:
        """For messages; without the query, which may hold a secret."""
        return f"{self.host}:{self.port}"


def address_of(url: str) -> Address:
    """Of an http or https URL. Raises SettingsError."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise SettingsError(f'webhook_url: "{url}": {error}') from error
    encrypted = parts.scheme == "https"
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise SettingsError(f'webhook_url: "{url}" is not an address such as https://host.example/path')
    if parts.username is not None or parts.password is not None:
        raise SettingsError("webhook_url: a user or password there is not sent; posts are signed instead")
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    if not target.isascii() or any(sign <= " " for sign in target):
        raise SettingsError("webhook_url: path and query must be percent-encoded ASCII")
    return Address(parts.hostname, port or (443 if encrypted else 80), target, encrypted)


def signature(secret: bytes, timestamp: str, body: bytes) -> str:
    """The value of X-Api-Face-Signature: HMAC-SHA256 (RFC 2104) over timestamp, a dot and the body."""
    return "sha256=" + hmac.new(secret, timestamp.encode() + b"." + body, hashlib.sha256).hexdigest()


class WebhookOutlet:
    """A connection per post. Follows no redirect and no proxy: what is signed goes where the settings say."""

    name = "webhook"

    def __init__(self, address: Address, secret: bytes, tls: ssl.SSLContext | None, clock: Clock) -> None:
        """tls: needed for an encrypted address."""
        self._address = address
        self._secret = secret
        self._tls = tls
        self._clock = clock
        self._connection: http.client.HTTPConnection | None = None

    def attend(self) -> None:
        """Nothing to do: whether the receiver is there, a post shows."""

    def deliver(self, event: Event, fields: Mapping[str, Any]) -> None:
        body = json.dumps(fields, ensure_ascii=False, separators=(",", ":")).encode()
        timestamp = str(int(self._clock.now()))
        status = self._post(
            body,
            {
                "Content-Type": "application/json",
                "User-Agent": f"api-face-edge/{__version__}",
                "Connection": "close",
                "X-Api-Face-Event": str(event.kind),
                "X-Api-Face-Id": event.id,
                "X-Api-Face-Timestamp": timestamp,
                "X-Api-Face-Signature": signature(self._secret, timestamp, body),
            },
        )
        if status in _REFUSALS:
            raise EventRefused(f"{self._address.place} answers {status}")
        if 300 <= status < 400:
            raise OutletError(f"{self._address.place} answers {status}: redirects are not followed")
        if not 200 <= status < 300:
            raise OutletError(f"{self._address.place} answers {status}")

    def close(self) -> None:
        self._cut()

    def _post(self, body: bytes, headers: Mapping[str, str]) -> int:
        """The status of the answer."""
        connection = self._connection = self._connected()
        late = threading.Event()

        def too_late() -> None:
            late.set()
            self._cut()

        watch = threading.Timer(TOTAL_S, too_late)
        watch.daemon = True
        watch.start()
        try:
            connection.request("POST", self._address.target, body, dict(headers))
            status = connection.getresponse().status
        except (OSError, UnicodeError, http.client.HTTPException) as error:
            if late.is_set():
                raise self._too_late() from error
            if isinstance(error, http.client.HTTPException):
                raise OutletError(f"{self._address.place} does not answer as HTTP does") from error
            raise OutletError(network_words(error, self._address.place)) from error
        finally:
            watch.cancel()
            connection.close()
        if late.is_set():  # cut off in its headers, it looks like a whole answer
            raise self._too_late()
        return status

    def _too_late(self) -> OutletError:
        return OutletError(f"{self._address.place} took longer than {TOTAL_S:.0f} s")

    def _connected(self) -> http.client.HTTPConnection:
        address = self._address
        if address.encrypted:
            return http.client.HTTPSConnection(address.host, address.port, timeout=STEP_S, context=self._tls)
        return http.client.HTTPConnection(address.host, address.port, timeout=STEP_S)

    def _cut(self) -> None:
        connection = self._connection
        if connection is not None and connection.sock is not None:
            try:
                connection.sock.shutdown(socket.SHUT_RDWR)
            except OSError:  # closed already
                return
