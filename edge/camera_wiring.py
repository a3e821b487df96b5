"""The camera's part of a process: the loop in a thread of its own, and those who are told what it sees."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path

from edge.attention import Attention
from edge.bus import Bus
from edge.camera.spec import Spec
from edge.camera.supervised import SupervisedCamera
from edge.heat import strain
from edge.outlets.opening import opened_outlets
from edge.pace import Pace
from edge.sightings import Sightings
from edge.upkeep import camera_turn, close_stale
from edge.watch import Watch
from edge.wiring import Device

NO_CAMERA = "none"


def made_watch(device: Device, state: Path, bus: Bus, spec: Spec) -> Watch:
    """The camera loop of a device, not yet running. state: the state folder."""
    settings, recognizer = device.settings, device.recognizer
    sightings = Sightings(recognizer, device.store, settings, clock=device.clock, bus=bus, state=state)
    camera = SupervisedCamera(spec, device.clock, settings.camera_memory_mib)
    pace = None
    if not spec.full_speed:
        pace = Pace(settings.camera_fps, device.clock, strain, lambda: recognizer.vision.busy)
    attention = Attention(recognizer, settings, sightings)
    turn = camera_turn(state, settings.camera_name)
    return Watch(camera, attention, sightings, pace=pace, clock=device.clock, turn=turn)


@contextlib.contextmanager
def outlets_told(device: Device, state: Path, bus: Bus, camera: Callable[[], str]) -> Iterator[None]:
    """For the time of the block events go where the settings say. camera: its state in a word.

    Sightings that a crash has left open end before: consumers learn that nobody is there. Raises
    SettingsError, StoreError.
    """
    close_stale(device.store, bus, state)
    deliveries = opened_outlets(device.settings, device.store, state, device.clock, camera)
    unsubscribe = [bus.subscribe(lambda _, one=one: one.wake()) for one in deliveries]  # type: ignore[misc]
    try:
        for delivery in deliveries:
            delivery.start()
        yield
    finally:
        for end in unsubscribe:
            end()
        for delivery in deliveries:
            delivery.stop()
