"""Which embedder's gallery answers, and the vectors that others have of the same looks."""

from __future__ import annotations

import numpy as np

from edge.errors import ModelChanged, StoreError
from edge.face import Vector
from edge.store.people import PeopleTable, bump, touch
from edge.store.records import Coverage, KeptLook, Person

_FLOAT32 = np.dtype("<f4")

_KNOWN = """
    SELECT EXISTS (SELECT 1 FROM embedding e WHERE e.model = state.model AND e.vector IS NOT NULL) FROM state
"""

_BEGIN_WITH = """
    UPDATE state SET model = ?1, revision = revision + 1 WHERE model <> ?1
        AND NOT EXISTS (SELECT 1 FROM embedding e WHERE e.model = state.model AND e.vector IS NOT NULL)
"""

_PENDING = """
    FROM reference r JOIN crop c ON c.reference = r.row
    WHERE r.row > ?2 AND NOT EXISTS (SELECT 1 FROM embedding WHERE reference = r.row AND model = ?1)
"""

# Known now: a look in use with a vector of the answering embedder (?1). Known then: one that has a vector
# of the other (?2), or may get one.
_LOST = """
    FROM person p WHERE EXISTS (
        SELECT 1 FROM reference r JOIN embedding e ON e.reference = r.row AND e.model = ?1
        WHERE r.person = p.row AND r.set_aside IS NULL AND e.vector IS NOT NULL
    ) AND NOT EXISTS (
        SELECT 1 FROM reference r
            LEFT JOIN embedding e ON e.reference = r.row AND e.model = ?2
            LEFT JOIN crop c ON c.reference = r.row
        WHERE r.person = p.row AND r.set_aside IS NULL
            AND CASE WHEN e.row IS NULL THEN c.reference IS NOT NULL ELSE e.vector IS NOT NULL END
    )
"""

_COUNTS = """
    SELECT total(e.vector IS NOT NULL),
        total(e.row IS NULL AND c.reference IS NOT NULL),
        total(e.row IS NOT NULL AND e.vector IS NULL),
        total(e.row IS NULL AND c.reference IS NULL)
    FROM reference r
        LEFT JOIN embedding e ON e.reference = r.row AND e.model = ?1
        LEFT JOIN crop c ON c.reference = r.row
"""

# A look that the answering embedder does not know keeps its other vectors: they are all there is of it.
_UNUSED = """
    DELETE FROM embedding WHERE row IN (
        SELECT e.row FROM embedding e JOIN embedding used
            ON used.reference = e.reference AND used.model = ?1 AND used.vector IS NOT NULL
        WHERE e.model NOT IN (?1, ?2) LIMIT ?3
    )
"""


