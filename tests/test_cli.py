"""The command line: real commands on real photographs."""

from __future__ import annotations

import dataclasses
import importlib
import json
import os
import pkgutil
import pty
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from edge import commands
from edge.cli import COMMANDS, default_state
from edge.face import Look
from edge.settings import Settings, load_settings
from edge.wiring import opened_device
from tests.photographs import astronaut, biden, nobody, obama, photographs, two_people

ROOT = Path(__file__).resolve().parent.parent
COMMAND = (sys.executable, "-m", "edge")


def api_face(*words: object, state: Path) -> subprocess.CompletedProcess[str]:
    """Run one command to its end."""
    command = [*COMMAND, *map(str, words), "--state", str(state)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=300)


def lines(done: subprocess.CompletedProcess[str]) -> list[dict[str, Any]]:
    """The JSON lines of a command's output."""
    return [json.loads(line) for line in done.stdout.splitlines()]


def refused(done: subprocess.CompletedProcess[str], code: int) -> str:
    """What a refused command says: one line, no output, no traceback."""
    assert done.returncode == code, done.stderr
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    (line,) = done.stderr.splitlines()
    return line


def cosine(one: dict[str, Any], other: dict[str, Any]) -> float:
    """How alike two faces with an embedding are."""
    return float(np.dot(one["embedding"], other["embedding"]))


# -- photographs ----------------------------------------------------------------------------------


def test_detect(tmp_path: Path) -> None:
    """One line for each file, in their order; boxes inside the picture, surest first."""
    files = [obama(), nobody(), two_people()]
    done = api_face("detect", *files, state=tmp_path)
    assert done.returncode == 0
    found = lines(done)
    assert [line["file"] for line in found] == [str(file) for file in files]
    assert [len(line["faces"]) for line in found] == [1, 0, 2]
    assert (found[0]["width"], found[0]["height"]) == (910, 1137)
    for line in found:
        confidences = [face["confidence"] for face in line["faces"]]
        assert confidences == sorted(confidences, reverse=True)
        for face in line["faces"]:
            assert set(face) == {"left", "top", "width", "height", "confidence"}
            assert 0 <= face["left"] < face["left"] + face["width"] <= line["width"]
            assert 0 <= face["top"] < face["top"] + face["height"] <= line["height"]
            assert 50 <= face["confidence"] <= 100


def test_min_confidence_is_a_percentage(tmp_path: Path) -> None:
    """Nothing is as sure as that."""
    (line,) = lines(api_face("detect", "--min-confidence", "99.99", obama(), state=tmp_path))
    assert line["faces"] == []
    assert "percentage" in refused(api_face("detect", "--min-confidence", "101", obama(), state=tmp_path), 2)


def test_a_bad_file_is_a_line_and_the_exit_code(tmp_path: Path) -> None:
    """The files after it are still looked at."""
    text, torn = tmp_path / "notes.jpg", tmp_path / "torn.png"
    text.write_text("no photograph")
    torn.write_bytes(astronaut().read_bytes()[:1000])
    done = api_face(
        "detect", tmp_path / "absent.jpg", tmp_path, text, torn, obama(), state=tmp_path / "state"
    )
    assert done.returncode == 1
    found = lines(done)
    codes = [line["error"]["code"] if "error" in line else None for line in found]
    assert codes == ["unreadable", "unreadable", "unsupported_image", "bad_image", None]
    assert found[0]["error"]["message"] == "No such file or directory"
    assert len(found[4]["faces"]) == 1


def test_embed(tmp_path: Path) -> None:
    """Two photographs of one man are more alike than those of two; a cut-out face is his, too."""
    first, second = obama(), photographs()["obama3.jpg"]
    whole = lines(api_face("embed", first, second, biden(), state=tmp_path))
    assert {line["model"] for line in whole} == {whole[0]["model"]}
    he, again, another = (line["faces"][0] for line in whole)
    assert np.linalg.norm(he["embedding"]) == pytest.approx(1, abs=1e-4)
    assert cosine(he, again) > cosine(he, another) + 0.05

    crop = tmp_path / "crop.png"
    left, top, width, height = (he[side] for side in ("left", "top", "width", "height"))
    cut = (
        Image.open(first)
        .convert("RGB")
        .crop((round(left), round(top), round(left + width), round(top + height)))
    )
    cut.resize((64, 64)).save(crop)
    done = api_face("embed", "--crop", crop, nobody(), state=tmp_path)
    assert done.returncode == 1
    small, nothing = lines(done)
    assert (small["width"], small["height"]) == (64, 64)
    assert cosine(small["faces"][0], he) > cosine(small["faces"][0], another) + 0.05
    assert nothing["error"]["code"] == "no_face"


