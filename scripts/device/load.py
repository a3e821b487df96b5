"""Clients that go on asking, whatever happens to the device, and note what it has acknowledged."""

from __future__ import annotations

import contextlib
import http.client
import itertools
import random
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from device.door import Device
from tests.photographs import biden, nobody, obama
from tests.pictures import jpeg
from tests.service import Client

PAUSE_S = 0.1
"""After a request that was not answered."""


@dataclass
class Noted:
    """trained: person ids that were acknowledged. answers: by kind and status; 0, none came. longest_s: the
    longest time in which nobody was answered with 200 (seconds)."""

    trained: set[str] = field(default_factory=set)
    answers: Counter[str] = field(default_factory=Counter)
    lock: threading.Lock = field(default_factory=threading.Lock)
    longest_s: float = 0.0
    _last: float = field(default_factory=time.monotonic)

    def note(self, kind: str, status: int) -> None:
        """One request has come to its end."""
        with self.lock:
            self.answers[f"{kind} {status}"] += 1
            if status == 200:
                now = time.monotonic()
                self.longest_s, self._last = max(self.longest_s, now - self._last), now

    def lost(self, device: Device) -> int:
        """How many of those acknowledged are not there (any more)."""
        return len(self.trained - {person["personId"] for person in device.client.people()})

    def words(self) -> str:
        """The answers."""
        return ", ".join(f"{name} x {count}" for name, count in sorted(self.answers.items()))


@contextlib.contextmanager
def loaded(device: Device, clients: int = 4, seed: int = 1) -> Iterator[Noted]:
    """Four in ten are trains of a new person, the others detects."""
    noted, stop = Noted(), threading.Event()
    client = device.client
    threads = [
        threading.Thread(target=_ask, args=(client, noted, stop, seed + each)) for each in range(clients)
    ]
    for thread in threads:
        thread.start()
    try:
        yield noted
    finally:
        stop.set()
        for thread in threads:
            thread.join()


def _ask(client: Client, noted: Noted, stop: threading.Event, seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311
    faces = [jpeg(obama(), 250), jpeg(biden(), 350)]
    room = jpeg(nobody(), 200)
    for number in itertools.count():
        if stop.is_set():
            return
        train = chance.random() < 0.4
        name = f"guest {threading.get_ident() % 1000} {number}"
        status = 0
        try:
            if train:
                answer = client.train(chance.choice(faces), name=name, person_id="new")
            else:
                answer = client.detect(room)
            status = answer.status
            if train and status == 200:
                with noted.lock:
                    noted.trained.add(answer.json["personId"])
        except (OSError, http.client.HTTPException):
            stop.wait(PAUSE_S)
        noted.note("train" if train else "detect", status)
