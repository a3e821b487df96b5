"""What was acknowledged survives a power cut, at any moment, whatever of the unsynced writes is left.

scripts/cut-power does the same at a thousand moments and more.
"""

from __future__ import annotations

import shutil

import pytest

from edge.store.usage import SURE_EVERY
from tests.disk_record import Call, Disk, File, drawn
from tests.power_cut import cut, places, watched

pytestmark = pytest.mark.skipif(shutil.which("strace") is None, reason="strace records what is written")


def test_nothing_acknowledged_is_lost() -> None:
    calls = watched(steps=60, seed=11)
    outcome = cut(calls, places(calls, 120, seed=12), seed=13)
    assert outcome.losses == []
    assert outcome.cuts == 120
    assert outcome.trained > 40
    assert 0 < outcome.most_taken_back <= SURE_EVERY


@pytest.mark.parametrize("synchronous", ["OFF", "NORMAL"])
def test_a_missing_fsync_is_seen(synchronous: str) -> None:
    """The test of the test: with fewer fsyncs people are lost."""
    calls = watched(steps=25, seed=11, synchronous=synchronous)
    losses = cut(calls, places(calls, 80, seed=12), seed=13).losses
    assert len({loss.call for loss in losses}) > 10


def test_what_was_synced_is_there_and_the_rest_in_any_part() -> None:
    file = File()
    file.apply(Call("write", "f", 0, b"a" * 2048))
    file.sync()
    file.apply(Call("write", "f", 1024, b"b" * 2048))
    chance = drawn(1)
    left = [file.left(chance, lambda: 0.5) for _ in range(100)]
    assert all(content.startswith(b"a" * 1024) for content in left)
    sectors = {tuple(content[place : place + 1] for place in range(1024, 3072, 512)) for content in left}
    assert (b"a", b"b", b"", b"") in sectors or (b"b", b"a", b"", b"") in sectors, "one sector alone"
    assert (b"a", b"a", b"\0", b"b") in sectors, "the last alone: a hole before it"
    assert (b"b",) * 4 in sectors


def test_names_are_for_sure_when_the_folder_was_synced() -> None:
    disk = Disk()
    for call in (
        Call("create", "f.new"),
        Call("write", "f.new", 0, b"1"),
        Call("sync", "f.new"),
        Call("rename", "f.new", to="f"),
    ):
        disk.play(call)
    assert seen(disk) == {(), ("f.new",), ("f",)}
    disk.play(Call("sync", ""))
    assert seen(disk) == {("f",)}
    disk.play(Call("remove", "f"))
    assert seen(disk) == {("f",), ()}


def seen(disk: Disk) -> set[tuple[str, ...]]:
    """The names that a cut may leave."""
    found = set()

    class Folder:
        def __init__(self) -> None:
            self.names: list[str] = []

        def __truediv__(self, name: str) -> Folder:
            self.names.append(name)
            return self

        def write_bytes(self, data: bytes) -> None:
            assert data == b"1" or self.names[-1].endswith(".new")

    for seed in range(60):
        folder = Folder()
        disk.cut(drawn(seed), folder)  # type: ignore[arg-type]
        found.add(tuple(sorted(folder.names)))
    return found
