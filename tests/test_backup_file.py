"""The file that is taken away: sealed, whole, and refused in words when it is not."""

from __future__ import annotations

import io
import json
import os
import stat
from pathlib import Path

import pytest

from edge.backup.making import make_backup
from edge.backup.passphrase import read_passphrase
from edge.backup.sealed import Header, read, read_header, write
from edge.errors import BackupError
from tests.backup_help import PASSPHRASE, lived_in

HEADER = Header("backup", 1.5, "1.2.3", True)
SIZES = (0, 1, 65535, 65536, 65537, 200_000)


def written(path: Path, data: bytes, passphrase: bytes | None = PASSPHRASE) -> bytes:
    with path.open("wb") as file:
        write(file, io.BytesIO(data), HEADER, passphrase)
    return path.read_bytes()


def opened(path: Path, passphrase: bytes | None = PASSPHRASE) -> bytes:
    target = io.BytesIO()
    read(target, path, "backup", passphrase)
    return target.getvalue()


pytestmark = pytest.mark.usefixtures("cheap_keys")


@pytest.fixture(scope="module")
def sealed(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """Four frames."""
    return written(tmp_path_factory.mktemp("sealed") / "file", os.urandom(200_000))


@pytest.mark.parametrize("passphrase", [PASSPHRASE, None], ids=["sealed", "plain"])
@pytest.mark.parametrize("size", SIZES)
def test_what_goes_in_comes_out(tmp_path: Path, size: int, passphrase: bytes | None) -> None:
    data = os.urandom(size)
    file = written(tmp_path / "file", data, passphrase)
    assert opened(tmp_path / "file", passphrase) == data
    assert read_header(tmp_path / "file") == Header("backup", 1.5, "1.2.3", passphrase is not None)
    assert size < 1000 or (data[:64] in file) == (passphrase is None)


def test_the_same_twice_is_never_the_same_file(tmp_path: Path) -> None:
    one, two = (written(tmp_path / name, b"x" * 1000) for name in ("one", "two"))
    assert one.partition(b"}\n")[2] != two.partition(b"}\n")[2]


def test_a_wrong_passphrase_is_told_from_a_damaged_file(tmp_path: Path) -> None:
    written(tmp_path / "file", b"data")
    with pytest.raises(BackupError, match="this is not the passphrase of"):
        opened(tmp_path / "file", b"another passphrase")
    with pytest.raises(BackupError, match="is sealed: --passphrase-file"):
        opened(tmp_path / "file", None)


def test_a_file_that_is_not_sealed_is_not_taken_for_one(tmp_path: Path) -> None:
    written(tmp_path / "file", b"data", None)
    with pytest.raises(BackupError, match="is not sealed, although"):
        opened(tmp_path / "file")


@pytest.mark.parametrize("passphrase", [PASSPHRASE, None], ids=["sealed", "plain"])
def test_a_flipped_bit_is_found_wherever_it_is(tmp_path: Path, passphrase: bytes | None) -> None:
    """scrypt takes its time, so not every place is tried."""
    whole = written(tmp_path / "file", os.urandom(1000), passphrase)
    body = whole.index(b"}\n") + 2
    for place in (0, 20, body - 4, body, body + 3, body + 4, len(whole) - 17, len(whole) - 1):
        flipped = bytearray(whole)
        flipped[place] ^= 1
        (tmp_path / "file").write_bytes(flipped)
        with pytest.raises(BackupError):
            opened(tmp_path / "file", passphrase)


def frames_of(file: bytes) -> tuple[bytes, list[bytes]]:
    head, _, body = file.partition(b"}\n")
    frames = []
    while body:
        size = 4 + int.from_bytes(body[:4], "big")
        frames.append(body[:size])
        body = body[size:]
    return head + b"}\n", frames


CHANGED = {
    "the last frame left out": (lambda f: f[:-1], "truncated"),
    "all frames left out": (lambda f: [], "truncated"),
    "cut in the middle of a frame": (lambda f: [*f[:-1], f[-1][:-5]], "truncated"),
    "cut in the middle of a length": (lambda f: [*f[:-1], f[-1][:2]], "truncated"),
    "the first frame left out": (lambda f: f[1:], "damaged"),
    "two swapped": (lambda f: [f[1], f[0], *f[2:]], "damaged"),
    "one twice": (lambda f: [f[0], *f], "damaged"),
    "something added": (lambda f: [*f, b"\0\0\0\x20" + b"x" * 32], "damaged"),
    "an enormous length": (lambda f: [*f, b"\xff" * 40], "damaged"),
}


@pytest.mark.parametrize(("change", "words"), CHANGED.values(), ids=CHANGED)
def test_frames_stay_whole_and_in_order(tmp_path: Path, sealed: bytes, change: object, words: str) -> None:
    head, frames = frames_of(sealed)
    assert len(frames) == 4
    assert callable(change)
    (tmp_path / "file").write_bytes(head + b"".join(change(frames)))
    with pytest.raises(BackupError, match=words):
        opened(tmp_path / "file")


def test_a_header_that_was_changed_does_not_open(tmp_path: Path, sealed: bytes) -> None:
    head, frames = frames_of(sealed)
    (tmp_path / "file").write_bytes(head.replace(b'"1.2.3"', b'"9.9.9"') + b"".join(frames))
    with pytest.raises(BackupError, match="damaged after 0 frames"):
        opened(tmp_path / "file")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"format": 2}, "has format 2, this release knows 1"),
        ({"format": "x"}, "damaged"),
        ({"kind": "people"}, "is made for `api-face people import`"),
        ({"scrypt": {"n": 2**40, "r": 8, "p": 1}}, "impossible key"),
        ({"scrypt": {"n": 2**17, "r": 8, "p": 1}}, "impossible key"),
        ({"scrypt": {"n": 2, "r": 2**20, "p": 1}}, "impossible key"),
        ({"scrypt": {"n": 2**10, "r": 8, "p": 7}}, "impossible key"),
        ({"scrypt": {"n": 3, "r": 8, "p": 1}}, "impossible key"),
        ({"salt": "zz"}, "impossible key"),
        ({"created": None}, "lacks something"),
    ],
)
def test_what_a_header_may_not_say(
    tmp_path: Path, sealed: bytes, change: dict[str, object], words: str
) -> None:
    magic, line, rest = sealed.split(b"\n", 2)
    fields = json.dumps(json.loads(line) | change).encode()
    (tmp_path / "file").write_bytes(b"\n".join((magic, fields, rest)))
    with pytest.raises(BackupError, match=words):
        opened(tmp_path / "file")


