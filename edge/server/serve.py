"""One running server: start, serve, stop gracefully."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import threading
from collections.abc import Callable
from pathlib import Path

from edge.backup.forgetting import CopyWatch
from edge.budget import MemoryBudget
from edge.clock import Clock
from edge.errors import SettingsError
from edge.server import memory
from edge.server.app import make_application
from edge.server.bridge import Bridge
from edge.server.chores import Chores
from edge.server.front import malformed
from edge.server.gallery_watch import GalleryWatch
from edge.server.gate import Gate
from edge.server.hub import Hub
from edge.server.listener import Listener
from edge.server.services import Enroller, Recognizer, Services, Watching
from edge.server.tls import Certificates
from edge.settings import Settings
from edge.store import Store
from edge.upkeep import tidy
from edge.watchdog import Watchdog

_REFUSING_THREADS = 4
"""Beyond the requests in hand, so that the next one is told so at once."""

_log = logging.getLogger(__name__)


class Server:
    """Serves from run() to stop()."""

    def __init__(
        self, services: Services, certificates: Certificates, watchdog: Watchdog | None = None
    ) -> None:
        self._services = services
        self._certificates = certificates
        self._watchdog = watchdog
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop = asyncio.Event()

    def run(self, ready: Callable[[str], None]) -> None:
        """Serve until stop(), or SIGTERM or SIGINT when this is the main thread.

        ready: called with the URL once connections are accepted. Raises SettingsError.
        """
        asyncio.run(self._serve(ready))

    def stop(self) -> None:
        """Let the requests under way finish, then end run(). May be called from any thread."""
        if self._loop is not None:
            with contextlib.suppress(RuntimeError):  # it has ended already
                self._loop.call_soon_threadsafe(self._stop.set)

    async def _serve(self, ready: Callable[[str], None]) -> None:
        self._loop = asyncio.get_running_loop()
        settings = self._services.settings
        gate = Gate(self._services.store, self._services.clock, settings.max_requests)
        watch = GalleryWatch(self._services)
        hub = Hub(self._services)
        application = make_application(self._services, gate, watch, hub)
        bridge = Bridge(application, settings.max_requests + _REFUSING_THREADS, settings.request_seconds)
        listener = Listener(
            settings,
            lambda: self._certificates.context,
            bridge.exchange,
            malformed,
            bridge.lingering.take_over,
        )
        port = _listen(listener, settings)
        self._catch_signals()
        copies = CopyWatch(self._services.state)
        enroller, clock = self._services.enroller, self._services.clock
        chores = Chores(self._certificates, enroller, watch, clock, copies=copies, tidy=self._tidy)
        giving = memory.give_back_when_idle(lambda: bridge.answered, lambda: bool(bridge.in_hand))
        beside = [asyncio.create_task(task) for task in (chores.run(), giving, hub.run())]
        ready(_url(settings.host, port))
        if self._watchdog is not None:
            beside.append(asyncio.create_task(self._watchdog.run()))
        await self._stop.wait()
        if self._watchdog is not None:
            self._watchdog.stopping()
        gate.stopping = bridge.stopping = watch.stopping = True
        listener.stop_accepting()
        hub.end_all()
        await _drained(bridge, listener, settings.request_seconds)
        for task in beside:
            task.cancel()
        listener.close_all()
        await bridge.close()
        await hub.close()

    def _tidy(self) -> None:
        tidy(self._services.store, self._services.settings, self._services.clock)

    def _catch_signals(self) -> None:
        if threading.current_thread() is threading.main_thread() and self._loop is not None:
            for number in (signal.SIGTERM, signal.SIGINT):
                self._loop.add_signal_handler(number, self._stop.set)


def serve(  # noqa: PLR0917
    settings: Settings,
    state_dir: Path,
    store: Store,
    recognizer: Recognizer,
    enroller: Enroller,
    budget: MemoryBudget,
    clock: Clock,
    ready: Callable[[str], None],
    switching: Callable[[], bool],
    watching: Watching | None = None,
    watchdog: Watchdog | None = None,
) -> None:
    """Serve the API until SIGTERM or SIGINT. switching: see Services. watching: the camera loop, if any.
    watchdog: who tells the service manager, if there is one.

    Raises SettingsError, CertificateError.
    """
    if settings.log_level != "debug":  # Tornado warns of each handshake that fails, which anybody can do
        logging.getLogger("tornado").setLevel(logging.ERROR)
    certificates = Certificates(state_dir / "tls", settings, clock)
    services = Services(
        settings,
        store,
        recognizer,
        enroller,
        budget,
        clock,
        certificates.ca_path,
        switching,
        watching or Watching(),
        state_dir,
    )
    Server(services, certificates, watchdog).run(ready)


def _listen(listener: Listener, settings: Settings) -> int:
    try:
        return listener.listen(settings.host, settings.port)
    except OSError as error:
        raise SettingsError(
            f"cannot listen on {settings.host} port {settings.port}: {error.strerror}"
        ) from error


async def _drained(bridge: Bridge, listener: Listener, seconds: float) -> None:
    deadline = asyncio.get_running_loop().time() + seconds
    while bridge.in_hand or listener.writing():
        if asyncio.get_running_loop().time() >= deadline:
            _log.warning("%d requests were under way for too long", len(bridge.in_hand))
            return
        await asyncio.sleep(0.02)


def _url(host: str, port: int) -> str:
    name = "localhost" if host in ("::", "0.0.0.0", "") else f"[{host}]" if ":" in host else host  # noqa: S104
    return f"https://{name}:{port}"
