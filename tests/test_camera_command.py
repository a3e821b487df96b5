"""`api-face camera test`, on clips of a photograph."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from edge.commands.camera import light_in_words, size_in_words
from edge.face import Box
from tests.photographs import obama
from tests.pictures import opened
from tests.test_camera_replay import filmed, painted
from tests.test_cli import api_face, refused

FRAME = (640, 480)


def visited(path: Path, height: int, frames: int = 12) -> Path:
    """A clip in which a man, that high in pixels, is there all the time."""
    man = opened(obama(), height)
    picture = Image.new("RGB", FRAME, (120, 120, 120))
    picture.paste(man, (300, 40))
    return filmed(path, [np.asarray(picture)] * frames)


def looked(tmp_path: Path, clip: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """The command, at full speed."""
    picture = tmp_path / "seen.jpg"
    camera = f"file:{clip}?speed=full"
    return api_face(
        "camera", "test", "--camera", camera, "--picture", picture, *words, state=tmp_path / "state"
    )


def told(done: subprocess.CompletedProcess[str]) -> dict[str, str]:
    """The lines by their names."""
    assert done.returncode == 0, done.stderr
    return {line[:11].strip(): line[12:] for line in done.stdout.splitlines()}


def test_a_face(tmp_path: Path) -> None:
    """Mode, light, sharpness, the face and how large it is; the picture shows where."""
    found = told(looked(tmp_path, visited(tmp_path / "clip.mkv", 400)))
    assert found["mode"] == "640x480 px; small stream 640x480 px; 10.0 frames/s"
    assert re.fullmatch(r"\d+ % \(ok\)", found["brightness"])
    assert 0 < float(found["sharpness"].split()[0]) <= 1
    match = re.match(r"(\d+)x(\d+) px at (\d+),(\d+) \(large enough\); confidence 9\d", found["face 1"])
    assert match is not None
    width, height, left, top = map(int, match.groups())
    assert width >= 64
    assert 300 <= left < left + width <= 640
    with Image.open(tmp_path / "seen.jpg") as picture:
        assert picture.size == FRAME
        around = (left + width // 2, top + height - 4, left + width // 2 + 1, top + height + 4)
        line = np.asarray(picture.crop(around)).astype(int)
    assert (line[..., 1] - line[..., 0]).max() > 100


def test_a_face_that_is_far_away(tmp_path: Path) -> None:
    """It is seen, and it is said that it is too small."""
    found = told(looked(tmp_path, visited(tmp_path / "clip.mkv", 150)))
    assert "poor" in found["face 1"]


def test_a_larger_camera_sees_larger_faces(tmp_path: Path) -> None:
    """Boxes are of the full frame, not of the small stream in which they are found."""
    picture = Image.new("RGB", (1280, 720), (120, 120, 120))
    picture.paste(opened(obama(), 300), (900, 300))
    found = told(looked(tmp_path, filmed(tmp_path / "clip.mkv", [np.asarray(picture)] * 2)))
    assert found["mode"].startswith("1280x720 px; small stream 640x360 px")
    match = re.match(r"(\d+)x\d+ px at (\d+),(\d+) \(large enough\)", found["face 1"])
    assert match is not None
    width, left, top = map(int, match.groups())
    assert 900 <= left < left + width <= 1280
    assert top >= 300


@pytest.mark.parametrize(("level", "words"), [(8, "too dark"), (245, "too bright")])
def test_nobody(tmp_path: Path, level: int, words: str) -> None:
    """Also of a folder; how light it is is told all the same."""
    (tmp_path / "folder").mkdir()
    found = told(looked(tmp_path, painted(tmp_path / "folder", [level] * 4)))
    assert words in found["brightness"]
    assert "none seen" in found["faces"]
    assert (tmp_path / "seen.jpg").exists()


def test_the_camera_of_the_settings(tmp_path: Path) -> None:
    """Without --camera. It looks for as long as it is told."""
    (tmp_path / "folder").mkdir()
    painted(tmp_path / "folder", [100] * 3)
    settings = tmp_path / "settings.toml"
    settings.write_text(f'camera = "file:{tmp_path}/folder?loop&speed=full"\ncamera_fps = 5.0\n')
    done = api_face(
        *("camera", "test", "--settings", settings, "--seconds", "3", "--picture", tmp_path / "seen.jpg"),
        state=tmp_path / "state",
    )
    assert "5.0 frames/s" in told(done)["mode"]


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
def test_no_camera(tmp_path: Path, words: tuple[str, ...], code: int, said: str) -> None:
    """In one line of words."""
    done = api_face("camera", "test", *words, "--picture", tmp_path / "seen.jpg", state=tmp_path)
    assert said in refused(done, code)
    assert not (tmp_path / "seen.jpg").exists()


def test_words() -> None:
    assert light_in_words(0.19) == "too dark"
    assert light_in_words(0.2) == light_in_words(0.8) == "ok"
    assert light_in_words(0.81) == "too bright"
    assert size_in_words(Box(0, 0, 64, 90)) == "large enough"
    assert size_in_words(Box(0, 0, 90, 63)).startswith("poor")
    assert size_in_words(Box(0, 0, 32, 40)).startswith("poor")
    assert size_in_words(Box(0, 0, 31, 40)).startswith("too small")