class EmbeddingTable(PeopleTable):
    """The part of the store that knows embedders."""

    def answering(self) -> tuple[int, str]:
        """The revision, and the embedder whose gallery answers ("" before the first reference)."""
        revision, model = self._people.rows("SELECT revision, model FROM state")[0]
        return int(revision), str(model)

    def model(self) -> str:
        """The embedder whose gallery answers; "" in a store that never had one."""
        return self.answering()[1]

    def model_for(self, wanted: str) -> str:
        """The embedder to begin with: the one that answers, or `wanted` while it knows nobody."""
        return self.model() if self._people.rows(_KNOWN)[0][0] else wanted

    def begin_with(self, model: str) -> str:
        """Let this embedder answer in a store whose own knows nobody; the one that answers."""
        if self.model() != model:
            self._people.write(_BEGIN_WITH, (model,))
        return self.model()

    def pending(self, model: str, after: int = 0, limit: int = 16) -> list[KeptLook]:
        """Looks with a crop that this embedder has not seen, set aside or not, in the order of their rows,
        from the one that follows the row `after`."""
        rows = self._people.rows(
            f"SELECT r.row, c.picture, c.landmarks {_PENDING} ORDER BY r.row LIMIT ?3", (model, after, limit)
        )
        return [KeptLook(row, crop, points_of(landmarks)) for row, crop, landmarks in rows]

    def add_embedding(
        self, reference_row: int, model: str, vector: Vector | None, mirror: float | None = None
    ) -> None:
        """The vector that this embedder made of a kept crop; None: it could not read the crop. mirror: as in
        Look.

        Inside writing(). Nothing happens when the look is gone by now, or has one.
        """
        database = self._people.open_write()
        added = database.execute(
            "INSERT INTO embedding (reference, model, vector, mirror)"
            " SELECT row, ?, ?, ? FROM reference WHERE row = ? ON CONFLICT DO NOTHING",
            (model, None if vector is None else vector_bytes(vector), mirror, reference_row),
        ).rowcount
        if added and model == self.model():  # somebody else has switched to it already
            for (person,) in database.execute(
                "SELECT person FROM reference WHERE row = ?", (reference_row,)
            ).fetchall():
                touch(database, person)

    def coverage(self, model: str) -> Coverage:
        """How far this embedder could take over."""
        embedded, pending, unreadable, cropless = map(int, self._people.rows(_COUNTS, (model,))[0])
        lost = int(self._people.rows(f"SELECT count(*) {_LOST}", (self.model(), model))[0][0])
        return Coverage(embedded, pending, unreadable, cropless, lost)

    def lost(self, model: str, after: str = "", limit: int = 100) -> list[Person]:
        """The people whom the gallery knows and would not know with this embedder: a page in the order of
        their ids, from the one that follows `after`."""
        rows = self._people.rows(
            "SELECT p.row, p.id, p.name, p.created, p.enrolled_by, p.revision"
            f" {_LOST} AND p.id > ?3 ORDER BY p.id LIMIT ?4",
            (self.model(), model, after, limit),
        )
        return [Person(*row) for row in rows]

    def use_model(self, model: str, *, lose: bool = False) -> bool:
        """Let this embedder's gallery answer from now on, for every process; whether it does.

        It does not take over while a crop is pending, nor (unless `lose`) when somebody would be lost.
        """
        with self._people.writing() as database:
            if self.model() == model:
                return True
            if database.execute(f"SELECT 1 {_PENDING} LIMIT 1", (model, 0)).fetchall():
                return False
            if not lose and self.lost(model, limit=1):
                return False
            database.execute("UPDATE state SET model = ?", (model,))
            bump(database)  # so that galleries look; they begin anew
        return True

    def drop_unused(self, wanted: str, limit: int = 500) -> int:
        """Erase some vectors of embedders that neither answer nor are wanted; how many, 0 when none is left.

        Kept are those of looks that the answering embedder does not know. A transaction of its own; call
        clean() at the end, which removes the traces in the file.
        """
        with self._people.writing() as database:
            dropped = database.execute(_UNUSED, (self.model(), wanted, limit)).rowcount
            if dropped:
                database.execute("UPDATE state SET unclean = max(revision, 1)")
        return dropped

    def _check_answering(self, model: str) -> None:
        """Inside writing(). Raises ModelChanged when it is another; the first one stays the one."""
        self._people.write("UPDATE state SET model = ? WHERE model = ''", (model,))
        answering = self.model()
        if answering != model:
            raise ModelChanged(f"{answering} answers now, no longer {model}", answering)


def vector_bytes(values: Vector) -> bytes:
    """As it is stored: little-endian float32. Raises StoreError: a value that is not finite."""
    if not np.isfinite(values).all():
        raise StoreError("a vector with a value that is not finite cannot be stored")
    return np.ascontiguousarray(values, _FLOAT32).tobytes()


def vector_of(stored: bytes) -> Vector:
    """A stored vector."""
    return np.frombuffer(stored, _FLOAT32)


def check_stored(vector: bytes) -> None:
    """Raises StoreError: bytes from elsewhere that are no direction. With one that is not finite, somebody
    would be everybody's nearest."""
    values = np.frombuffer(vector, _FLOAT32) if len(vector) % _FLOAT32.itemsize == 0 else np.empty(0)
    if not np.isfinite(values).all() or not values.any():
        raise StoreError("a vector that is zero or not finite cannot be stored")


def points_of(stored: bytes | None) -> Vector | None:
    """Stored landmarks, n x 2."""
    return None if stored is None else np.frombuffer(stored, _FLOAT32).reshape(-1, 2)


def matrix_of(vectors: list[bytes]) -> Vector:
    """Stored vectors of one embedder, n x d; 0 x 0 for none."""
    if not vectors:
        return np.empty((0, 0), np.float32)
    return np.frombuffer(b"".join(vectors), _FLOAT32).reshape(len(vectors), -1)
