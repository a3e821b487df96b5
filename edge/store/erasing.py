"""Erasing people, so that their bytes are gone from the files and not only their rows.

secure_delete overwrites what is deleted, in the database. Two things stay without more: older pages
in the log, hence the checkpoint that truncates it; and copies that SQLite makes when it moves rows
between pages to balance its trees (seen for one row in a thousand), hence the VACUUM, which writes
only living rows. What an SD card keeps in blocks it has put aside is out of reach, and so are backups
elsewhere; a hash of each erased id stays, so that no copy of before brings anybody back (departed.py).
"""

from __future__ import annotations

import logging

from edge.errors import EdgeError
from edge.store.connection import Connections
from edge.store.departed import bound_erased, note_erased
from edge.store.people import PeopleTable, bump, touch
from edge.store.records import EnrolledBy, Person
from edge.store.sweeps import SweepTable

_log = logging.getLogger(__name__)

_VACUUM_UP_TO = 64 * 2**20
"""Bytes of the file (some 4,000 references with crops). It is written twice: beyond this other writers
would wait too long on an SD card, and such a copy may stay until its page is used again."""

_UNNAMED = "SELECT row FROM person WHERE enrolled_by = ? AND name IS NULL"
_BATCH = 500


class Erasing(PeopleTable, SweepTable):
    """The part of the store that forgets."""

    def erase(self, person: Person) -> None:
        """Erase the person, all references, crops, former ids; after the commit sightings, with their crops,
        and events, also those that wait to be told. Inside writing()."""
        database = self._people.open_write()
        touch(database, person.row)
        self._usage.write("DELETE FROM seen WHERE person = ?", (person.row,))
        note_erased(database, person.row, self._clock.now())
        database.execute("DELETE FROM person WHERE row = ?", (person.row,))  # the rest cascades
        revision = bump(database)
        database.execute("INSERT INTO gone (row, revision) VALUES (?, ?)", (person.row, revision))
        database.execute("UPDATE state SET unclean = ?", (revision,))
        self._people.after_commit(self.clean)

    def clean(self) -> None:
        """Remove what erased people left in the files, if anything is left.

        When it fails (no space, somebody reads for long), the next erasing, sweep or start tries again.
        """
        self.follow_people()
        for file in (self._people, self._sightings):
            try:
                _overwrite(file)
            except EdgeError as error:
                _log.warning(
                    "what was erased is not yet overwritten in the file, and will be tried again: %s", error
                )

    def forget_unseen(self, index_before: int, camera_before: int) -> int:
        """Erase the people who have no name and were last seen before a GMT day: one for those whom index
        enrolled, one for those whom only the camera met; how many. Meant to be called daily.

        Nobody is erased before calls on two days lie past the day: a clock that was wrong for an hour
        forgets nobody. Somebody without a sighting (usage.sqlite was lost) counts from today.
        """
        today = self._note_sweep(self._usage)
        self.clean()
        self._drop_stray_days()
        bound_erased(self._people)
        return self._forget("index", today, index_before) + self._forget("camera", today, camera_before)

    def _forget(self, enrolled_by: EnrolledBy, today: int, before_day: int) -> int:
        if not self._sure(self._usage, before_day):
            return 0
        unnamed = [row for (row,) in self._people.rows(_UNNAMED, (enrolled_by,))]
        due = [row for row in unnamed if self._unseen(row, today, before_day)]
        erased = 0
        for start in range(0, len(due), _BATCH):
            with self._people.writing():
                for row in due[start : start + _BATCH]:
                    erased += self._erase_unseen(row, today, before_day)
        return erased

    def _drop_stray_days(self) -> None:
        """A recognition under way while its person was erased may have noted the day after it."""
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


def _overwrite(file: Connections) -> None:
    """Leave nothing of what was erased in a file, if there is something."""
    unclean = file.rows("SELECT unclean FROM state")[0][0]
    if not unclean:
        return
    if file.path.stat().st_size <= _VACUUM_UP_TO:
        _vacuum(file)
    busy = file.write("PRAGMA wal_checkpoint(TRUNCATE)")[0][0]
    if not busy:
        # unless somebody else has erased meanwhile
        file.write("UPDATE state SET unclean = 0 WHERE unclean = ?", (unclean,))


def _vacuum(file: Connections) -> None:
    """The temporary copy, of living rows alone, goes to disk: in memory it could be 64 MiB.

    SQLite puts it into the folder of SQLITE_TMPDIR, which the command line sets to the state's.
    """
    file.rows("PRAGMA temp_store=FILE")
    try:
        file.write("VACUUM")
    finally:
        file.rows("PRAGMA temp_store=MEMORY")