def test_identify_and_people(tmp_path: Path) -> None:
    """Who was trained is found in other photographs; naming, merging and forgetting show at once."""
    with opened_device(tmp_path, Settings()) as device:
        he = device.enroller.train(obama().read_bytes(), "Barack", None).person
        other = device.enroller.train(biden().read_bytes(), None, None).person

    def who(path: Path) -> list[tuple[str | None, str, str]]:
        (line,) = lines(api_face("identify", path, state=tmp_path))
        return [(face["personId"], face["metadata"]["name"], face["verdict"]) for face in line["faces"]]

    assert who(photographs()["obama2.jpg"]) == [(he.id, "Barack", "match")]
    assert sorted(who(two_people())) == sorted([(he.id, "Barack", "match"), (other.id, "unknown", "match")])
    assert who(astronaut()) == [(None, "unknown", "unknown")]

    assert api_face("people", "name", other.id, "Joe Ünal", state=tmp_path).returncode == 0
    listed = api_face("people", "list", state=tmp_path).stdout
    assert [line.split()[0] for line in listed.splitlines()] == ["ID", he.id, other.id]
    assert "Joe Ünal" in listed
    shown = api_face("people", "show", he.id, state=tmp_path).stdout
    assert "Barack" in shown
    assert shown.count("\nreference ") == 1
    assert "characters" in refused(api_face("people", "name", he.id, "n" * 101, state=tmp_path), 1)

    assert api_face("people", "merge", he.id, other.id, state=tmp_path).returncode == 0
    assert {person for person, *_ in who(two_people())} == {he.id}
    assert he.id in api_face("people", "show", other.id, state=tmp_path).stdout
    assert "same person" in refused(api_face("people", "merge", he.id, other.id, state=tmp_path), 2)

    assert api_face("people", "forget", he.id, state=tmp_path).returncode == 0
    assert {person for person, *_ in who(two_people())} == {None}
    assert he.id in refused(api_face("people", "forget", he.id, state=tmp_path), 1)


def test_a_reference_is_shown_set_aside_and_taken_back(tmp_path: Path) -> None:
    """What was measured of it, too; the person is a stranger while none counts."""
    look = Look(143.2, 0.424, -12.4, 0.971)
    with opened_device(tmp_path, Settings()) as device:
        he = device.enroller.train(obama().read_bytes(), "Barack", None).person
        (reference,) = device.store.references(he.row, crops=True)
        with device.store.writing():
            other = device.store.create_person("Ida")
            device.store.add_reference(other, dataclasses.replace(reference, crop=None, look=look))

    def shown(person: str) -> str:
        found = api_face("people", "show", person, state=tmp_path).stdout.splitlines()
        (line,) = (line for line in found if line.startswith("reference "))
        return line

    assert "crop kept" in shown(he.id)
    assert "set aside" not in shown(he.id)
    line = shown(other.id)
    assert "no crop" in line
    assert "face 143 px, sharpness 0.42, turned 12 degrees, mirror agreement 0.97" in line
    number = line.split()[1]
    setting = ("people", "set-aside", number, "--why", "not Ida")
    assert "the last one" in refused(api_face(*setting, state=tmp_path), 2)
    done = api_face(*setting, "--last", state=tmp_path)
    assert (done.returncode, done.stdout) == (
        0,
        f"reference {number} of {other.id} is set aside; 0 still count\n",
    )
    assert shown(other.id).endswith(": not Ida")
    assert lines(api_face("identify", obama(), state=tmp_path))[0]["faces"][0]["personId"] == he.id
    assert api_face("people", "take-back", number, state=tmp_path).returncode == 0
    assert shown(other.id) == line
    assert lines(api_face("identify", obama(), state=tmp_path))[0]["faces"][0]["verdict"] == "ambiguous"
    assert "no reference 77" in refused(api_face("people", "set-aside", "77", state=tmp_path), 1)
    for words in (("take-back", "x"), ("set-aside", "9" * 30), ("set-aside", number, "--why", "\x1b[2J")):
        assert api_face("people", *words, state=tmp_path).returncode == 2


