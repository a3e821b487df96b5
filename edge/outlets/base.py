"""What an outlet is: somebody outside who is told every event."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from edge.errors import OutletError
from edge.event import Event


class EventRefused(OutletError):
    """The receiver works, but refuses this very event. Tried a few times, then given up."""


class Outlet(Protocol):
    """One receiver. attend and deliver are called by one thread, close by any."""

    @property
    def name(self) -> str:
        """By which the store knows how far it has come; never changes."""

    def attend(self) -> None:
        """Be connected, and tell what holds now; called before events, and every few seconds without any.

        Raises OutletError.
        """

    def deliver(self, event: Event, fields: Mapping[str, Any]) -> None:
        """Hand an event over; fields: as JSON tells it. Returns when the receiver has acknowledged it.

        Raises OutletError (the receiver is not there: later) or EventRefused. Bounded in time.
        """

    def close(self) -> None:
        """Let go; a delivery under way fails. May be called twice."""
