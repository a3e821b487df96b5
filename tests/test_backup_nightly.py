"""Copies on the device: which stay, how much they take, and what erasing means for them."""

from __future__ import annotations

import os
import sqlite3
import stat
import threading
import time
from contextlib import closing
from pathlib import Path

import pytest

from edge.backup.forgetting import CopyWatch, forget_in_copies
from edge.backup.nightly import Keep, chosen
from edge.errors import BackupError, StoreError
from edge.store import Person, open_store
from edge.store.copies import Copy, last_good, nightly_copies, way_out
from edge.store.copying import check_copy
from tests.backup_help import enrolled, erased, lived_in, names, night, restoring
from tests.store_help import TODAY, SetClock


@pytest.fixture
def state(tmp_path: Path) -> Path:
    folder = tmp_path / "state"
    lived_in(folder, "Ada", "Ben")
    return folder


def dates(state: Path) -> list[str]:
    return [copy.date for copy in nightly_copies(state)]


def test_a_copy_is_whole_and_for_its_owner_alone(state: Path) -> None:
    made = night(state, TODAY)
    assert made.copy.path.parent == state / "backups"
    assert made.copy.whole()
    assert check_copy(made.copy.path).people == 2
    for path in (state / "backups", made.copy.path):
        assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0
    assert [path.name for path in (state / "backups").iterdir()] == [made.copy.path.name]


def test_of_a_day_the_last_copy_stays(state: Path) -> None:
    first = night(state, TODAY).copy
    enrolled(state, "Cid", 3)
    second = night(state, TODAY)
    assert (second.census.people, second.dropped) == (3, 1)
    assert nightly_copies(state) == [second.copy] != [first]


def test_days_and_weeks(state: Path) -> None:
    """TODAY is a Monday; weeks begin with it."""
    for day in range(TODAY, TODAY + 60):
        night(state, day, Keep(days=3, weeks=2, mib=500, floor_mib=0))
    assert dates(state) == ["2026-04-16", "2026-04-15", "2026-04-14", "2026-04-12", "2026-04-05"]


@pytest.mark.parametrize(
    ("days", "weeks", "expected"),
    [(7, 4, [0, 1, 2, 3, 4, 5, 6, 8, 15, 22, 29]), (1, 0, [0]), (2, 1, [0, 1, 8])],
)
def test_which_of_a_hundred_stay(days: int, weeks: int, expected: list[int]) -> None:
    """The newest is of a Monday: each week before ends on the day before it."""
    copies = [Copy(Path(str(age)), day_of(TODAY - age), "") for age in range(100)]
    assert [int(copy.path.name) for copy in chosen(copies, Keep(days, weeks, 1, 0))] == expected


def day_of(day: int) -> str:
    return time.strftime("%Y-%m-%d", time.gmtime(day * 86400))


def test_the_size_bounds_them_and_the_newest_stays(state: Path) -> None:
    enrolled(state, "Big" * 200, 9)
    for day in range(TODAY + 1, TODAY + 30):
        night(state, day, Keep(7, 4, 1, 0))
        assert sum(copy.path.stat().st_size for copy in nightly_copies(state)) <= 1 << 20
    assert dates(state)[0] == day_of(TODAY + 29)
    assert len(dates(state)) < 5


def disk_of(state: Path, monkeypatch: pytest.MonkeyPatch, free: float) -> None:
    """So many MiB are free now, and more when copies go."""
    then = mib_of(nightly_copies(state))
    monkeypatch.setattr(
        "edge.backup.nightly.free_mib", lambda path: free + then - mib_of(nightly_copies(state))
    )


def mib_of(copies: list[Copy]) -> float:
    return sum(copy.path.stat().st_size for copy in copies) / (1 << 20)


