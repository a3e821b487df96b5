"""Who may come in, in the contract's order: token, scope, quota, overload."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from edge import access
from edge.access import Grant
from edge.clock import Clock
from edge.errors import EdgeError, NotReady, Overloaded, QuotaExceeded
from edge.server.contract import status_of
from edge.server.intake import ClientGone
from edge.server.operations import Operation
from edge.store import Store


@dataclass(slots=True)
class Visit:
    """One authenticated request. used: what the token has spent today, this request included."""

    grant: Grant
    day: int
    used: int | None = None


class Gate:
    """Authentication, quotas, and the requests in hand of one server."""

    def __init__(self, store: Store, clock: Clock, max_requests: int) -> None:
        self._store = store
        self._clock = clock
        self._lock = threading.Lock()
        self._max_requests = max_requests
        self.in_hand = 0
        self.stopping = False

    def authenticate(self, authorization: str | None) -> Visit:
        """Raises MissingToken, NotBearer or InvalidToken."""
        token = access.bearer(authorization)
        grant = self._store.find_token(access.token_hash(token))
        now = self._clock.now()
        return Visit(access.valid(grant, now), access.gmt_day(now))

    @contextmanager
    def admitted(self, visit: Visit, operation: Operation) -> Iterator[None]:
        """Scope, quota, overload; then the work. What fails by our own fault is not counted.

        Raises InsufficientScope, QuotaExceeded, NotReady, Overloaded.
        """
        access.require(visit.grant, operation.scopes)
        with self._slot(visit, operation):
            if operation.counts:
                visit.used = self._store.spend(visit.grant, visit.day)
            try:
                yield
            except Exception as error:
                if operation.counts and _our_fault(error):
                    self._store.refund(visit.grant, visit.day)
                    visit.used = None
                raise

    def rate_headers(self, visit: Visit) -> dict[str, str]:
        """The RateLimit-* headers; none for a token without a quota."""
        quota = visit.grant.quota
        if quota is None:
            return {}
        used = self.used(visit)
        return {
            "RateLimit-Limit": str(quota),
            "RateLimit-Remaining": str(max(quota - used, 0)),
            "RateLimit-Reset": str(self.reset_s()),
        }

    def used(self, visit: Visit) -> int:
        """What the token has spent today (count)."""
        return self._store.used(visit.grant, visit.day) if visit.used is None else visit.used

    def reset_s(self) -> int:
        """Seconds to the next midnight GMT."""
        return access.seconds_to_midnight(self._clock.now())

    @contextmanager
    def _slot(self, visit: Visit, operation: Operation) -> Iterator[None]:
        with self._lock:
            free = self.in_hand < self._max_requests and not self.stopping
            self.in_hand += free
        if not free:
            # Nothing is spent on a request that is turned away, but a used-up quota comes first.
            quota = visit.grant.quota
            if operation.counts and quota is not None and self.used(visit) >= quota:
                raise QuotaExceeded(f"the daily quota of {quota} is used up", self.reset_s())
            if self.stopping:
                raise NotReady("the device is stopping")
            raise Overloaded(f"{self._max_requests} requests are in hand already")
        try:
            yield
        finally:
            with self._lock:
                self.in_hand -= 1


def _our_fault(error: Exception) -> bool:
    if isinstance(error, ClientGone):
        return False
    return not isinstance(error, EdgeError) or status_of(type(error)) in (403, 429, 500, 503)
