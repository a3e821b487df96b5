"""A process that delivers, for tests that kill it: `python -m tests.outlet_child STATE PORT`."""

from __future__ import annotations

import sys
import time
from pathlib import Path

from edge.clock import SystemClock
from edge.outlets import opened_outlets
from edge.settings import Settings
from edge.store import open_store


def main() -> None:
    """Delivers until it is killed."""
    state, port = Path(sys.argv[1]), int(sys.argv[2])
    settings = Settings(mqtt_host="127.0.0.1", mqtt_port=port, mqtt_tls=False)
    with open_store(state) as store:
        for delivery in opened_outlets(settings, store, state, SystemClock(), lambda: "ok"):
            delivery.start()
        print("started", flush=True)
        time.sleep(600)


if __name__ == "__main__":
    main()
