"""The device's topics at the broker."""

from __future__ import annotations

from dataclasses import dataclass

from edge.errors import SettingsError

ONLINE, OFFLINE = "online", "offline"
"""Payloads of the topic `availability`."""


@dataclass(frozen=True, slots=True)
class Topics:
    """base: TOPIC/DEVICE."""

    base: str

    @property
    def availability(self) -> str:
        """Retained: online, or offline (also as the last will)."""
        return f"{self.base}/availability"

    @property
    def event(self) -> str:
        """Each event; not retained."""
        return f"{self.base}/event"

    @property
    def state(self) -> str:
        """Retained: who is there now."""
        return f"{self.base}/state"


def checked_topic(setting: str, topic: str) -> str:
    """A topic that others can be put under. Raises SettingsError."""
    levels = topic.split("/")
    if not all(levels) or topic.startswith("$") or any(sign in topic for sign in "+#\0"):
        raise SettingsError(
            f'{setting}: "{topic}" is no MQTT topic such as "home/cameras" (no +, #, // or $)'
        )
    return topic
