"""`api-face serve`: the HTTP API, until SIGTERM or SIGINT."""

from __future__ import annotations

import argparse
import logging

from edge import __version__
from edge.commands.place import Place
from edge.interpreter import runtime
from edge.server import memory
from edge.server.serve import serve
from edge.settings import EMBEDDERS
from edge.switch import Switch, beside
from edge.wiring import opened_device


def arguments(parser: argparse.ArgumentParser) -> None:
    """--host and --port, which win over the settings file."""
    parser.add_argument("--host", help="address to listen on (default: the setting host)")
    parser.add_argument("--port", type=int, help="TCP port (default: the setting port)")


def run(args: argparse.Namespace, place: Place) -> int:
    """Serve."""
    memory.prepare()
    settings = place.settings(host=args.host, port=args.port)
    logging.basicConfig(level=settings.log_level.upper(), format="%(asctime)s %(levelname)s %(message)s")
    with opened_device(place.state, settings) as device:
        people = device.recognizer.refresh()

        def ready(url: str) -> None:
            engine = f"{runtime().name} {runtime().version}"
            print(
                f"api-face edge {__version__} serves {url}", f"({engine}, {people} people known)", flush=True
            )

        switch = Switch(device.recognizer, device.store, EMBEDDERS[settings.embedder])
        with beside(switch):
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
            )
    return 0
