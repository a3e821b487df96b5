"""Erasing people, so that their bytes are gone from the files and not only their rows.

secure_delete overwrites what is deleted, in the database. Two things stay without more: older pages
in the log, hence the checkpoint that truncates it; and copies that SQLite makes when it moves rows
between pages to balance its trees (seen for one row in a thousand), hence the VACUUM, which writes
only living rows. What an SD card keeps in blocks it has put aside is out of reach, and so are backups.
"""

from __future__ import annotations

from edge.access import gmt_day
from edge.errors import EdgeError
from edge.store.people import PeopleTable, bump, touch
from edge.store.records import Person

_VACUUM_UP_TO = 256 * 2**20
"""Bytes of the file. Beyond it a VACUUM would hold up other writers for minutes on an SD card."""

_BATCH = 500
_SWEEPS_KEPT = 8
_SURE_SWEEPS = 2


class Erasing(PeopleTable):
    """The part of the store that forgets."""

    def erase(self, person: Person) -> None:
        """Erase the person, all references, crops, former ids and sightings. Inside writing()."""
        database = self._people.open_write()
        touch(database, person.row)
        self._usage.write("DELETE FROM seen WHERE person = ?", (person.row,))
        database.execute("DELETE FROM person WHERE row = ?", (person.row,))  # the rest cascades
        database.execute("INSERT INTO gone (row, revision) VALUES (?, ?)", (person.row, bump(database)))
        database.execute("UPDATE state SET unclean = 1")
        self._people.after_commit(self.clean)

    def clean(self) -> None:
        """Remove what erased people left in the files, if anything is left.

        When it fails (no space, somebody reads for long), the next erasing, sweep or start tries again.
        """
        if not self._people.rows("SELECT unclean FROM state")[0][0]:
            return
        try:
            if self._people.path.stat().st_size <= _VACUUM_UP_TO:
                self._vacuum()
            busy = self._people.write("PRAGMA wal_checkpoint(TRUNCATE)")[0][0]
            if not busy:
                self._people.write("UPDATE state SET unclean = 0")
        except EdgeError:
            return

    def forget_unseen(self, before_day: int) -> int:
        """Erase the people whom index enrolled, who have no name and were last seen before that GMT
        day; how many. Meant to be called daily.

        Nobody is erased before calls on two days lie past `before_day`: a clock that was wrong for
        an hour forgets nobody. Somebody without a sighting (usage.sqlite was lost) counts from today.
        """
        today = gmt_day(self._clock.now())
        self.clean()
        if not self._sure(today, before_day):
            return 0
        due = self._due(today, before_day)
        for start in range(0, len(due), _BATCH):
            with self._people.writing():
                for person in map(self.person_by_row, due[start : start + _BATCH]):
                    if person is not None and person.name is None and person.enrolled_by == "index":
                        self.erase(person)
        return len(due)

    def _sure(self, today: int, before_day: int) -> bool:
        self._usage.write("INSERT INTO sweep (day) VALUES (?) ON CONFLICT DO NOTHING", (today,))
        self._usage.write(
            "DELETE FROM sweep WHERE row <= (SELECT row FROM sweep ORDER BY row DESC LIMIT 1 OFFSET ?)",
            (_SWEEPS_KEPT,),
        )
        rows = self._usage.rows("SELECT count(*) FROM sweep WHERE day >= ?", (before_day,))
        return int(rows[0][0]) >= _SURE_SWEEPS

    def _due(self, today: int, before_day: int) -> list[int]:
        due = []
        for (row,) in self._people.rows(
            "SELECT row FROM person WHERE enrolled_by = 'index' AND name IS NULL"
        ):
            seen = self._usage.rows("SELECT day FROM seen WHERE person = ?", (row,))
            if not seen:
                self.saw(row, today)
            elif seen[0][0] < before_day:
                due.append(row)
        return due

    def _vacuum(self) -> None:
        """The temporary copy, of living rows alone, goes to disk: in memory it could be 256 MiB."""
        database = self._people.database
        database.execute("PRAGMA temp_store=FILE")
        try:
            self._people.write("VACUUM")
        finally:
            database.execute("PRAGMA temp_store=MEMORY")
