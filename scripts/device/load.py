"""Clients that go on asking, whatever happens to the device, and note what it has acknowledged."""

from __future__ import annotations

import contextlib
import http.client
import itertools
import random
import threading
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
    """trained: person ids that were acknowledged. answers: by kind and status; 0, none came."""

    trained: set[str] = field(default_factory=set)
    answers: Counter[str] = field(default_factory=Counter)
    lock: threading.Lock = field(default_factory=threading.Lock)

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
        threading.Thread(target=_ask, args=(client, noted, stop, random.Random(seed + each)))
        for each in range(clients)
    ]
    for thread in threads:
        thread.start()
    try:
        yield noted
    finally:
        stop.set()
        for thread in threads:
            thread.join()


def _ask(client: Client, noted: Noted, stop: threading.Event, chance: random.Random) -> None:
    faces = [jpeg(obama(), 200), jpeg(biden(), 200)]
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
        with noted.lock:
            noted.answers[f"{'train' if train else 'detect'} {status}"] += 1
