"""`api-face serve`: the HTTP API, and the camera if there is one, until SIGTERM or SIGINT."""

from __future__ import annotations

import argparse
import contextlib
import faulthandler
import logging
import os
from collections.abc import Callable

from edge import __version__
from edge.beside import beside
from edge.bus import Bus
from edge.camera.spec import Spec
from edge.camera_wiring import NO_CAMERA, made_watch, outlets_told
from edge.commands.place import Place
from edge.interpreter import runtime
from edge.notify import Manager
from edge.selftest import SelfTest
from edge.server import memory
from edge.server.serve import serve
from edge.server.services import Watching
from edge.settings import EMBEDDERS
from edge.store.ballast import room_kept
from edge.switch import Switch
from edge.watchdog import Watchdog
from edge.wiring import Device, opened_device


def arguments(parser: argparse.ArgumentParser) -> None:
    """--host, --port and --camera, which win over the settings file."""
    parser.add_argument("--host", help="address to listen on (default: the setting host)")
    parser.add_argument(
        "--camera", metavar="SOURCE", help="where frames come from (default: the setting camera)"
    )
    parser.add_argument("--port", type=int, help="TCP port (default: the setting port)")


def run(args: argparse.Namespace, place: Place) -> int:
    """Serve."""
    memory.prepare()
    faulthandler.enable()  # the watchdog ends a process that hangs with SIGABRT: where it hung is told then
    manager = Manager.of(os.environ)
    settings = place.settings(host=args.host, port=args.port, camera=args.camera)
    logging.basicConfig(level=settings.log_level.upper(), format="%(asctime)s %(levelname)s %(message)s")
    with room_kept(place.state), opened_device(place.state, settings) as device:
        people = device.recognizer.refresh()

        def ready(url: str) -> None:
            engine = f"{runtime().name} {runtime().version}"
            words = f"api-face edge {__version__} serves {url} ({engine}, {people} people known)"
            print(words, flush=True)
            manager.ready(words)

        switch = Switch(device.recognizer, device.store, EMBEDDERS[settings.embedder])
        bus, spec = Bus(), Spec.of(settings)
        watch = None if spec is None else made_watch(device, place.state, bus, spec)
        camera = (lambda: NO_CAMERA) if watch is None else watch.state
        with contextlib.ExitStack() as running:
            running.enter_context(beside(switch.run, "switch"))
            running.enter_context(outlets_told(device, place.state, bus, camera))
            if watch is not None:
                running.enter_context(beside(watch.run, "camera"))
            watchdog = _watchdog(manager, device, camera)
            serve(
                settings,
                place.state,
                device.store,
                device.recognizer,
                device.enroller,
                device.memory,
                device.clock,
                ready,
                lambda: switch.under_way,
                Watching(bus.subscribe, camera, watch.gauges) if watch else Watching(bus.subscribe),
                watchdog,
            )
    return 0


def _watchdog(manager: Manager, device: Device, camera: Callable[[], str]) -> Watchdog:
    vision = device.recognizer.vision
    return Watchdog(
        manager,
        SelfTest(vision),
        vision,
        device.clock,
        lambda: f"serves; camera: {camera()}",
    )
