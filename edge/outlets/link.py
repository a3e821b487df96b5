"""One connection to an MQTT broker; the only module that knows paho.

MQTT 5, not 3.1.1: there the acknowledgement of a message says whether the broker took it. With 3.1.1 a
message that an access rule forbids is acknowledged like any other, and would be lost.
"""

from __future__ import annotations

import socket
import ssl
import threading
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from edge.errors import OutletError
from edge.outlets.trust import network_words

if TYPE_CHECKING:
    from paho.mqtt.client import Client, MQTTMessage

CONNECT_S = 5.0
"""For TCP, for TLS and for the broker's answer to CONNECT, each (seconds)."""

ACK_S = 10.0
"""For the broker's acknowledgement of a message (seconds)."""

KEEPALIVE_S = 30
"""A broker that hears nothing for one and a half times as long sends the last will (seconds)."""

_UNACCEPTABLE = 0x80
"""From here on MQTT 5's reason codes are refusals."""

_WRONG_LOGIN = (0x86, 0x87)
"""MQTT 5: bad user name or password, not authorised; Mosquitto says the second for both."""


@dataclass(frozen=True, slots=True, repr=False)
class Broker:
    """Where it is and who we are there. tls: None: not encrypted. password "": none."""

    host: str
    port: int
    tls: ssl.SSLContext | None
    username: str
    password: str

    @property
    def place(self) -> str:
        """For messages."""
        return f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Will:
    """What the broker publishes (retained) for a client that vanishes."""

    topic: str
    payload: str


class Link:
    """A connection, used until it is lost and never made again: nothing queued in it outlives it.

    One thread uses it; close() may come from any.
    """

    def __init__(self, broker: Broker, client_id: str, will: Will) -> None:
        self._broker = broker
        self._client = _client(broker, client_id, will)
        self._client.on_connect = self._on_connect
        self._client.on_disconnect = self._on_disconnect
        self._client.on_publish = self._on_publish
        self._client.on_message = self._on_message
        self._changed = threading.Condition()
        self._connected = False
        self._lost: str | None = None
        self._acknowledged: dict[int, Any] = {}
        self._heard: list[bytes] = []
        self._thread = threading.Thread(target=self._client.loop_forever, name="mqtt", daemon=True)

    @property
    def lost(self) -> bool:
        """Whether it is of no more use."""
        return self._lost is not None

    def open(self) -> None:
        """Connect. Raises OutletError in words."""
        broker = self._broker
        try:
            self._client.connect(broker.host, broker.port, KEEPALIVE_S, clean_start=True)
        except (OSError, UnicodeError) as error:
            raise OutletError(network_words(error, broker.place)) from error
        self._thread.start()
        with self._changed:
            self._changed.wait_for(lambda: self._connected or self.lost, CONNECT_S)
            if not self._connected:
                raise OutletError(self._lost or f"{broker.place} does not answer as an MQTT broker")

    def publish(self, topic: str, payload: str, *, retain: bool, wait_s: float | None = None) -> None:
        """Send with QoS 1; returns when the broker has it, within ACK_S or wait_s. Raises OutletError."""
        patience = ACK_S if wait_s is None else wait_s
        number = self._client.publish(topic, payload, qos=1, retain=retain).mid
        with self._changed:
            self._changed.wait_for(lambda: number in self._acknowledged or self.lost, patience)
            if number not in self._acknowledged:
                raise OutletError(
                    self._lost or f"{self._broker.place} acknowledged nothing for {patience:.0f} s"
                )
            reason = self._acknowledged.pop(number)
        if reason.value >= _UNACCEPTABLE:
            raise OutletError(f"{self._broker.place} does not take {topic}: {str(reason).lower()}")

    def listen(self, topic: str) -> None:
        """Subscribe; heard() gives what comes."""
        self._client.subscribe(topic, qos=1)

    def heard(self) -> list[bytes]:
        """The payloads since the last call."""
        with self._changed:
            heard, self._heard = self._heard, []
        return heard

    def close(self) -> None:
        """Take leave, after which the broker sends no last will."""
        self._lose("closed")
        self._client.disconnect()
        if not self._ended(1.0):
            self.cut()

    def cut(self) -> None:
        """Break off, as after a failure: the broker, where it still listens, sends the last will."""
        self._lose("closed")
        connection: Any = self._client.socket()
        if connection is not None:
            with suppress(OSError):  # it has just gone by itself
                connection.shutdown(socket.SHUT_RDWR)
        self._ended(1.0)

    def _ended(self, seconds: float) -> bool:
        if self._thread.ident is not None:
            self._thread.join(seconds)
        return not self._thread.is_alive()

    def _lose(self, why: str) -> None:
        with self._changed:
            self._lost = self._lost or why
            self._changed.notify_all()

    def _on_connect(self, _client: Client, _data: object, _flags: object, reason: Any, _more: object) -> None:
        if reason.value in _WRONG_LOGIN:
            self._lose(f"{self._broker.place} refuses the user name or the password")
        elif reason.value >= _UNACCEPTABLE:
            self._lose(f"{self._broker.place} refuses the connection: {str(reason).lower()}")
        else:
            with self._changed:
                self._connected = True
                self._changed.notify_all()

    def _on_disconnect(self, _client: Client, _data: object, how: Any, reason: Any, _more: object) -> None:
        said = f"; it said: {str(reason).lower()}" if how.is_disconnect_packet_from_server else ""
        self._lose(f"the connection to {self._broker.place} was lost{said}")

    def _on_publish(self, _client: Client, _data: object, number: int, reason: Any, _more: object) -> None:
        with self._changed:
            self._acknowledged[number] = reason
            self._changed.notify_all()

    def _on_message(self, _client: Client, _data: object, message: MQTTMessage) -> None:
        with self._changed:
            self._heard.append(bytes(message.payload))


def _client(broker: Broker, client_id: str, will: Will) -> Client:
    from paho.mqtt.client import Client, MQTTv5
    from paho.mqtt.enums import CallbackAPIVersion

    client = Client(CallbackAPIVersion.VERSION2, client_id, protocol=MQTTv5, reconnect_on_failure=False)
    client.connect_timeout = CONNECT_S
    client.will_set(will.topic, will.payload, qos=1, retain=True)
    if broker.tls is not None:
        client.tls_set_context(broker.tls)
    if broker.username:
        client.username_pw_set(broker.username, broker.password or None)
    return client
