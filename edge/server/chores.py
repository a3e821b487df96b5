"""What the server does once a minute: certificates, people who are to be forgotten, the gallery's state.

And the nightly copies on the device, which whoever was erased leaves, too.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from edge.backup.forgetting import CopyWatch
from edge.clock import Clock
from edge.errors import EdgeError
from edge.server.gallery_watch import GalleryWatch
from edge.server.services import Enroller
from edge.server.tls import Certificates

TICK_S = 60.0
FORGET_EVERY_S = 86_400.0
FIRST_FORGET_S = 3_600.0
TIDY_EVERY_S = 3_600.0

TELL_EVERY_S = 3_600.0
"""So often a failure that stays the same is logged (seconds)."""

_log = logging.getLogger(__name__)


class Chores:
    """Runs beside the server until it is cancelled. A failure is logged and tried again."""

    def __init__(
        self,
        certificates: Certificates,
        enroller: Enroller,
        watch: GalleryWatch,
        clock: Clock,
        *,
        copies: CopyWatch,
        tidy: Callable[[], object],
    ) -> None:
        """tidy: lets go of old sightings and events."""
        self._certificates = certificates
        self._enroller = enroller
        self._watch = watch
        self._clock = clock
        self._copies = copies
        self._tidy = tidy
        self._tidy_at = clock.steady()
        self._forget_at = clock.steady() + FIRST_FORGET_S
        self._told: dict[tuple[str, str], float] = {}  # chore and words: not told again before (steady s)

    async def run(self) -> None:
        """For ever."""
        while True:
            await asyncio.sleep(TICK_S)
            await asyncio.to_thread(self.tick)

    def tick(self) -> None:
        """Do what is due; one that fails keeps none of the others from being done."""
        for chore in (
            self._certificates.refresh,
            self._forget,
            self._watch.look,
            self._copies.look,
            self._trim,
        ):
            try:
                chore()
            except EdgeError as error:
                self._complain(chore.__qualname__, error.message)
            except Exception:
                _log.exception("a chore failed")

    def _complain(self, chore: str, words: str) -> None:
        now = self._clock.steady()
        self._told = {told: until for told, until in self._told.items() if until > now}
        if (chore, words) not in self._told:
            self._told[chore, words] = now + TELL_EVERY_S
            _log.error("%s", words)

    def _trim(self) -> None:
        if self._clock.steady() >= self._tidy_at:
            self._tidy()
            self._tidy_at = self._clock.steady() + TIDY_EVERY_S

    def _forget(self) -> None:
        if self._clock.steady() >= self._forget_at:
            self._forget_at = self._clock.steady() + FORGET_EVERY_S
            erased = self._enroller.forget_unseen()
            _log.info("forgot %d people whom nobody named or saw", erased)
