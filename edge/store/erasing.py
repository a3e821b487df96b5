"""Erasing people, so that their bytes are gone from the files and not only their rows.

secure_delete overwrites what is deleted, in the database. Two things stay without more: older pages
in the log, hence the checkpoint that truncates it; and copies that SQLite makes when it moves rows
between pages to balance its trees (seen for one row in a thousand), hence the VACUUM, which writes
only living rows. What an SD card keeps in blocks it has put aside is out of reach, and so are backups.
"""

from __future__ import annotations

import logging

from edge.access import gmt_day
from edge.errors import EdgeError
from edge.store.people import PeopleTable, bump, touch
from edge.store.records import Person

_log = logging.getLogger(__name__)

_VACUUM_UP_TO = 64 * 2**20
"""Bytes of the file (some 4,000 references with crops). It is written twice: beyond this other writers
would wait too long on an SD card, and such a copy may stay until its page is used again."""

_UNNAMED = "SELECT row FROM person WHERE enrolled_by = 'index' AND name IS NULL"
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
        revision = bump(database)
        database.execute("INSERT INTO gone (row, revision) VALUES (?, ?)", (person.row, revision))
        database.execute("UPDATE state SET unclean = ?", (revision,))
        self._people.after_commit(self.clean)

    def clean(self) -> None:
        """Remove what erased people left in the files, if anything is left.

        When it fails (no space, somebody reads for long), the next erasing, sweep or start tries again.
        """
        unclean = self._people.rows("SELECT unclean FROM state")[0][0]
        if not unclean:
            return
        try:
            if self._people.path.stat().st_size <= _VACUUM_UP_TO:
                self._vacuum()
            busy = self._people.write("PRAGMA wal_checkpoint(TRUNCATE)")[0][0]
            if not busy:
                # unless somebody else has erased meanwhile
                self._people.write("UPDATE state SET unclean = 0 WHERE unclean = ?", (unclean,))
        except EdgeError as error:
            _log.warning(
                "what was erased is not yet overwritten in the file, and will be tried again: %s", error
            )

    def forget_unseen(self, before_day: int) -> int:
        """Erase the people whom index enrolled, who have no name and were last seen before that GMT
        day; how many. Meant to be called daily.

        Nobody is erased before calls on two days lie past `before_day`: a clock that was wrong for
        an hour forgets nobody. Somebody without a sighting (usage.sqlite was lost) counts from today.
        """
        today = gmt_day(self._clock.now())
        self.clean()
        self._drop_stray_sightings()
        if not self._sure(today, before_day):
            return 0
        erased = 0
        due = [row for (row,) in self._people.rows(_UNNAMED) if self._unseen(row, today, before_day)]
        for start in range(0, len(due), _BATCH):
            with self._people.writing():
                for row in due[start : start + _BATCH]:
                    erased += self._erase_unseen(row, today, before_day)
        return erased

    def _drop_stray_sightings(self) -> None:
        """A recognition under way while its person was erased may have noted a sighting after it."""
        seen = self._usage.rows("SELECT person FROM seen")  # first: whoever is added meanwhile is in neither
        living = {row for (row,) in self._people.rows("SELECT row FROM person")}
        for (row,) in seen:
            if row not in living:
                self._usage.write("DELETE FROM seen WHERE person = ?", (row,))

    def _erase_unseen(self, row: int, today: int, before_day: int) -> bool:
        """Asked again inside writing(): somebody may have named, merged or seen them meanwhile."""
        person = self.person_by_row(row)
        if person is None or (person.row, person.name) != (row, None):
            return False
        if not self._unseen(row, today, before_day):
            return False
        self.erase(person)
        return True

    def _unseen(self, row: int, today: int, before_day: int) -> bool:
        seen = self._usage.rows("SELECT day FROM seen WHERE person = ?", (row,))
        if not seen:
            self.saw(row, today)
        return bool(seen) and seen[0][0] < before_day

    def _sure(self, today: int, before_day: int) -> bool:
        self._usage.write("INSERT INTO sweep (day) VALUES (?) ON CONFLICT DO NOTHING", (today,))
        self._usage.write(
            "DELETE FROM sweep WHERE row <= (SELECT row FROM sweep ORDER BY row DESC LIMIT 1 OFFSET ?)",
            (_SWEEPS_KEPT,),
        )
        rows = self._usage.rows("SELECT count(*) FROM sweep WHERE day >= ?", (before_day,))
        return int(rows[0][0]) >= _SURE_SWEEPS

    def _vacuum(self) -> None:
        """The temporary copy, of living rows alone, goes to disk: in memory it could be 64 MiB.

        SQLite puts it into the folder of SQLITE_TMPDIR, which the command line sets to the state's.
        """
        self._people.rows("PRAGMA temp_store=FILE")
        try:
            self._people.write("VACUUM")
        finally:
            self._people.rows("PRAGMA temp_store=MEMORY")
