"""What the setting `camera` may say."""

from __future__ import annotations

from pathlib import Path

import pytest

from edge.camera.sizes import full_size, small_size
from edge.camera.spec import Spec
from edge.errors import SettingsError
from edge.settings import Settings


def parsed(text: str) -> Spec | None:
    return Spec.parse(text, 1280, 720, 180, 5.0)


def test_none() -> None:
    assert Spec.of(Settings()) is None


def test_of_settings() -> None:
    """Sides become even."""
    settings = Settings(
        camera="pi:1", camera_width=1281, camera_height=721, camera_rotation=180, camera_fps=7.5
    )
    assert Spec.of(settings) == Spec("pi", "1", 1280, 720, 180, 7.5)


@pytest.mark.parametrize(
    ("text", "kind", "target", "loop", "full_speed"),
    [
        ("pi", "pi", "0", False, False),
        ("pi:0", "pi", "0", False, False),
        ("pi:12", "pi", "12", False, False),
        ("v4l2:/dev/video0", "v4l2", "/dev/video0", False, False),
        ("file:/a/b c.mkv", "file", "/a/b c.mkv", False, False),
        ("file:/a/b.mkv?loop", "file", "/a/b.mkv", True, False),
        ("file:/a/b.mkv?speed=full", "file", "/a/b.mkv", False, True),
        ("file:/a/b?.mkv?speed=full&loop", "file", "/a/b?.mkv", True, True),
    ],
)
def test_forms(text: str, kind: str, target: str, loop: bool, full_speed: bool) -> None:
    spec = parsed(text)
    assert spec is not None
    assert (spec.kind, spec.target, spec.loop, spec.full_speed) == (kind, target, loop, full_speed)
    assert (spec.width, spec.height, spec.rotation, spec.fps) == (1280, 720, 180, 5.0)
    assert spec.live == (kind != "file")
    assert Spec.loads(spec.dumps()) == spec


def test_a_path_is_made_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    spec = parsed("file:clip.mkv")
    assert spec is not None
    assert spec.target == str(tmp_path / "clip.mkv")


@pytest.mark.parametrize(
    "text",
    [
        *("", "none:1", "usb", "PI", "pi:", "pi:-1", "pi:one", "pi:²", "v4l2", "v4l2:", "v4l2:video0"),
        *("file", "file:", "file:?loop", "file:/a?lop", "file:/a?", "file:/a?loop&speed=2"),
    ],
)
def test_refused_in_words(text: str) -> None:
    with pytest.raises(SettingsError, match="camera"):
        parsed(text)


@pytest.mark.parametrize(
    ("source", "full", "small"),
    [
        ((640, 480), (640, 480), (640, 480)),
        ((1280, 720), (1280, 720), (640, 360)),
        ((1920, 1080), (1280, 720), (640, 360)),
        ((720, 1280), (404, 720), (404, 720)),
        ((641, 481), (640, 480), (640, 480)),
        ((4000, 10), (1280, 2), (640, 2)),
        ((1, 1), (2, 2), (2, 2)),
        ((1296, 972), (960, 720), (640, 480)),
    ],
)
def test_sizes(source: tuple[int, int], full: tuple[int, int], small: tuple[int, int]) -> None:
    """Even, as large as fits, never enlarged but to two pixels."""
    assert full_size(*source, 1280, 720) == full
    assert small_size(*full) == small
