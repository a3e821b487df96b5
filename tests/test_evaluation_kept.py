"""What evaluate keeps: whether it still holds, and who may read it."""

from __future__ import annotations

import os
import shutil
import stat
from pathlib import Path

import numpy as np
import pytest

from edge.evaluation import photographs
from edge.evaluation.kept import WrongFile, keep, kept, private, writable
from edge.evaluation.photographs import How
from edge.evaluation.stamp import model_files, sources, stamp
from edge.interpreter import MODELS

EMBEDDER = "mobilefacenet-112-int8"
ROOMS = {"align", "confidence", "crop", "detect", "embed", "face", "gallery", "heads", "interpreter"}
ROOMS |= {"landmarks", "portrait", "quality", "vision", "engine"}


def test_the_stamp_covers_all_the_code_that_an_embedding_comes_through() -> None:
    """Found by following the imports, so that a new room cannot be forgotten."""
    found = sources([Path(photographs.__file__)])
    assert {path.stem for path in found if path.parent.name == "edge"} >= ROOMS
    assert {path.name for path in found if path.parent.name == "picture"} >= {"decode.py", "resample.py"}
    assert not {path.name for path in found if path.parent.name in {"server", "store", "commands"}}


def test_the_stamp_covers_every_file_of_the_models() -> None:
    assert [path.name for path in model_files(EMBEDDER)] == [
        "faceboxes-1024-int8.calibration.json",
        "faceboxes-1024-int8.json",
        "faceboxes-1024-int8.tflite",
        "full-range-192-int8.json",
        "full-range-192-int8.tflite",
        "mobilefacenet-112-int8.calibration.json",
        "mobilefacenet-112-int8.json",
        "mobilefacenet-112-int8.tflite",
    ]
    assert [path.name for path in model_files(None)] == [
        "faceboxes-1024-int8.json",
        "faceboxes-1024-int8.tflite",
        "full-range-192-int8.json",
        "full-range-192-int8.tflite",
    ]


def test_the_stamp_changes_with_a_model_a_source_and_a_choice(tmp_path: Path) -> None:
    models, source = tmp_path / "models", tmp_path / "reading.py"
    shutil.copytree(MODELS, models)
    source.write_text("import edge.heads\n")
    seen = [stamp([source], EMBEDDER, 0.5, models=models)]
    assert seen[0] == stamp([source], EMBEDDER, 0.5, models=models)
    seen.append(stamp([source], EMBEDDER, 0.4, models=models))
    calibration = models / "faceboxes-1024-int8.calibration.json"
    calibration.write_text(calibration.read_text() + "\n")
    seen.append(stamp([source], EMBEDDER, 0.5, models=models))
    source.write_text("import edge.align\n")
    seen.append(stamp([source], EMBEDDER, 0.5, models=models))
    seen += [How(EMBEDDER, 0.5).stamp, How("dlib-resnet-150-int8", 0.5).stamp, How(EMBEDDER, 0.4).stamp]
    assert len(set(seen)) == len(seen)
    assert How(EMBEDDER, 0.5).stamp == How(EMBEDDER, 0.5, threads=2, crops=True).stamp


def test_what_is_kept_comes_back_with_its_stamp_alone(tmp_path: Path) -> None:
    path = tmp_path / "kept.npz"
    assert kept(path, "a") is None
    keep(path, "a", {"vectors": np.arange(3)})
    found = kept(path, "a")
    assert found is not None
    assert found["vectors"].tolist() == [0, 1, 2]
    assert kept(path, "b") is None
    assert [one.name for one in tmp_path.iterdir()] == ["kept.npz"]


@pytest.mark.parametrize("content", [b"", b"text", b"PK\x03\x04 no archive", b"\x80\x04."])
def test_another_file_is_refused_and_not_overwritten(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "photograph.jpg"
    path.write_bytes(content)
    with pytest.raises(WrongFile, match=r"photograph\.jpg is no file that was kept"):
        kept(path, "a")
    np.save(path.with_suffix(".npy"), np.arange(3))
    with pytest.raises(WrongFile):
        kept(path.with_suffix(".npy"), "a")
    np.savez(path.with_suffix(".npz"), vectors=np.arange(3))
    with pytest.raises(WrongFile):
        kept(path.with_suffix(".npz"), "a")


def test_only_the_owner_may_read_it(tmp_path: Path) -> None:
    """Also where a file that everybody may read stood before; a failure leaves that one."""
    path = tmp_path / "kept.npz"
    path.write_bytes(b"before")
    path.chmod(0o644)
    with pytest.raises(ZeroDivisionError), private(path) as file:
        file.write(bytes(1 // 0))
    assert path.read_bytes() == b"before"
    with private(path) as file:
        file.write(b"after")
    assert path.read_bytes() == b"after"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert len(list(tmp_path.iterdir())) == 1


def test_what_is_no_file_stays_what_it_is(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    with private(pipe) as file:
        file.write(b"text")
    assert os.read(reader, 9) == b"text"
    os.close(reader)
    assert pipe.is_fifo()


def test_a_file_that_cannot_be_written_is_named_as_it_was_given(tmp_path: Path) -> None:
    path = tmp_path / "absent" / "kept.npz"
    with pytest.raises(WrongFile, match=r"absent/kept\.npz: there is no folder"):
        writable(path)
    with pytest.raises(OSError, match=r"kept\.npz'") as caught:
        keep(path, "a", {})
    assert caught.value.filename == str(path)
    with pytest.raises(WrongFile, match="is a folder"):
        writable(tmp_path)
    writable(tmp_path / "new.npz")
