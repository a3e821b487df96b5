"""The broker and the webhook: are they there, and does anything wait for them?"""

from __future__ import annotations

import socket
from collections.abc import Iterator

from edge.doctor.finding import Finding, failed, not_applicable, passed
from edge.doctor.patient import Patient
from edge.doctor.reading import readable_store
from edge.outlets.delivery import LONGEST_WAIT_S
from edge.outlets.trust import network_words
from edge.outlets.webhook import address_of
from edge.settings import Settings
from edge.store import Store

CONNECT_S = 5.0
_LATE_S = 2 * LONGEST_WAIT_S
"""An event that has waited longer (seconds) has been tried again by then."""

_LOG = "journalctl -u api-face | grep outlet"


def look(patient: Patient) -> Iterator[Finding]:
    """A line for each that the settings name. Raises SettingsError, StoreError."""
    places = _places(patient.settings)
    if not places:
        yield not_applicable("outlets", "the settings name no broker and no webhook")
        return
    with readable_store(patient) as store:
        for name, (host, port) in places.items():
            yield _found(patient, name, host, port, store)


def _places(settings: Settings) -> dict[str, tuple[str, int]]:
    places: dict[str, tuple[str, int]] = {}
    if settings.mqtt_host:
        places["mqtt"] = settings.mqtt_host, settings.mqtt_port
    if settings.webhook_url:
        address = address_of(settings.webhook_url)
        places["webhook"] = address.host, address.port
    return places


def _found(patient: Patient, name: str, host: str, port: int, store: Store | None) -> Finding:
    waiting, oldest = (0, 0.0) if store is None else _waiting(store, name, patient.clock.now())
    place = f"{host} port {port}"
    words = f"{name}: {waiting} events wait" + (f", the oldest for {oldest / 60:.0f} min" if waiting else "")
    try:
        socket.create_connection((host, port), CONNECT_S).close()
    except (OSError, UnicodeError) as error:
        return failed("outlets", f"{words}; {network_words(error, place)}", f"start or correct it; {_LOG}")
    if waiting and oldest > _LATE_S:
        return failed("outlets", f"{words}, and {place} listens", f"the log says what it answers: {_LOG}")
    return passed("outlets", f"{words}; {place} listens")


def _waiting(store: Store, name: str, now: float) -> tuple[int, float]:
    """How many events, and how old the oldest is (seconds)."""
    cursor = store.cursors().get(name)
    first = [] if cursor is None else store.events(cursor, 1)
    if cursor is None or not first:
        return 0, 0.0
    return store.newest_event() - first[0].row + 1, max(0.0, now - first[0].time)
