"""`api-face watch`: the camera loop alone, in the foreground, a line per event."""

from __future__ import annotations

import argparse
import json
import logging
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from edge.announce import event_fields
from edge.beside import beside
from edge.bus import Bus
from edge.camera.spec import Spec
from edge.camera_wiring import made_watch, outlets_told
from edge.commands.place import Place
from edge.errors import EdgeError, SettingsError
from edge.event import Event
from edge.store import Store
from edge.upkeep import tidy
from edge.watch import Watch
from edge.wiring import Device, opened_device

_UPKEEP_EVERY_S = 3600.0


def arguments(parser: argparse.ArgumentParser) -> None:
    """The source, and how events are told."""
    parser.add_argument("--camera", metavar="SOURCE", help="as the setting camera, which it overrides")
    parser.add_argument("--json", action="store_true", help="an event as a JSON line, with the person's name")
    parser.add_argument(
        "--names", action="store_true", help="names in the lines, as the setting journal_names"
    )
    parser.add_argument(
        "--figures", metavar="FILE", type=Path, help="at the end write counts and times there (JSON)"
    )


def run(args: argparse.Namespace, place: Place) -> int:
    """Watch until SIGTERM, SIGINT, or the end of a replay."""
    settings = place.settings(camera=args.camera, journal_names=args.names or None)
    logging.basicConfig(level=settings.log_level.upper(), format="%(asctime)s %(levelname)s %(message)s")
    spec = Spec.of(settings)
    if spec is None:
        raise SettingsError('there is no camera: name one with --camera or the setting "camera"')
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    with opened_device(place.state, settings) as device:
        bus = Bus()
        bus.subscribe(_teller(device.store, as_json=args.json, names=settings.journal_names))
        watch = made_watch(device, place.state, bus, spec)
        began = time.monotonic(), time.process_time()
        upkeep = beside(lambda over: _keep_up(device, over), "upkeep")
        with outlets_told(device, place.state, bus, watch.state), upkeep:
            watch.run(stop)
        if args.figures is not None:
            args.figures.write_text(json.dumps(_figures(watch, *began), indent=1) + "\n")
    return 0


def _keep_up(device: Device, stop: threading.Event) -> None:
    """What the service does beside the loop: old sightings and strangers go, hour by hour."""
    while True:
        try:
            tidy(device.store, device.settings, device.clock)
            device.enroller.forget_unseen()
        except EdgeError as error:
            logging.getLogger(__name__).error("%s", error.message)
        if stop.wait(_UPKEEP_EVERY_S):
            return


def _teller(store: Store, *, as_json: bool, names: bool) -> Callable[[Event], None]:
    def tell(event: Event) -> None:
        fields = event_fields(event, store)
        print(json.dumps(fields) if as_json else line_of(fields, names=names), flush=True)

    return tell


def line_of(fields: dict[str, Any], *, names: bool) -> str:
    """An event as a person reads it."""
    rest = {key: value for key, value in fields.items() if key not in {"id", "time", "event", "metadata"}}
    words = [fields["time"], f"{fields['event']:17}"]
    if names and "metadata" in fields:
        words.append(fields["metadata"]["name"])
    return " ".join([*words, *(f"{key}={value}" for key, value in rest.items() if value is not None)])


def _figures(watch: Watch, wall: float, cpu: float) -> dict[str, Any]:
    steps = watch.steps
    offset = time.time() - time.monotonic()
    return {
        "started": None if watch.first_frame is None else watch.first_frame + offset,
        "seconds": time.monotonic() - wall,
        "cpu_seconds": time.process_time() - cpu,
        "frames": steps.counts["frames"],
        "yielded": steps.counts["yielded"],
        "detected": steps.steps["detect"].calls if "detect" in steps.steps else 0,
        "embedded": steps.steps["embed"].calls if "embed" in steps.steps else 0,
        "model_seconds": steps.model_seconds,
        "steps": {
            name: {"calls": step.calls, "seconds": step.seconds, "cpu": step.cpu}
            for name, step in steps.steps.items()
        },
    }
