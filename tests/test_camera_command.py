"""`api-face camera test`, on clips of a photograph."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from edge.camera.light import light_in_words
from edge.cli import main
from edge.commands.camera import size_in_words
from edge.face import Box
from tests.photographs import obama
from tests.pictures import opened
from tests.test_camera_replay import filmed, painted

FRAME = (640, 480)


def visited(path: Path, height: int, frames: int = 12) -> Path:
    """A clip in which a man, that high in pixels, is there all the time."""
    man = opened(obama(), height)
    picture = Image.new("RGB", FRAME, (120, 120, 120))
    picture.paste(man, (300, 40))
    return filmed(path, [np.asarray(picture)] * frames)


class Shell:
    """Runs the command in this process. out, err: of the last run."""

    def __init__(self, folder: Path, capture: pytest.CaptureFixture[str]) -> None:
        self.picture = folder / "seen.jpg"
        self._state = folder / "state"
        self._capture = capture
        self.out = self.err = ""

    def run(self, *words: object) -> int:
        """`api-face camera test` with these words; its exit code."""
        picture = ("--picture", self.picture)
        code = main(["camera", "test", *map(str, (*words, *picture, "--state", self._state))])
        self.out, self.err = self._capture.readouterr()
        return code

    def told(self, *words: object) -> dict[str, str]:
        """The lines of its answer by their names."""
        assert self.run(*words) == 0, self.err
        return {line[:11].strip(): line[12:] for line in self.out.splitlines()}

    def sees(self, path: Path) -> dict[str, str]:
        """Its answer on that replay, at full speed."""
        return self.told("--camera", f"file:{path}?speed=full")


@pytest.fixture
def shell(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Shell:
    for name in ("SQLITE_TMPDIR", "OPENBLAS_NUM_THREADS"):
        monkeypatch.setenv(name, "1")  # the command sets them: they are put back afterwards
    return Shell(tmp_path, capsys)


def test_a_face(tmp_path: Path, shell: Shell) -> None:
    """Mode, light, sharpness, the face and how large it is; the picture shows where."""
    found = shell.sees(visited(tmp_path / "clip.mkv", 400))
    assert found["mode"] == "640x480 px; small stream 640x480 px; 10.0 frames/s"
    assert re.fullmatch(r"\d+ % \(ok\)", found["brightness"])
    assert 0 < float(found["sharpness"].split()[0]) <= 1
    match = re.match(r"(\d+)x(\d+) px at (\d+),(\d+) \(large enough\); confidence 9\d", found["face 1"])
    assert match is not None
    width, height, left, top = map(int, match.groups())
    assert width >= 64
    assert 300 <= left < left + width <= 640
    with Image.open(shell.picture) as picture:
        assert picture.size == FRAME
        around = (left + width // 2, top + height - 4, left + width // 2 + 1, top + height + 4)
        line = np.asarray(picture.crop(around)).astype(int)
    assert (line[..., 1] - line[..., 0]).max() > 100


def test_a_face_that_is_far_away(tmp_path: Path, shell: Shell) -> None:
    """It is seen, and it is said that it is too small."""
    found = shell.sees(visited(tmp_path / "clip.mkv", 150))
    assert "poor" in found["face 1"]


def test_a_larger_camera_sees_larger_faces(tmp_path: Path, shell: Shell) -> None:
    """Boxes are of the full frame, not of the small stream in which they are found."""
    picture = Image.new("RGB", (1280, 720), (120, 120, 120))
    picture.paste(opened(obama(), 300), (900, 300))
    found = shell.sees(filmed(tmp_path / "clip.mkv", [np.asarray(picture)] * 2))
    assert found["mode"].startswith("1280x720 px; small stream 640x360 px")
    match = re.match(r"(\d+)x\d+ px at (\d+),(\d+) \(large enough\)", found["face 1"])
    assert match is not None
    width, left, top = map(int, match.groups())
    assert 900 <= left < left + width <= 1280
    assert top >= 300


@pytest.mark.parametrize(("level", "words"), [(8, "too dark"), (245, "too bright")])
def test_nobody(tmp_path: Path, shell: Shell, level: int, words: str) -> None:
    """Also of a folder; how light it is is told all the same."""
    (tmp_path / "folder").mkdir()
    found = shell.sees(painted(tmp_path / "folder", [level] * 4))
    assert words in found["brightness"]
    assert "none seen" in found["faces"]
    assert shell.picture.exists()


def test_the_camera_of_the_settings(tmp_path: Path, shell: Shell) -> None:
    """Without --camera. It looks for as long as it is told."""
    (tmp_path / "folder").mkdir()
    painted(tmp_path / "folder", [100] * 3)
    settings = tmp_path / "settings.toml"
    settings.write_text(f'camera = "file:{tmp_path}/folder?loop&speed=full"\ncamera_fps = 5.0\n')
    found = shell.told("--settings", settings, "--seconds", "3")
    assert "5.0 frames/s" in found["mode"]


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        ((), 1, '"none"'),
        (("--camera", "v4l2:/dev/video-none"), 1, "No such file"),
        (("--camera", "file:/nowhere/clip.mkv"), 1, "No such file"),
        (("--camera", "usb"), 2, "v4l2:DEVICE"),
        (("--seconds", "0"), 2, "--seconds"),
        (("--seconds", "nan"), 2, "--seconds"),
    ],
)
def test_no_camera(shell: Shell, words: tuple[str, ...], code: int, said: str) -> None:
    """In one line of words."""
    assert shell.run(*words) == code
    assert shell.out == ""
    (line,) = shell.err.splitlines()
    assert said in line
    assert not shell.picture.exists()


def test_words() -> None:
    assert light_in_words(0.19) == "too dark"
    assert light_in_words(0.2) == light_in_words(0.8) == "ok"
    assert light_in_words(0.81) == "too bright"
    assert size_in_words(Box(0, 0, 64, 90)) == "large enough"
    assert size_in_words(Box(0, 0, 90, 63)).startswith("poor")
    assert size_in_words(Box(0, 0, 32, 40)).startswith("poor")
    assert size_in_words(Box(0, 0, 31, 40)).startswith("too small")
