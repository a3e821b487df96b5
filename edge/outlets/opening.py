"""The outlets that the settings ask for, each with its delivery."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path

from edge.clock import Clock
from edge.errors import SettingsError
from edge.outlets.base import Outlet
from edge.outlets.delivery import Delivery
from edge.outlets.device import device_name
from edge.outlets.journal import JournalOutlet
from edge.outlets.link import Broker
from edge.outlets.mqtt import MqttOutlet
from edge.outlets.presence import Presence
from edge.outlets.topics import checked_topic
from edge.outlets.trust import client_tls, secret_of
from edge.outlets.webhook import WebhookOutlet, address_of
from edge.settings import Settings
from edge.store import Store
from edge.turn import Turn

_log = logging.getLogger(__name__)


def opened_outlets(
    settings: Settings, store: Store, state: Path, clock: Clock, camera: Callable[[], str]
) -> list[Delivery]:
    """One delivery per outlet, not started; the journal always.

    state: the state folder. camera: how the camera is, in a word ("ok", "stalled", ...), asked by any thread
    every few seconds. Connects to nobody. An outlet that the settings name no more is forgotten: named again
    later it begins with what happens then. Raises SettingsError, StoreError.
    """
    outlets: list[Outlet] = [JournalOutlet(names=settings.journal_names)]
    if settings.mqtt_host:
        outlets.append(_mqtt(settings, state, Presence(store, camera)))
    if settings.webhook_url:
        outlets.append(_webhook(settings, clock))
    store.forget_outlets([outlet.name for outlet in outlets])
    return [Delivery(outlet, store, clock, Turn(state / f"outlet-{outlet.name}.lock")) for outlet in outlets]


def _mqtt(settings: Settings, state: Path, presence: Presence) -> Outlet:
    if settings.mqtt_password_file and not settings.mqtt_username:
        raise SettingsError("mqtt_password_file needs mqtt_username")
    if settings.mqtt_ca and not settings.mqtt_tls:
        raise SettingsError("mqtt_ca is for encrypted connections: set mqtt_tls, or take mqtt_ca out")
    password = ""
    if settings.mqtt_password_file:
        password = secret_of("mqtt_password_file", settings.mqtt_password_file)
        if not settings.mqtt_tls:
            _log.warning("mqtt_tls is off: the password and every event go to the broker in the clear")
    broker = Broker(
        settings.mqtt_host,
        settings.mqtt_port,
        client_tls("mqtt_ca", settings.mqtt_ca) if settings.mqtt_tls else None,
        settings.mqtt_username,
        password,
    )
    discovery = settings.mqtt_discovery and checked_topic("mqtt_discovery", settings.mqtt_discovery)
    topic = checked_topic("mqtt_topic", settings.mqtt_topic)
    return MqttOutlet(broker, device_name(state), topic, discovery, presence.state)


def _webhook(settings: Settings, clock: Clock) -> Outlet:
    address = address_of(settings.webhook_url)
    secret = secret_of("webhook_secret_file", settings.webhook_secret_file).encode()
    if not address.encrypted:
        _log.warning("webhook_url is not https: every event goes to %s in the clear", address.place)
    tls = client_tls("webhook_ca", settings.webhook_ca) if address.encrypted else None
    return WebhookOutlet(address, secret, tls, clock)
