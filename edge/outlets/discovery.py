"""What Home Assistant is told, so that it makes one device with its sensors.

A retained message per sensor (https://www.home-assistant.io/integrations/mqtt/, "discovery"), not the single
message per device that only releases since the end of 2024 understand.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from edge import __version__
from edge.outlets.device import DeviceName
from edge.outlets.topics import OFFLINE, ONLINE, Topics

# Home Assistant takes the text None for "not known"; default(true) turns an absent or null value into it
_LAST = "{{ (value_json.last or {}).%s | default('None', true) }}"

_SENSORS: tuple[tuple[str, str, dict[str, str]], ...] = (
    (
        "sensor",
        "people",
        {
            "name": "People present",
            "icon": "mdi:account-multiple",
            "state_class": "measurement",
            "value_template": "{{ value_json.count }}",
        },
    ),
    (
        "binary_sensor",
        "occupancy",
        {
            "name": "Occupancy",
            "device_class": "occupancy",
            "value_template": "{{ 'ON' if value_json.count > 0 else 'OFF' }}",
        },
    ),
    (
        "sensor",
        "last_person",
        {"name": "Last person", "icon": "mdi:account", "value_template": _LAST % "name"},
    ),
    (
        "sensor",
        "last_seen",
        {"name": "Last seen", "device_class": "timestamp", "value_template": _LAST % "time"},
    ),
    (
        "binary_sensor",
        "camera_problem",
        {
            "name": "Camera problem",
            "device_class": "problem",
            "entity_category": "diagnostic",
            "value_template": "{{ 'ON' if value_json.camera in ('stalled', 'absent') else 'OFF' }}",
        },
    ),
)
"""Component, object id and the fields of its own."""


def discovery_messages(prefix: str, device: DeviceName, topics: Topics) -> Iterator[tuple[str, str]]:
    """Topic and payload of each; to be retained. prefix: where Home Assistant looks."""
    common: dict[str, Any] = {
        "state_topic": topics.state,
        "availability_topic": topics.availability,
        "payload_available": ONLINE,
        "payload_not_available": OFFLINE,
        "device": {
            "identifiers": [f"api_face_{device.short}"],
            "name": device.name,
            "manufacturer": "api-face",
            "model": "api-face edge",
            "sw_version": __version__,
        },
        "origin": {"name": "api-face edge", "sw_version": __version__},
    }
    for component, what, fields in _SENSORS:
        unique = f"api_face_{device.short}_{what}"
        payload = {**common, **fields, "unique_id": unique}
        if what == "people":
            payload["json_attributes_topic"] = topics.state
        yield f"{prefix}/{component}/api_face_{device.short}/{what}/config", json.dumps(payload)
