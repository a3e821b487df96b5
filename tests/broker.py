"""A real Mosquitto for the tests, and a consumer that listens to it."""

from __future__ import annotations

import json
import shutil
import signal
import socket
import subprocess
import threading
import time
from pathlib import Path
from typing import Any, Self

from paho.mqtt.client import Client, MQTTMessage, MQTTv5
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.subscribeoptions import SubscribeOptions

_PLACES = "/usr/sbin:/usr/local/sbin:/opt/homebrew/sbin"


def mosquitto() -> str:
    """The program. Fails the test where it is missing: what is not tried is not shown."""
    found = shutil.which("mosquitto") or shutil.which("mosquitto", path=_PLACES)
    assert found, "these tests need the MQTT broker Mosquitto: apt install mosquitto"
    return found


def free_port() -> int:
    """One that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Mosquitto:
    """A broker on 127.0.0.1 that can be killed and started again; it keeps its sessions on disk."""

    def __init__(self, folder: Path, *lines: str) -> None:
        """lines: further ones of its configuration; without any, everybody may do everything."""
        self.port = free_port()
        self._folder = folder / f"mosquitto-{self.port}"
        self._folder.mkdir()
        self._file = self._folder / "mosquitto.conf"
        self._file.write_text(
            "\n".join(
                (
                    "user root",  # where root runs the tests; any other user stays who they are
                    f"listener {self.port} 127.0.0.1",
                    "persistence true",
                    f"persistence_location {self._folder}/",
                    "autosave_on_changes true",
                    "autosave_interval 1",
                    "max_queued_messages 0",
                    *(lines or ("allow_anonymous true",)),
                    "",
                )
            )
        )
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Returns when it listens."""
        command = [mosquitto(), "-c", str(self._file)]
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log, cwd=self._folder)
        end = time.monotonic() + 10
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return
            except OSError:
                assert time.monotonic() < end, (self._folder / "log").read_text()
                time.sleep(0.02)

    def kill(self) -> None:
        """As a power cut does."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def signal(self, number: int) -> None:
        """SIGSTOP and SIGCONT, for example."""
        assert self._process is not None
        self._process.send_signal(number)

    def save(self) -> None:
        """Have the sessions of now written to disk, so that they outlive kill()."""
        file = self._folder / "mosquitto.db"
        file.unlink(missing_ok=True)
        self.signal(signal.SIGUSR1)
        end = time.monotonic() + 10
        while not file.exists():
            assert time.monotonic() < end, "mosquitto wrote no mosquitto.db"
            time.sleep(0.01)

    def stop(self) -> None:
        """As an operator does."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait(10)
            self._process = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()


class Consumer:
    """Listens to topics with QoS 1, keeps its session at the broker, and comes back by itself."""

    def __init__(self, port: int, *topics: str, username: str = "", password: str = "") -> None:
        self.messages: list[tuple[str, bytes, bool]] = []
        self.subscribed = threading.Event()
        self._topics = topics
        self._client = Client(CallbackAPIVersion.VERSION2, f"consumer{port}{id(self)}", protocol=MQTTv5)
        self._client.reconnect_delay_set(1, 1)
        if username:
            self._client.username_pw_set(username, password)
        self._client.on_connect = self._on_connect
        self._client.on_subscribe = lambda *_: self.subscribed.set()
        self._client.on_message = self._on_message
        lasting = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
        lasting.SessionExpiryInterval = 3600
        self._client.connect("127.0.0.1", port, 10, clean_start=False, properties=lasting)
        self._client.loop_start()
        assert self.subscribed.wait(10)

    def of(self, topic: str) -> list[bytes]:
        """Payloads of that topic in the order they came."""
        return [payload for name, payload, _ in list(self.messages) if name == topic]

    def fields(self, topic: str) -> list[dict[str, Any]]:
        """The same, as JSON objects."""
        return [json.loads(payload) for payload in self.of(topic)]

    def last(self, topic: str) -> dict[str, Any] | None:
        """The newest."""
        told = self.fields(topic)
        return told[-1] if told else None

    def say(self, topic: str, payload: str) -> None:
        """Publish, and wait until the broker has it."""
        self._client.publish(topic, payload, qos=1).wait_for_publish(5)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def _on_connect(self, client: Client, *_: object) -> None:
        client.subscribe([(topic, SubscribeOptions(qos=1)) for topic in self._topics])

    def _on_message(self, _client: Client, _data: object, message: MQTTMessage) -> None:
        self.messages.append((message.topic, bytes(message.payload), message.retain))
