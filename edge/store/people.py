"""People: a row each, with a uuid that never breaks."""

from __future__ import annotations

import dataclasses
import uuid
from typing import Any

from sqlite_utils import Database

from edge.access import gmt_day
from edge.errors import UnknownPersonId
from edge.store.records import EnrolledBy, Person
from edge.store.subjects import SubjectTable

_SELECT = "SELECT row, id, name, created, enrolled_by, revision FROM person "


def bump(database: Database) -> int:
    """The next revision. Each change takes one, in its own transaction, for the galleries to follow."""
    rows = database.execute("UPDATE state SET revision = revision + 1 RETURNING revision").fetchall()
    return int(rows[0][0])


def touch(database: Database, person_row: int) -> None:
    """Mark the person as changed. Raises UnknownPersonId: erased or merged in the meantime."""
    sql = "UPDATE person SET revision = ? WHERE row = ?"
    if not database.execute(sql, (bump(database), person_row)).rowcount:
        raise UnknownPersonId("this person has been erased or merged in the meantime")


class PeopleTable(SubjectTable):
    """The part of the store that knows people. What changes them goes inside writing()."""

    def person(self, person_id: str) -> Person | None:
        """The person with this uuid, or the one they were merged into."""
        return self._one(
            "WHERE row = coalesce((SELECT row FROM person WHERE id = ?1),"
            " (SELECT person FROM alias WHERE id = ?1))",
            person_id,
        )

    def person_by_row(self, row: int) -> Person | None:
        """The person of this row, or the one they were merged into; None when erased."""
        return self._one(
            "WHERE row = coalesce((SELECT merged_into FROM gone WHERE row = ?1), ?1)",
            row,
        )

    def people(self, after: str = "", limit: int = 100) -> list[Person]:
        """A page of people in the order of their ids, from the one that follows `after`."""
        rows = self._people.rows(_SELECT + "WHERE id > ? ORDER BY id LIMIT ?", (after, limit))
        return [Person(*row) for row in rows]

    def named(self) -> frozenset[int]:
        """The rows of the people who have a name."""
        return frozenset(row for (row,) in self._people.rows("SELECT row FROM person WHERE name IS NOT NULL"))

    def create_person(self, name: str | None, enrolled_by: EnrolledBy = "train") -> Person:
        """A new person with a fresh uuid, seen today."""
        database, now = self._people.open_write(), self._clock.now()
        values = (str(uuid.uuid4()), name, now, enrolled_by, bump(database))
        rows = database.execute(
            "INSERT INTO person (id, name, created, enrolled_by, revision) VALUES (?, ?, ?, ?, ?)"
            " RETURNING row",
            values,
        ).fetchall()
        row = int(rows[0][0])
        self.saw(row, gmt_day(now))
        return Person(row, *values)

    def vouch(self, person: Person, by: EnrolledBy) -> Person:
        """A client was given the id of somebody whom only the camera had met: it is kept as if the client had
        enrolled them. Nothing for others. A transaction of its own, or part of writing().
        """
        if person.enrolled_by != "camera":
            return person
        sql = "UPDATE person SET enrolled_by = ? WHERE row = ? AND enrolled_by = 'camera'"
        self._people.write(sql, (by, person.row))
        return dataclasses.replace(person, enrolled_by=by)

    def rename(self, person: Person, name: str | None) -> Person:
        """Give, change or take the name."""
        database = self._people.open_write()
        touch(database, person.row)
        database.execute("UPDATE person SET name = ? WHERE row = ?", (name, person.row))
        return self._still(person)

    def merge(self, keep: Person, gone: Person) -> Person:
        """Make two people one. The ids of `gone` go on answering, as aliases of `keep`.

        The kept one's name stays; without one, they get the other's. Sightings follow.
        """
        database = self._people.open_write()
        if keep.row == gone.row:  # merged already: the id of `gone` answers for `keep`
            return self._still(keep)
        touch(database, keep.row)
        touch(database, gone.row)
        pair = (keep.row, gone.row)
        database.execute(
            "UPDATE person SET name = coalesce(person.name, other.name), enrolled_by = CASE"
            " WHEN 'train' IN (person.enrolled_by, other.enrolled_by) THEN 'train'"
            " WHEN 'index' IN (person.enrolled_by, other.enrolled_by) THEN 'index' ELSE 'camera' END"
            " FROM person AS other WHERE person.row = ?1 AND other.row = ?2",
            pair,
        )
        database.execute("UPDATE alias SET person = ?1 WHERE person = ?2", pair)
        database.execute("INSERT INTO alias (id, person) SELECT id, ?1 FROM person WHERE row = ?2", pair)
        database.execute("UPDATE reference SET person = ?1 WHERE person = ?2", pair)
        database.execute("UPDATE gone SET merged_into = ?1 WHERE merged_into = ?2", pair)
        database.execute(
            "INSERT INTO gone (row, revision, merged_into) VALUES (?2, ?3, ?1)", (*pair, bump(database))
        )
        database.execute("DELETE FROM person WHERE row = ?", (gone.row,))
        self._saw_both(*pair)
        self._people.after_commit(self.follow_people)
        return self._still(keep)

    def saw(self, person_row: int, day: int) -> None:
        """Remember the GMT day on which somebody was seen; written once a day and person."""
        rows = self._usage.rows("SELECT day FROM seen WHERE person = ?", (person_row,))
        if not rows or rows[0][0] < day:
            self._usage.write(
                "INSERT INTO seen VALUES (?, ?) ON CONFLICT (person)"
                " DO UPDATE SET day = max(day, excluded.day)",
                (person_row, day),
            )

    def _saw_both(self, keep_row: int, gone_row: int) -> None:
        for (day,) in self._usage.rows("SELECT day FROM seen WHERE person = ?", (gone_row,)):
            self.saw(keep_row, day)
        self._usage.write("DELETE FROM seen WHERE person = ?", (gone_row,))

    def _still(self, person: Person) -> Person:
        found = self.person_by_row(person.row)
        if found is None:
            raise UnknownPersonId("this person has been erased in the meantime")
        return found

    def _one(self, where: str, key: Any) -> Person | None:
        rows = self._people.rows(_SELECT + where, (key,))
        return Person(*rows[0]) if rows else None
