"""What the device remembers: people, references, crops, tokens, usage, sightings. SQLite stays in here."""

from edge.store.records import Coverage, EnrolledBy, KeptLook, Person, Reference, Remembered, Sighting
from edge.store.store import Store, open_store

__all__ = [
    "Coverage",
    "EnrolledBy",
    "KeptLook",
    "Person",
    "Reference",
    "Remembered",
    "Sighting",
    "Store",
    "open_store",
]