def test_embedder(tmp_path: Path) -> None:
    """With one embedder there is nothing to switch, and an unknown one is refused."""
    stands = api_face("embedder", state=tmp_path)
    assert stands.returncode == 0
    assert stands.stdout.splitlines()[0].split()[:2] == ["answers", Settings().embedder]
    assert api_face("embedder", "switch", state=tmp_path).returncode == 0
    assert "there is no embedder" in refused(api_face("embedder", "check", "nonsense", state=tmp_path), 2)


def test_progress_is_for_a_terminal_alone(tmp_path: Path) -> None:
    """On a terminal one line that is written over; in a file none of it."""
    inner, outer = pty.openpty()
    command = [*COMMAND, "detect", str(tmp_path / "a.jpg"), str(tmp_path / "b.jpg"), "--state", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=outer, check=False, timeout=60)
    os.close(outer)
    seen = os.read(inner, 10_000).decode()
    os.close(inner)
    assert "\r\x1b[K1/2 a.jpg\r\x1b[K\r\x1b[K2/2 b.jpg\r\x1b[K" in seen
    assert b"1/2" not in done.stdout


# -- tokens ---------------------------------------------------------------------------------------


def test_tokens(tmp_path: Path) -> None:
    """The token is printed once, alone; the list has all but the token."""
    added = api_face("token", "add", "panel", state=tmp_path)
    assert added.returncode == 0
    (token,) = added.stdout.splitlines()
    assert len(token) >= 26
    command = ("token", "add", "chief", "--quota", "20", "--scope", "recognise", "admin", "--expires", "2")
    assert api_face(*command, state=tmp_path).returncode == 0
    assert api_face("token", "quota", "panel", "7", state=tmp_path).returncode == 0
    assert api_face("token", "quota", "chief", "none", state=tmp_path).returncode == 0
    assert api_face("token", "revoke", "chief", state=tmp_path).returncode == 0
    listed = api_face("token", "list", state=tmp_path).stdout
    assert token not in listed
    panel, chief = (line.split() for line in listed.splitlines()[1:])
    assert panel == ["panel", "recognise+train", "7", "0", "yes"]
    assert chief[:4] == ["chief", "admin+recognise", "none", "0"]
    assert chief[4:6] == ["no,", "revoked"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("add", "panel"), 'a token named "panel" already'),
        (("add", "other", "--quota", "-1"), "from 0 on"),
        (("add", "other", "--expires", "0"), "--expires"),
        (("revoke", "nobody"), 'no valid token named "nobody"'),
        (("quota", "nobody", "3"), 'no valid token named "nobody"'),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_token_refusals(tmp_path: Path, words: tuple[str, ...], said: str) -> None:
    """A wish that cannot be followed is a wrong command line."""
    assert api_face("token", "add", "panel", state=tmp_path).returncode == 0
    assert said in refused(api_face("token", *words, state=tmp_path), 2)


# -- settings, state, the command line itself -----------------------------------------------------


def test_the_settings_file_changes_nothing(tmp_path: Path) -> None:
    """Every key stands in it, documented, at its default; docs/settings.toml is that file."""
    printed = api_face("settings", state=tmp_path).stdout
    keys = "".join(
        line[2:] + "\n" for line in printed.splitlines() if line.startswith("# ") and " = " in line
    )
    everything = tmp_path / "all.toml"
    everything.write_text(keys)
    assert set(tomllib.loads(keys)) == set(Settings.__dataclass_fields__)
    assert load_settings(everything) == Settings()
    assert printed.count("\n## ") >= len(Settings.__dataclass_fields__)
    assert (ROOT / "docs" / "settings.toml").read_text() == printed, (
        "run: api-face settings > docs/settings.toml"
    )


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("prot = 8443", 'unknown setting "prot"; did you mean "port"?'),
        ('port = "8443"', 'setting "port" must be int'),
        ("workers = 0", 'setting "workers" must be from 1 to 64'),
        ("port = ", "settings.toml"),
    ],
)
def test_a_bad_settings_file(tmp_path: Path, content: str, said: str) -> None:
    """It is found in the state folder; what is wrong is said, with the key that was meant."""
    (tmp_path / "settings.toml").write_text(content)
    assert said in refused(api_face("detect", obama(), state=tmp_path), 2)


