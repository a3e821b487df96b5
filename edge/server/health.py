"""What the device says of itself: /health for anybody, /metrics for the administrator, /ca.crt."""

from __future__ import annotations

import logging
import threading
from collections import Counter, defaultdict
from collections.abc import Mapping
from typing import Any, Protocol

from edge.disk import free_mib
from edge.errors import ModelError, NotFound, NotReady
from edge.server.call import Call, Text
from edge.server.contract import NO_MODEL
from edge.server.gallery_watch import GalleryWatch
from edge.server.services import Services
from edge.settings import EMBEDDERS
from edge.timesync import is_set

PATIENCE_S = 10.0
"""The store that has not answered for so long (seconds) is as good as gone."""

_NO_STORE = "the store does not answer"

_log = logging.getLogger(__name__)


class Gauged(Protocol):
    """Something that has figures for /metrics, by name."""

    def gauges(self) -> Mapping[str, float]: ...


class Figures:
    """Counts of the answered requests. Thread-safe."""

    def __init__(self, *sources: Gauged) -> None:
        """sources: of further figures."""
        self._sources = sources
        self._lock = threading.Lock()
        self._answers: Counter[tuple[str, int]] = Counter()
        self._seconds: defaultdict[str, float] = defaultdict(float)

    def answered(self, operation: str, status: int, seconds: float) -> None:
        """One answer. seconds: from the complete head to the answer."""
        with self._lock:
            self._answers[operation, status] += 1
            self._seconds[operation] += seconds

    def get_metrics(self, call: Call) -> Text:
        """GET /metrics"""
        budget = call.services.budget
        gauges = {
            "requests_in_hand": call.gate.in_hand,
            "body_memory_bytes": budget.bodies.used,
            "picture_memory_bytes": budget.pictures.used,
            **_switch_gauges(call.services),
            **{name: value for source in self._sources for name, value in source.gauges().items()},
            **call.services.watching.gauges(),
        }
        return Text("text/plain; version=0.0.4; charset=utf-8", self.text(gauges).encode("ascii"))

    def text(self, gauges: Mapping[str, float]) -> str:
        """The Prometheus text format. gauges: further figures by name."""
        with self._lock:
            answers, seconds = sorted(self._answers.items()), sorted(self._seconds.items())
        lines = ["# TYPE api_face_requests_total counter"]
        for (operation, status), count in answers:
            lines.append(f'api_face_requests_total{{operation="{operation}",status="{status}"}} {count}')
        lines.append("# TYPE api_face_request_seconds_total counter")
        for operation, total in seconds:
            lines.append(f'api_face_request_seconds_total{{operation="{operation}"}} {total:.6f}')
        for name, value in gauges.items():
            lines += [f"# TYPE api_face_{name} gauge", f"api_face_{name} {value:g}"]
        return "\n".join(lines) + "\n"


class Health:
    """The state of the device as it was last seen.

    Anybody may ask, and asking takes no slot: so at most one request at a time looks at the store, which
    may make it wait, and all others are told what was seen last.
    """

    def __init__(self, services: Services, watch: GalleryWatch) -> None:
        self._services = services
        self._watch = watch
        self._looking = threading.Lock()
        self._looking_since: float | None = None  # steady seconds
        self._people: int | None = 0  # None: see _failure
        self._failure = _NO_STORE

    def get_health(self, call: Call) -> dict[str, Any]:
        """GET /health"""
        if call.gate.stopping:
            raise NotReady("the device is stopping")
        if self._looking.acquire(blocking=False):
            try:
                self._look()
            finally:
                self._looking.release()
        people, since = self._people, self._looking_since
        now = self._services.clock.steady()
        if since is not None and now - since > PATIENCE_S:
            raise NotReady(_NO_STORE)
        if people is None:
            raise NotReady(self._failure)
        return {
            "status": "ok",
            "models": "ok",
            "store": "ok",
            "camera": self._services.watching.camera(),
            "disk": self._disk(),
            "clock": "ok" if is_set(self._services.clock) else "unset",
            "gallery": self._watch.state(people),
        }

    def _disk(self) -> str:
        state = self._services.state
        try:
            low = state is not None and free_mib(state) < self._services.settings.disk_floor_mib
        except OSError:
            low = True
        return "low" if low else "ok"

    def _look(self) -> None:
        self._looking_since = self._services.clock.steady()
        try:
            self._people = self._services.recognizer.refresh()  # asks the store
        except ModelError as error:
            if self._failure != NO_MODEL or self._people is not None:
                _log.error("the models cannot be loaded: %s", error.message)
            self._people, self._failure = None, NO_MODEL
        except Exception:
            _log.exception(_NO_STORE)
            self._people, self._failure = None, _NO_STORE
        finally:
            self._looking_since = None


def _switch_gauges(services: Services) -> dict[str, float]:
    """How far the switch to the embedder of the settings has come; zeros when it answers, and when this
    process has left off because another one switched elsewhere."""
    wanted = EMBEDDERS[services.settings.embedder]
    if not services.switching() or services.store.model_for(wanted) == wanted:
        return {"switch_pending_references": 0, "switch_lost_people": 0}
    coverage = services.store.coverage(wanted)
    return {"switch_pending_references": coverage.pending, "switch_lost_people": coverage.lost}


def get_ca(call: Call) -> Text:
    """GET /ca.crt"""
    ca = call.services.ca
    if ca is None:
        raise NotFound("this device serves with a certificate of its installer's, not of its own CA")
    return Text("application/x-x509-ca-cert", ca.read_bytes())
