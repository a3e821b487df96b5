"""What the device remembers: people, references, crops, tokens, usage. SQLite stays in here."""

from edge.store.records import EnrolledBy, Person, Reference
from edge.store.store import Store, open_store

__all__ = ["EnrolledBy", "Person", "Reference", "Store", "open_store"]