def test_a_full_disk_costs_the_eldest_first(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for day in range(TODAY, TODAY + 4):
        night(state, day)
    people = (state / "people.sqlite").stat().st_size / (1 << 20)
    disk_of(state, monkeypatch, 250 + people - 1.5 * mib_of(nightly_copies(state)[:1]))
    assert night(state, TODAY + 4, Keep(7, 4, 500, 250)).dropped == 2
    assert dates(state) == [day_of(TODAY + age) for age in (4, 3, 2)]


def test_no_copy_goes_for_nothing(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for day in range(TODAY, TODAY + 4):
        night(state, day)
    disk_of(state, monkeypatch, 100.0)
    with pytest.raises(BackupError, match="no copy was made: 100 MiB are free, and a copy needs 250"):
        night(state, TODAY + 5, Keep(7, 4, 500, 250))
    assert len(dates(state)) == 4


def test_the_copy_that_stays_is_the_newest_whole_one(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for day in range(TODAY, TODAY + 3):
        night(state, day)
    newest, whole, eldest = nightly_copies(state)
    os.truncate(newest.path, newest.path.stat().st_size - 1)
    people = (state / "people.sqlite").stat().st_size / (1 << 20)
    disk_of(state, monkeypatch, 250 + people - mib_of([newest, eldest]))
    assert night(state, TODAY + 4, Keep(7, 4, 500, 250)).dropped == 2
    assert nightly_copies(state)[1:] == [whole]


def test_no_copy_goes_when_the_store_cannot_be_copied(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for day in range(TODAY, TODAY + 4):
        night(state, day)
    with closing(sqlite3.connect(state / "people.sqlite")) as database:
        ((page,),) = database.execute("SELECT rootpage FROM sqlite_schema WHERE name = 'reference'")
    with (state / "people.sqlite").open("r+b") as file:
        file.seek((page - 1) * 4096)
        file.write(os.urandom(4096))
    disk_of(state, monkeypatch, 250.0)
    with pytest.raises(StoreError):
        night(state, TODAY + 5, Keep(7, 4, 500, 250))
    assert len(dates(state)) == 4


def test_what_a_clock_that_was_ahead_left_is_the_eldest(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ahead = night(state, TODAY + 365).copy
    for day in range(TODAY, TODAY + 4):
        night(state, day)
    good = last_good(state, day_of(TODAY + 4))
    assert good is not None
    assert good.date == day_of(TODAY + 3)
    assert way_out(state, day_of(TODAY + 4)).startswith(f"the last good copy is of {day_of(TODAY + 3)}")
    assert last_good(state, "1970-01-01") == ahead, "a clock that was never set: the newest"
    people = (state / "people.sqlite").stat().st_size / (1 << 20)
    disk_of(state, monkeypatch, 250 + people - mib_of([ahead]) / 2)
    night(state, TODAY + 4, Keep(7, 4, 500, 250))
    assert dates(state) == [day_of(TODAY + age) for age in (4, 3, 2, 1, 0)]


def test_the_future_does_not_take_a_day_s_place(state: Path) -> None:
    night(state, TODAY + 365)
    for day in range(TODAY, TODAY + 4):
        night(state, day, Keep(days=3, weeks=0, mib=500, floor_mib=0))
    assert dates(state) == [day_of(TODAY + age) for age in (3, 2, 1)]


def test_a_damaged_store_spoils_no_copy(state: Path) -> None:
    kept = night(state, TODAY).copy
    (state / "people.sqlite").write_bytes(os.urandom(50_000))
    with pytest.raises(StoreError):
        night(state, TODAY + 1)
    assert nightly_copies(state) == [kept]
    assert kept.whole()
    assert [path.name for path in state.iterdir() if path.name.startswith("scratch")] == []


def test_while_people_are_trained_a_copy_is_one_moment(state: Path) -> None:
    stop = threading.Event()

    def train() -> None:
        with open_store(state, SetClock()) as store:
            seed = 100
            while not stop.is_set():
                with store.writing():
                    one = store.create_person(f"pair {seed}")
                    two = store.create_person(f"pair {seed}")
                    store.rename(one, f"pair {seed}!")
                    store.rename(two, f"pair {seed}!")
                seed += 1

    thread = threading.Thread(target=train)
    thread.start()
    try:
        for day in range(TODAY, TODAY + 5):
            copy = night(state, day).copy
            assert check_copy(copy.path).people % 2 == 0
    finally:
        stop.set()
        thread.join()


def traces(folder: Path, name: str) -> list[str]:
    """The files that hold somebody's crop."""
    return [
        str(path.relative_to(folder))
        for path in folder.rglob("*")
        if path.is_file() and name.encode() * 3 in path.read_bytes()
    ]


def test_erasing_reaches_every_copy_on_the_device(state: Path) -> None:
    ada = people_of(state, "Ada")[0]
    for day in (TODAY - 2, TODAY - 1):
        night(state, day)
    restoring(state).from_nightly(nightly_copies(state)[0])
    assert len(traces(state, "Ada")) == 4
    erased(state, ada)
    assert forget_in_copies(state) == 3
    assert traces(state, "Ada") == []
    assert len(traces(state, "Ben")) == 4
    assert all(copy.whole() for copy in nightly_copies(state))
    assert dates(state) == [day_of(TODAY - 1), day_of(TODAY - 2)]
    assert forget_in_copies(state) == 0, "nothing is written when there is nothing to do"
    restoring(state).from_nightly(nightly_copies(state)[1])
    assert names(state) == ["Ben"]


def people_of(state: Path, *wanted: str) -> list[Person]:
    with open_store(state, SetClock()) as store:
        known = {person.name: person for person in store.people()}
    return [known[name] for name in wanted]


def test_a_merged_person_goes_from_copies_in_which_there_were_two(state: Path) -> None:
    night(state, TODAY - 1)
    with open_store(state, SetClock()) as store:
        ada, ben = sorted(store.people(), key=lambda person: person.name or "")
        with store.writing():
            kept = store.merge(ada, ben)
    erased(state, kept)
    assert forget_in_copies(state) == 1
    assert traces(state, "Ada") == traces(state, "Ben") == []


def test_the_night_itself_forgets_them_too(state: Path) -> None:
    ada = people_of(state, "Ada")[0]
    night(state, TODAY - 1)
    erased(state, ada)
    assert night(state, TODAY).forgotten == 1
    assert traces(state, "Ada") == []


def test_a_service_follows_whoever_is_erased_by_anybody(state: Path) -> None:
    ada, ben = people_of(state, "Ada", "Ben")
    night(state, TODAY - 1)
    watch = CopyWatch(state)
    watch.look()
    stamp = nightly_copies(state)
    erased(state, ada)
    watch.look()
    assert nightly_copies(state) != stamp
    assert traces(state, "Ada") == []
    erased(state, ben)
    watch.look()
    assert traces(state, "Ben") == []
    CopyWatch(None).look()


def test_a_copy_that_cannot_be_rewritten_is_told_and_tried_again(
    state: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    ada = people_of(state, "Ada")[0]
    kept = night(state, TODAY - 1).copy
    erased(state, ada)

    def full(path: Path) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("edge.backup.forgetting.sync", full)
        assert forget_in_copies(state) == 0
    assert "may still be in" in caplog.text
    assert nightly_copies(state) == [kept]
    assert forget_in_copies(state) == 1