@pytest.mark.parametrize("content", [b"", b"api-face backup", b"PK\3\4" * 100, b"api-face backup\n{"])
def test_a_foreign_file_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "file").write_bytes(content)
    with pytest.raises(BackupError, match=r"is no backup of api-face|cannot be read"):
        opened(tmp_path / "file")


def test_the_passphrase_is_the_first_line(tmp_path: Path) -> None:
    file = tmp_path / "passphrase"
    file.write_bytes(b"correct horse battery\r\nsecond line\n")
    assert read_passphrase(file) == PASSPHRASE
    assert read_passphrase(None) is None
    file.write_bytes("zwölf Zeich\n".encode())
    with pytest.raises(BackupError, match="fewer than 12 characters"):
        read_passphrase(file)


def test_a_passphrase_is_the_same_from_every_editor(tmp_path: Path) -> None:
    file = tmp_path / "passphrase"
    keys = set()
    for text in ("zwo\u0308lf Zeichen", "zw\u00f6lf Zeichen", "\ufeffzw\u00f6lf Zeichen"):
        file.write_text(text, encoding="utf-8")
        keys.add(read_passphrase(file))
    assert keys == {"zw\u00f6lf Zeichen".encode()}
    file.write_bytes(b"\xff" * 12)
    assert read_passphrase(file) == b"\xff" * 12


class Terminal:
    """Standard input that somebody types at."""

    def isatty(self) -> bool:
        return True


def test_a_terminal_is_asked_unseen_and_twice_for_a_new_one(monkeypatch: pytest.MonkeyPatch) -> None:
    typed: list[str] = []
    monkeypatch.setattr("sys.stdin", Terminal())
    monkeypatch.setattr("getpass.getpass", lambda prompt: typed.pop(0))
    typed += [PASSPHRASE.decode()]
    assert read_passphrase(Path("-")) == PASSPHRASE
    typed += [PASSPHRASE.decode()] * 2
    assert read_passphrase(Path("-"), new=True) == PASSPHRASE
    typed += [PASSPHRASE.decode(), "correct horse buttery"]
    with pytest.raises(BackupError, match="two different passphrases"):
        read_passphrase(Path("-"), new=True)


def test_a_backup_is_for_its_owner_alone_and_hides_faces_and_keys(tmp_path: Path) -> None:
    state, target = tmp_path / "state", tmp_path / "file"
    people = lived_in(state, "Ada Somebody", "Ben Somebody")
    census = make_backup(state, state / "settings.toml", target, PASSPHRASE, 1.0)
    assert (census.people, census.references, census.tokens) == (2, 2, 1)
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    file = target.read_bytes()
    for secret in (b"Somebody", people[0].id.encode(), b"the key of the CA", b"1" * 32, b"max_references"):
        assert secret not in file
    assert [path.name for path in state.iterdir() if path.name.startswith("scratch")] == []


def test_without_a_passphrase_neither_faces_nor_the_key_are_in_it(tmp_path: Path) -> None:
    state, target = tmp_path / "state", tmp_path / "file"
    people = lived_in(state, "Ada Somebody", "Ben Somebody")
    census = make_backup(state, state / "settings.toml", target, None, 1.0)
    assert (census.people, census.references, census.tokens) == (0, 0, 1)
    file = target.read_bytes()
    for secret in (b"Somebody", people[0].id.encode(), b"the key of the CA", b"BEGIN"):
        assert secret not in file
    for rest in (b"1" * 32, b"max_references"):
        assert rest in file


def test_only_a_backup_is_overwritten_and_never_by_half_of_one(tmp_path: Path) -> None:
    state, target = tmp_path / "state", tmp_path / "file"
    lived_in(state, "Ada")
    target.write_text("holiday.jpg")
    with pytest.raises(BackupError, match="is there already, and is no backup"):
        make_backup(state, None, target, None, 1.0)
    assert target.read_text() == "holiday.jpg"
    target.unlink()
    make_backup(state, None, target, None, 1.0)
    make_backup(state, None, target, None, 2.0)
    assert read_header(target).created == 2.0
    with pytest.raises(BackupError, match="cannot be written"):
        make_backup(state, None, tmp_path / "absent" / "file", None, 1.0)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "state"]