def test_settings_of_another_file(tmp_path: Path) -> None:
    """--settings wins over the file in the state folder."""
    (tmp_path / "settings.toml").write_text("nonsense")
    good = tmp_path / "good.toml"
    good.write_text("min_confidence = 1.0")
    (line,) = lines(api_face("detect", obama(), "--settings", good, state=tmp_path))
    assert line["faces"] == []


def test_state_before_or_after_the_command(tmp_path: Path) -> None:
    """Both are usual."""
    assert api_face("token", "add", "panel", state=tmp_path).returncode == 0
    before = [*COMMAND, "--state", str(tmp_path), "token", "list"]
    assert "panel" in subprocess.run(before, cwd=ROOT, capture_output=True, text=True, check=True).stdout


def test_default_state() -> None:
    """Root's is the system's; a user's follows the XDG specification."""
    assert default_state({}, True) == Path("/var/lib/api-face")
    assert default_state({"XDG_STATE_HOME": "/x"}, False) == Path("/x/api-face")
    assert default_state({"XDG_STATE_HOME": "relative"}, False) == Path.home() / ".local/state/api-face"


@pytest.mark.parametrize(
    "words", [(), ("sttings",), ("detect",), ("token",), ("people", "show"), ("ca", "--nope")]
)
def test_a_wrong_command_line(tmp_path: Path, words: tuple[str, ...]) -> None:
    """Usage and exit code 2, and nothing made in the state folder."""
    done = api_face(*words, state=tmp_path / "state")
    assert done.returncode == 2
    assert done.stderr.startswith("usage: api-face")
    assert ('did you mean "settings"?' in done.stderr) == (words == ("sttings",))
    assert not (tmp_path / "state").exists()


def test_a_store_that_is_none(tmp_path: Path) -> None:
    """Said in one line, and left as it was."""
    (tmp_path / "people.sqlite").write_bytes(b"garbage" * 1000)
    assert "people.sqlite" in refused(api_face("token", "list", state=tmp_path), 1)
    assert (tmp_path / "people.sqlite").read_bytes() == b"garbage" * 1000


def test_a_reader_that_goes_away(tmp_path: Path) -> None:
    """`api-face ... | head` is no reason for a word."""
    read, write = os.pipe()
    os.close(read)
    command = [*COMMAND, "settings", "--state", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, stdout=write, stderr=subprocess.PIPE, check=False, timeout=60)
    os.close(write)
    assert done.returncode == 141
    assert done.stderr == b""


def test_output_that_cannot_be_written(tmp_path: Path) -> None:
    """A full disk, or a folder that cannot be made: one line each."""
    with Path("/dev/full").open("w") as full:
        command = [*COMMAND, "settings", "--state", str(tmp_path)]
        done = subprocess.run(command, cwd=ROOT, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert (done.returncode, done.stderr) == (1, "api-face: No space left on device\n")
    (tmp_path / "file").touch()
    assert "file" in refused(api_face("ca", state=tmp_path / "file" / "state"), 1)


def test_a_file_that_looks_like_an_option(tmp_path: Path) -> None:
    """What stands after -- is a file."""
    command = [*COMMAND, "--state", str(tmp_path), "detect", "--", "--crop"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=60)
    assert [line["file"] for line in lines(done)] == ["--crop"]
    assert done.returncode == 1


def test_ca(tmp_path: Path) -> None:
    """The certificate and the fingerprint that openssl would print; the same one the next time."""
    state = tmp_path / "state"
    done = api_face("ca", state=state)
    path, fingerprint = done.stdout.splitlines()
    assert "BEGIN CERTIFICATE" in Path(path).read_text()
    assert fingerprint.startswith("SHA-256 ")
    assert fingerprint.count(":") == 31
    assert state.stat().st_mode & 0o777 == 0o700
    assert api_face("ca", state=state).stdout == done.stdout


def test_every_command_has_its_module() -> None:
    """The list and the folder agree."""
    names = [module.name for module in pkgutil.iter_modules(commands.__path__)]
    runnable = {name for name in names if hasattr(importlib.import_module(f"edge.commands.{name}"), "run")}
    assert runnable == set(COMMANDS)


def test_the_help_names_every_command() -> None:
    """With what it is for."""
    done = subprocess.run([*COMMAND, "--help"], cwd=ROOT, capture_output=True, text=True, check=True)
    assert all(f"  {name} " in done.stdout and summary in done.stdout for name, summary in COMMANDS.items())
