"""Events, presence and Home Assistant's discovery, published at an MQTT broker."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from edge.errors import EdgeError, OutletError
from edge.event import Event
from edge.outlets.device import DeviceName
from edge.outlets.discovery import discovery_messages
from edge.outlets.link import Broker, Link, Will
from edge.outlets.topics import OFFLINE, ONLINE, Topics


class MqttOutlet:
    """Keeps one connection; connects anew when it was lost, and then tells everything retained once more."""

    name = "mqtt"

    def __init__(
        self,
        broker: Broker,
        device: DeviceName,
        topic: str,
        discovery: str,
        state: Callable[[], Mapping[str, Any]],
    ) -> None:
        """topic: first part of all topics. discovery: Home Assistant's; "": none. state: what holds now."""
        self._broker = broker
        self._device = device
        self._topics = Topics(f"{topic}/{device.short}")
        self._discovery = discovery
        self._state = state
        self._told: str | None = None
        self._link: Link | None = None

    def attend(self) -> None:
        """Connect if need be, answer Home Assistant's birth, and publish the state if it has changed."""
        link = self._link
        if link is None or link.lost:
            link = self._connect()
        try:
            if ONLINE.encode() in link.heard():
                self._introduce(link)
            self._tell_state(link)
        except EdgeError:
            self._drop()
            raise

    def deliver(self, event: Event, fields: Mapping[str, Any]) -> None:
        """The state first: whoever hears the event finds it up to date."""
        link = self._link
        if link is None:
            raise OutletError(f"not connected to {self._broker.place}")
        try:
            self._tell_state(link)
            link.publish(self._topics.event, _json(fields), retain=False)
        except EdgeError:
            self._drop()
            raise

    def close(self) -> None:
        """Say "offline", for a broker sends no last will for a client that takes its leave."""
        link = self._link
        if link is not None and not link.lost:
            try:
                link.publish(self._topics.availability, OFFLINE, retain=True, wait_s=1.0)
                link.close()
            except OutletError:
                pass
        self._drop()

    def _connect(self) -> Link:
        self._drop()
        # letters and digits, 23 at most: what every broker must take (MQTT 5, 3.1.3.1)
        link = Link(self._broker, f"apiface{self._device.short}", Will(self._topics.availability, OFFLINE))
        self._link = link
        try:
            link.open()
            if self._discovery:
                link.listen(f"{self._discovery}/status")
            self._introduce(link)
            link.publish(self._topics.availability, ONLINE, retain=True)
        except EdgeError:
            self._drop()
            raise
        return link

    def _introduce(self, link: Link) -> None:
        if self._discovery:
            for topic, payload in discovery_messages(self._discovery, self._device, self._topics):
                link.publish(topic, payload, retain=True)
        self._told = None
        self._tell_state(link)

    def _tell_state(self, link: Link) -> None:
        state = _json(self._state())
        if state != self._told:
            link.publish(self._topics.state, state, retain=True)
            self._told = state

    def _drop(self) -> None:
        link, self._link = self._link, None
        if link is not None:
            link.cut()


def _json(fields: Mapping[str, Any]) -> str:
    return json.dumps(fields, ensure_ascii=False)
