"""`api-face serve`: the HTTP API, until SIGTERM or SIGINT."""

from __future__ import annotations

import argparse
import ctypes
import logging

from edge import __version__
from edge.commands.place import Place
from edge.interpreter import runtime
from edge.server.serve import serve
from edge.wiring import opened_device

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD, _M_ARENA_MAX = -1, -3, -8  # glibc's malloc.h


def arguments(parser: argparse.ArgumentParser) -> None:
    """--host and --port, which win over the settings file."""
    parser.add_argument("--host", help="address to listen on (default: the setting host)")
    parser.add_argument("--port", type=int, help="TCP port (default: the setting port)")


def run(args: argparse.Namespace, place: Place) -> int:
    """Serve."""
    give_memory_back()
    settings = place.settings(host=args.host, port=args.port)
    logging.basicConfig(level=settings.log_level.upper(), format="%(asctime)s %(levelname)s %(message)s")
    with opened_device(place.state, settings) as device:
        people = device.recognizer.refresh()

        def ready(url: str) -> None:
            engine = f"{runtime().name} {runtime().version}"
            print(
                f"api-face edge {__version__} serves {url}", f"({engine}, {people} people known)", flush=True
            )

        serve(
            settings,
            place.state,
            device.store,
            device.recognizer,
            device.enroller,
            device.memory,
            device.clock,
            ready,
        )
    return 0


def give_memory_back() -> None:
    """Let the C library return the memory of big pictures to the system (glibc; elsewhere nothing).

    As it comes it keeps an arena per thread, and raises the size from which a block is mapped on its
    own, and so unmapped when freed, to the biggest block seen: up to 32 MiB stay with the process.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_M_ARENA_MAX, 2)
        mallopt(_M_MMAP_THRESHOLD, 256 << 10)
        mallopt(_M_TRIM_THRESHOLD, 256 << 10)
