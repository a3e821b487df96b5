"""Folders and clips as a camera; a USB webcam up to the call that opens the device."""

from __future__ import annotations

import logging
import struct
import sys
import time
from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any, cast

import av
import numpy as np
import pytest
from PIL import Image

from edge.camera import clip, v4l2
from edge.camera.frame import Capture, Frame
from edge.camera.sources import open_capture
from edge.camera.spec import Spec
from edge.errors import CameraAbsent, CameraEnded, CameraStalled
from edge.face import Pixels
from tests.pictures import encoded, oriented

COLOURS = ((200, 60, 30), (20, 160, 60), (30, 40, 220), (250, 250, 250), (8, 8, 8), (230, 180, 150))
SIZE = (192, 96)


class StillClock:
    """Time that moves only when somebody sets it."""

    def __init__(self) -> None:
        self.time = 1000.0

    def now(self) -> float:
        return self.time

    def steady(self) -> float:
        return self.time


def painted(folder: Path, levels: Sequence[int], size: tuple[int, int] = SIZE) -> Path:
    """Gray JPEGs named 0.jpg ..."""
    for number, level in enumerate(levels):
        (folder / f"{number}.jpg").write_bytes(encoded(Image.new("RGB", size, (level,) * 3), quality=95))
    return folder


def striped() -> Pixels:
    """The colours side by side, and the upper half black."""
    width, height = SIZE
    pixels = np.zeros((height, width, 3), np.uint8)
    step = width // len(COLOURS)
    for place, colour in enumerate(COLOURS):
        pixels[height // 2 :, place * step : (place + 1) * step] = colour
    return pixels


def filmed(
    path: Path,
    pictures: Sequence[Pixels],
    fps: int = 10,
    codec: str = "mpeg4",
    pix_fmt: str = "yuv420p",
    **how: int,
) -> Path:
    """A clip. how: of the codec context, for example colorspace."""
    with av.open(str(path), "w") as out:
        stream: Any = out.add_stream(codec, rate=fps)
        stream.height, stream.width = pictures[0].shape[:2]
        stream.pix_fmt = pix_fmt
        stream.bit_rate = 10_000_000
        stream.options = {"qmin": "1", "qmax": "2"} if codec == "mjpeg" else {}
        stream.gop_size = 1
        for name, value in how.items():
            setattr(stream.codec_context, name, value)
        full = pix_fmt.startswith("yuvj") or how.get("color_range") == 2
        for number, pixels in enumerate(pictures):
            frame = av.VideoFrame.from_ndarray(pixels, "rgb24").reformat(
                format=pix_fmt,
                dst_colorspace=how.get("colorspace", 5),
                dst_color_range=2 if full else 1,
            )
            frame.pts, frame.time_base = number, Fraction(1, fps)
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    return path


def grays(levels: Sequence[int], size: tuple[int, int] = SIZE) -> list[Pixels]:
    return [np.full((size[1], size[0], 3), level, np.uint8) for level in levels]


def opened(path: Path, options: str = "?speed=full", fps: float = 10.0, rotation: int = 0) -> Capture:
    """At its start; 160 x 120 at most."""
    spec = Spec.parse(f"file:{path}{options}", 160, 120, rotation, fps)
    assert spec is not None
    return open_capture(spec, StillClock())


def played(capture: Capture) -> Iterator[Frame]:
    while True:
        try:
            yield capture.next(0.0)
        except CameraEnded:
            return


def levels(capture: Capture) -> list[int]:
    """The gray of each frame, to the nearest ten."""
    return [round(int(np.median(frame.small.y)), -1) for frame in played(capture)]


def source(folder: Path, kind: str, values: Sequence[int], fps: int = 10) -> Path:
    """The same pictures as a folder or a clip."""
    if kind == "clip":
        return filmed(folder / "clip.mkv", grays(values), fps)
    (folder / "fps").write_text(f"{fps}\n")
    return painted(folder, values)


KINDS = pytest.mark.parametrize("kind", ["folder", "clip"])


# -- both -----------------------------------------------------------------------------------------


@KINDS
def test_each_frame_once_in_order(tmp_path: Path, kind: str) -> None:
    """Of the fitting size; time is the media's own from the moment of opening."""
    path = source(tmp_path, kind, range(20, 140, 10))
    frames = list(played(opened(path)))
    assert [frame.number for frame in frames] == list(range(1, 13))
    assert [frame.time for frame in frames] == pytest.approx([1000 + n / 10 for n in range(12)], abs=0.002)
    assert {(frame.width, frame.height, frame.small.width, frame.small.height) for frame in frames} == {
        (160, 80, 160, 80)
    }
    assert levels(opened(path)) == list(range(20, 140, 10))


@KINDS
def test_a_faster_recording_is_thinned(tmp_path: Path, kind: str) -> None:
    """To the first frame of each tenth of a second."""
    path = source(tmp_path, kind, range(20, 200, 10), fps=30)
    frames = list(played(opened(path)))
    assert [round(float(np.median(frame.small.y)) / 10) for frame in frames] == [2, 5, 8, 11, 14, 17]
    assert [frame.number for frame in frames] == [1, 2, 3, 4, 5, 6]


@KINDS
def test_a_loop_goes_on(tmp_path: Path, kind: str) -> None:
    """Numbers and times rise through its ends."""
    capture = opened(source(tmp_path, kind, [30, 60, 90]), "?loop&speed=full")
    frames = [capture.next(0.0) for _ in range(8)]
    assert [frame.number for frame in frames] == list(range(1, 9))
    assert [frame.time - 1000 for frame in frames] == pytest.approx([n / 10 for n in range(8)], abs=0.002)


@KINDS
def test_real_time(tmp_path: Path, kind: str) -> None:
    """A frame does not come before its time; one that nobody asked for in time is missed."""
    spec = Spec.parse(f"file:{source(tmp_path, kind, range(20, 140, 10))}", 160, 120, 0, 10.0)
    assert spec is not None
    clock = StillClock()
    capture = open_capture(spec, clock)
    assert capture.next(0.0).number == 1
    with pytest.raises(CameraStalled):
        capture.next(0.05)
    clock.time += 0.1
    assert capture.next(0.0).number == 2
    clock.time += 0.75
    assert capture.next(1.0).number == 9
    clock.time += 60
    with pytest.raises(CameraEnded):
        capture.next(1.0)


@KINDS
def test_upside_down(tmp_path: Path, kind: str) -> None:
    """Both streams are turned."""
    if kind == "clip":
        path = filmed(tmp_path / "clip.mkv", [striped()])
    else:
        path = tmp_path
        (path / "1.jpeg").write_bytes(encoded(Image.fromarray(striped()), quality=95))
    plain, turned = opened(path), opened(path, rotation=180)
    one, other = plain.next(0.0).small, turned.next(0.0).small
    assert (one.y == other.y[::-1, ::-1]).all()
    assert (one.v == other.v[::-1, ::-1]).all()
    assert (plain.region(0, 0, 160, 80).y[::-1, ::-1] == turned.region(0, 0, 160, 80).y).all()


@KINDS
def test_a_region_is_of_the_frame_last_given(tmp_path: Path, kind: str) -> None:
    """Also when the next one is ready."""
    capture: Any = opened(source(tmp_path, kind, [50, 150]))
    capture.next(0.0)
    capture.ahead()
    assert round(float(capture.region(10, 20, 30, 40).y.mean()), -1) == 50
    assert capture.region(10, 20, 30, 40).u.shape == (20, 15)
    capture.next(0.0)
    capture.ahead()
    capture.ahead()
    assert round(float(capture.region(10, 20, 30, 40).y.mean()), -1) == 150
    with pytest.raises(CameraEnded):
        capture.next(0.0)


@pytest.mark.parametrize("name", ["nothing", "nothing.mkv"])
def test_absent(tmp_path: Path, name: str) -> None:
    with pytest.raises(CameraAbsent, match=f"{name}: No such file"):
        opened(tmp_path / name)


# -- folders --------------------------------------------------------------------------------------


def test_numbers_in_names_count(tmp_path: Path) -> None:
    for name, level in (("2.JPG", 20), ("10.jpg", 100), ("9b.jpeg", 90), ("9.jpg", 80), ("notes.txt", 1)):
        (tmp_path / name).write_bytes(encoded(Image.new("RGB", SIZE, (level,) * 3)))
    assert levels(opened(tmp_path)) == [20, 80, 90, 100]


def test_damaged_files_are_left_out(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """The others keep their times."""
    painted(tmp_path, [20, 50, 80, 110])
    (tmp_path / "1.jpg").write_bytes(b"no picture")
    whole = (tmp_path / "2.jpg").read_bytes()
    (tmp_path / "2.jpg").write_bytes(whole[: len(whole) // 2])
    with caplog.at_level(logging.WARNING):
        frames = list(played(opened(tmp_path)))
    assert [round(frame.time - 1000, 3) for frame in frames] == [0.0, 0.3]
    assert caplog.text.count("left out") == 2


def test_a_loop_of_damaged_files_ends(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    painted(tmp_path, [20])
    whole = (tmp_path / "0.jpg").read_bytes()
    (tmp_path / "0.jpg").write_bytes(whole[: len(whole) // 2])
    assert list(played(opened(tmp_path, "?loop&speed=full"))) == []
    (tmp_path / "0.jpg").write_bytes(b"")
    assert list(played(opened(tmp_path, "?loop&speed=full"))) == []


def test_photographs_are_turned_upright(tmp_path: Path) -> None:
    """As everywhere; their colours stay."""
    picture = Image.fromarray(striped())
    for orientation in (1, 6, 3):
        (tmp_path / f"{orientation}.jpg").write_bytes(oriented(picture, orientation))
    first, third, sixth = (frame.small for frame in played(opened(tmp_path)))
    for other in (third, sixth):
        assert np.abs(first.y.astype(int) - other.y).mean() < 2
        assert np.abs(first.u.astype(int) - other.u).mean() < 2


@pytest.mark.parametrize("rate", ["", "fast", "0", "-1", "nan", "1e9"])
def test_a_rate_that_is_none(tmp_path: Path, rate: str) -> None:
    painted(tmp_path, [20])
    (tmp_path / "fps").write_text(rate)
    with pytest.raises(CameraAbsent, match="fps"):
        opened(tmp_path)


def test_a_folder_without_pictures(tmp_path: Path) -> None:
    with pytest.raises(CameraAbsent, match="there is no"):
        opened(tmp_path)


# -- clips ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("codec", "pix_fmt", "how"),
    [
        ("mpeg4", "yuv420p", {}),
        ("ffv1", "yuv422p", {}),
        ("mjpeg", "yuvj420p", {}),
        ("mjpeg", "yuvj422p", {}),
        ("ffv1", "yuv420p", {"colorspace": 1, "color_range": 1}),
        ("ffv1", "yuv420p", {"colorspace": 1, "color_range": 2}),
        ("ffv1", "yuv420p", {"colorspace": 5, "color_range": 2}),
    ],
)
@pytest.mark.parametrize("most", [SIZE, (96, 48)])
def test_colours(
    tmp_path: Path, codec: str, pix_fmt: str, how: dict[str, int], most: tuple[int, int]
) -> None:
    """Whatever range and matrix a clip has, its planes are full range and of BT.601."""
    path = filmed(tmp_path / "clip.mkv", [striped()] * 2, codec=codec, pix_fmt=pix_fmt, **how)
    spec = Spec.parse(f"file:{path}?speed=full", *most)
    assert spec is not None
    frame = open_capture(spec).next(0.0)
    assert (frame.width, frame.height) == most
    matrix = np.eye(2, 3)
    pixels = frame.small.picture().crop(matrix, most[0])[most[1] * 3 // 4]
    step = most[0] // len(COLOURS)
    seen = [pixels[place * step + step // 2].astype(int) for place in range(len(COLOURS))]
    assert np.abs(np.array(seen) - COLOURS).max() <= 6


@pytest.mark.skipif(not hasattr(av.VideoFrame, "rotation"), reason="this PyAV does not tell")
@pytest.mark.parametrize("quarters", [0, 1, 2, 3])
def test_a_phone_says_how_it_was_held(tmp_path: Path, quarters: int) -> None:
    """Its clips are turned upright, both streams."""
    held = np.rot90(striped(), -quarters)
    path = filmed(tmp_path / "clip.mp4", [np.ascontiguousarray(held)], codec="mjpeg", pix_fmt="yuvj420p")
    sine, cosine = ((0, 1), (1, 0), (0, -1), (-1, 0))[quarters]
    rows = (cosine, -sine, 0, sine, cosine, 0, 0, 0, 0x4000)
    data = bytearray(path.read_bytes())
    at = data.index(b"tkhd") + 44  # ISO/IEC 14496-12, 8.3.2: the matrix, here of 16.16 and 2.30 numbers
    data[at : at + 36] = struct.pack(">9i", *(number * 0x10000 for number in rows))
    path.write_bytes(data)
    capture = opened(path)
    frame = capture.next(0.0)
    assert (frame.width, frame.height) == (160, 80)
    plain = opened(filmed(tmp_path / "plain.mp4", [striped()], codec="mjpeg", pix_fmt="yuvj420p"))
    expected = plain.next(0.0).small
    assert np.abs(frame.small.y.astype(int) - expected.y).mean() < 3
    assert np.abs(frame.small.v.astype(int) - expected.v).mean() < 3
    assert np.abs(capture.region(0, 40, 80, 40).y.astype(int) - expected.y[40:, :80]).mean() < 3


def test_a_clip_that_is_damaged_in_the_middle(tmp_path: Path) -> None:
    """What comes before and after is seen, and it ends."""
    generator = np.random.default_rng(7)
    noise = [generator.integers(0, 255, (SIZE[1], SIZE[0], 3)).astype(np.uint8) for _ in range(30)]
    path = filmed(tmp_path / "clip.mkv", noise, codec="mjpeg", pix_fmt="yuvj420p")
    data = bytearray(path.read_bytes())
    middle = len(data) // 2
    data[middle : middle + len(data) // 10] = bytes(len(data) // 10)
    path.write_bytes(data)
    frames = list(played(opened(path)))
    assert 20 <= len(frames) < 30
    assert frames[-1].time - 1000 > 2.5


def test_a_clip_that_is_cut_off(tmp_path: Path) -> None:
    path = filmed(tmp_path / "clip.mkv", grays(range(20, 220, 10)))
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    assert 0 < len(list(played(opened(path)))) < 20


@pytest.mark.parametrize("data", [b"", b"no film at all" * 100])
def test_a_file_that_is_no_film(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "clip.mkv").write_bytes(data)
    with pytest.raises(CameraAbsent, match="clip"):
        opened(tmp_path / "clip.mkv")


def test_without_pyav(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is said what to install."""
    path = filmed(tmp_path / "clip.mkv", grays([20]))
    clip.library.cache_clear()
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(CameraAbsent, match=r"pip install 'av'.*python3-av"):
        opened(path)
    with pytest.raises(CameraAbsent, match="No such file"):  # a library would not help
        opened(tmp_path / "none.mkv")
    assert levels(opened(painted(tmp_path, [50]))) == [50]  # a folder does without


# -- webcams --------------------------------------------------------------------------------------


class Device:
    """Stands for av.open: plays a clip once, as a device would give it."""

    def __init__(self, path: Path, refused: tuple[str, ...] = ()) -> None:
        self._path = path
        self._refused = refused
        self.asked: list[dict[str, Any]] = []

    def __call__(self, target: str, **how: Any) -> Any:
        assert target == "/dev/video7"
        self.asked.append(how)
        if how["options"]["input_format"] in self._refused:
            raise CameraAbsent(f"{target}: Invalid argument")
        return clip.opened(str(self._path))


WEBCAM = Spec("v4l2", "/dev/video7", 160, 120, 180, 15.0)


def test_a_webcam_gives_the_newest_picture(tmp_path: Path) -> None:
    """Turned and scaled like all others; when it is unplugged it is absent."""
    path = filmed(tmp_path / "clip.avi", [striped()], codec="mjpeg", pix_fmt="yuvj422p")
    device = Device(path)
    camera = v4l2.Webcam(WEBCAM, open_input=device)
    assert device.asked == [
        {
            "format": "v4l2",
            "options": {"video_size": "160x120", "framerate": "15", "input_format": "mjpeg"},
        }
    ]
    frame = camera.next(5.0)
    assert (frame.number, frame.width, frame.height, frame.small.width) == (1, 160, 80, 160)
    assert frame.small.y[60:].max() < 20  # what was above is below
    assert (camera.region(0, 20, 160, 40).y == frame.small.y[20:60]).all()
    with pytest.raises(CameraAbsent, match="nothing any more"):
        camera.next(5.0)
    camera.close()


def test_a_webcam_that_has_no_jpeg(tmp_path: Path) -> None:
    device = Device(filmed(tmp_path / "clip.mkv", grays([90]), codec="ffv1"), refused=("mjpeg",))
    camera = v4l2.Webcam(WEBCAM, open_input=device)
    assert [how["options"]["input_format"] for how in device.asked] == ["mjpeg", "yuyv422"]
    assert camera.next(5.0).small.y.mean() == pytest.approx(90, abs=2)
    camera.close()


def test_a_webcam_that_is_absent(tmp_path: Path) -> None:
    """The real call, on a machine without one."""
    with pytest.raises(CameraAbsent, match="/dev/video-none"):
        v4l2.Webcam(Spec("v4l2", "/dev/video-none", 160, 120, 0, 15.0))


class Silent:
    """A device that gives one picture and then hangs in its driver."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner
        self.streams = inner.streams
        self.closed = False

    def demux(self, stream: Any) -> Iterator[Any]:
        yield next(self._inner.demux(stream))
        time.sleep(2.5)

    def close(self) -> None:
        self.closed = True


def test_a_webcam_that_hangs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """next and close are bounded; what hangs stays open."""
    monkeypatch.setattr(v4l2, "_JOIN_S", 0.1)
    made = Silent(clip.opened(str(filmed(tmp_path / "clip.mkv", grays([90])))))
    camera = v4l2.Webcam(WEBCAM, open_input=cast(v4l2.Open, lambda target, **how: made))
    assert camera.next(5.0).number == 1
    camera.flush()
    with pytest.raises(CameraStalled):
        camera.next(0.1)
    camera.close()
    assert not made.closed
