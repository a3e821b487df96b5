"""What a process does to the files of a folder, call by call, and what a power cut would leave of it.

strace writes the calls down with all their bytes. A disk is then played forward through them: what was
fsynced is there for sure, of what came after any part may be. Names (new, renamed, removed files) are for
sure once their folder was fsynced.
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

_CALLS = (
    "openat,write,pwrite64,fsync,fdatasync,ftruncate,rename,renameat,renameat2,unlink,unlinkat,mkdir,mkdirat"
)
_LINE = re.compile(rb"(?:\d+ +)?(\w+)\((.*)\) += (-?\d+)(?:<([^>]*)>)?")
_STRING = re.compile(rb'"((?:\\x[0-9a-f]{2})*)"')
_DESCRIPTOR = re.compile(rb"^(\d+)<([^>]*)>")
_PASSING = "-shm"
"""What SQLite keeps in memory, and makes anew after a crash."""
_NAMELESS = "etilqs_"
"""Its temporary files, which have no name once they are open."""
SECTOR = 512


def drawn(seed: int) -> Random:
    """Everything that is drawn here is drawn again by the same seed."""
    return Random(seed)  # noqa: S311


@dataclass(frozen=True, slots=True)
class Call:
    """kind: "write", "truncate", "sync", "create", "rename", "remove", or "said" (a line to standard output).

    path: in the folder, "" for the folder itself. offset, data: of a write, or the length and nothing of a
    truncate. to: the new name.
    """

    kind: str
    path: str
    offset: int = 0
    data: bytes = b""
    to: str = ""


def record(command: Sequence[str], folder: Path, environment: dict[str, str] | None = None) -> list[Call]:
    """Run the command to its end; its calls on files below the folder, which must exist and be empty."""
    trace = folder.with_name(f"{folder.name}.trace")
    tracer = ["strace", "-f", "-y", "-xx", "-s", "2000000", "-e", f"trace={_CALLS}", "-o", str(trace)]
    subprocess.run(
        [*tracer, *command], check=True, stdout=subprocess.DEVNULL, env=os.environ | (environment or {})
    )
    with trace.open("rb") as lines:
        calls = list(_calls(lines, folder))
    trace.unlink()
    return calls


def _calls(lines: Iterator[bytes], folder: Path) -> Iterator[Call]:
    inside = f"{folder}/".encode()
    for line in lines:
        match = _LINE.match(line)
        if match is None or int(match[3]) < 0:
            assert b"unfinished" not in line, "the process has more than one thread"
            continue
        name, words = match[1].decode(), match[2]
        strings = [bytes.fromhex(text.replace(b"\\x", b"").decode()) for text in _STRING.findall(words)]
        descriptor = _DESCRIPTOR.match(words)
        if descriptor is not None and descriptor[1] == b"1" and name == "write":
            yield Call("said", "", data=strings[0])
        elif descriptor is not None and not name.endswith("at") and name != "renameat2":
            path = _plain(descriptor[2])
            if path == inside[:-1] or path.startswith(inside):
                yield from _on_descriptor(name, path[len(inside) :].decode(), words, strings)
        elif any(text.startswith(inside) for text in strings):
            paths = [text[len(inside) :].decode() for text in strings]
            yield from _on_names(name, paths, words)


def _plain(path: bytes) -> bytes:
    return bytes.fromhex(path.replace(b"\\x", b"").decode()) if b"\\x" in path else path


def _on_descriptor(name: str, path: str, words: bytes, strings: list[bytes]) -> Iterator[Call]:
    if path.endswith(_PASSING) or path.startswith(_NAMELESS):
        return
    numbers = words.rsplit(b", ", 1)
    if name == "pwrite64":
        yield Call("write", path, int(numbers[1]), strings[0])
    elif name == "write":
        yield Call("write", path, -1, strings[0])
    elif name in ("fsync", "fdatasync"):
        yield Call("sync", path)
    elif name == "ftruncate":
        yield Call("truncate", path, int(numbers[1]))


def _on_names(name: str, paths: list[str], words: bytes) -> Iterator[Call]:
    if paths[-1].endswith(_PASSING) or paths[-1].startswith(_NAMELESS):
        return
    if name == "openat" and b"O_CREAT" in words:
        yield Call("create", paths[-1])
    elif name.startswith("rename"):
        yield Call("rename", paths[0], to=paths[1])
    elif name.startswith("unlink"):
        yield Call("remove", paths[-1])
    elif name.startswith("mkdir"):
        raise AssertionError("folders are not played")


@dataclass(eq=False)
class File:
    """An inode: its bytes for sure, and what was written since."""

    sure: bytearray = field(default_factory=bytearray)
    since: list[Call] = field(default_factory=list)
    size: int = 0

    def apply(self, call: Call) -> None:
        """A write or a truncate; a write without a place goes to the end."""
        if call.kind == "write":
            offset = self.size if call.offset < 0 else call.offset
            self.since.append(Call("write", call.path, offset, call.data))
            self.size = max(self.size, offset + len(call.data))
        else:
            self.since.append(call)
            self.size = call.offset

    def sync(self) -> None:
        """All of it is for sure."""
        for call in self.since:
            _put(self.sure, call)
        self.since.clear()

    def left(self, chance: Random, kept: Callable[[], float]) -> bytes:
        """What a power cut leaves: whole writes, pages or sectors of what came since, each or not."""
        content = bytearray(self.sure)
        grain = chance.choice((0, 4096, SECTOR))
        share = kept()
        for call in self.since:
            for piece in _pieces(call, grain):
                if chance.random() < share:
                    _put(content, piece)
        return bytes(content)


def _pieces(call: Call, grain: int) -> Iterator[Call]:
    if call.kind == "truncate" or not grain:
        yield call
        return
    end = call.offset + len(call.data)
    start = call.offset
    while start < end:
        stop = min(end, (start // grain + 1) * grain)
        yield Call("write", call.path, start, call.data[start - call.offset : stop - call.offset])
        start = stop


def _put(content: bytearray, call: Call) -> None:
    if call.kind == "truncate":
        del content[call.offset :]
        content.extend(bytes(call.offset - len(content)))
        return
    content.extend(bytes(max(0, call.offset - len(content))))
    content[call.offset : call.offset + len(call.data)] = call.data


class Disk:
    """A folder, played forward."""

    def __init__(self) -> None:
        self._names: dict[str, File] = {}
        self._sure_names: dict[str, File] = {}
        self._since: list[tuple[Call, File | None]] = []

    def play(self, call: Call) -> None:
        """The next call."""
        if call.kind == "sync" and call.path == "":
            self._sure_names, self._since = dict(self._names), []
        elif call.kind == "sync":
            self._names[call.path].sync()
        elif call.kind in ("write", "truncate"):
            self._names[call.path].apply(call)
        elif call.kind in ("create", "rename", "remove"):
            if call.kind == "create" and call.path in self._names:
                return
            change = call, File() if call.kind == "create" else None
            self._since.append(change)
            _rename(self._names, *change)

    def cut(self, chance: Random, folder: Path) -> None:
        """Write into the folder what a power cut at this moment may leave."""
        names = dict(self._sure_names)
        whole = chance.random() < 0.5  # in the order in which they came, as a journal of names keeps them
        upto, share = chance.randint(0, len(self._since)), chance.random()
        for place, change in enumerate(self._since):
            if place < upto if whole else chance.random() < share:
                _rename(names, *change)
        how = chance.choice((lambda: 0.0, lambda: 1.0, lambda: 0.5, chance.random, lambda: 0.95))
        for name, file in names.items():
            (folder / name).write_bytes(file.left(chance, how))
            if name.endswith("-wal") and chance.random() < 0.5:
                passing = folder / name.replace("-wal", _PASSING)
                passing.write_bytes(chance.randbytes(32768))


def _rename(names: dict[str, File], call: Call, file: File | None) -> None:
    if call.kind == "create" and file is not None:
        names[call.path] = file
    elif call.kind == "remove":
        names.pop(call.path, None)
    elif call.path in names:
        names[call.to] = names.pop(call.path)
