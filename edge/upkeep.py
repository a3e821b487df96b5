"""What sightings need besides being written: whose camera is whose, ends for those that a crash left open,
and an end
to those that are old.
"""

from __future__ import annotations

import logging
from pathlib import Path
from urllib.parse import quote

from edge.access import DAY_S
from edge.bus import Bus
from edge.clock import Clock
from edge.event import EventKind
from edge.settings import Settings
from edge.store import Sighting, Store
from edge.turn import Turn

_MIB = 1 << 20

_log = logging.getLogger(__name__)


def camera_turn(state: Path, camera: str) -> Turn:
    """Who holds it writes the sightings of the camera of that name; one process at a time."""
    return Turn(state / f"camera-{quote(camera, safe='')}.lock")


def close_stale(store: Store, bus: Bus, state: Path) -> None:
    """End the sightings that nobody goes on with: a crash or a power cut has left them open.

    Raises StoreError, Overloaded.
    """
    for camera in {sighting.camera for sighting in store.open_sightings()}:
        turn = camera_turn(state, camera)
        if turn.taken():
            try:
                close_all(store, bus, camera)
            finally:
                turn.give_back()


def close_all(store: Store, bus: Bus, camera: str) -> None:
    """End the open sightings of a camera as of when somebody was last seen. Raises StoreError, Overloaded."""
    for sighting in store.open_sightings(camera):
        _close(store, bus, sighting)


def tidy(store: Store, settings: Settings, clock: Clock) -> None:
    """Let go of sightings and events that are older than the settings say, or too many. Raises StoreError."""
    oldest = clock.now() - settings.sightings_days * DAY_S
    gone = store.trim_sightings(oldest, settings.sightings_mib * _MIB, store.newest_event())
    if gone:
        _log.info("%d sightings are older, or more, than the settings keep", gone)


def parting(seconds: float, frames: int) -> dict[str, float | str]:
    """The details of person.left."""
    return {"seconds": round(seconds, 1), "frames": frames}


def _close(store: Store, bus: Bus, sighting: Sighting) -> None:
    with store.noting():
        store.close_sighting(sighting.row, sighting.ended, sighting.frames)
        event = store.add_event(
            EventKind.PERSON_LEFT,
            sighting.ended,
            sighting.camera,
            sighting.id,
            sighting.person_row,
            parting(sighting.ended - sighting.started, sighting.frames),
        )
    bus.publish(event)
