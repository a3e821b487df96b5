"""`api-face bench`: what it prints, not how fast this machine is."""

from __future__ import annotations

from pathlib import Path

import pytest

from edge.cli import main
from tests import photographs


def _bench(state: Path, *files: Path) -> int:
    return main(["--state", str(state), "bench", "--seconds", "0.01", *map(str, files)])


def test_every_step_thread_count_and_gallery_has_a_figure(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _bench(tmp_path, photographs.obama(), photographs.nobody()) == 0
    machine, steps, threads, match = capsys.readouterr().out.split("\n\n")
    assert "XNNPACK" in machine
    assert [
        line.split(" ms")[0].rsplit(maxsplit=1)[0].split(",")[0].strip() for line in steps.splitlines()[1:]
    ] == [
        "decode",
        "detect",
        "look at one face again",
        "embed one face",
        "identify",
        "index: decode",
    ]
    assert [line.split()[0] for line in threads.splitlines()] == ["THREADS", "1", "2"]
    assert [line.split()[0] for line in match.splitlines()[1:]] == ["1,000", "10,000", "100,000"]
    assert not list(tmp_path.iterdir()), "it needs no store and makes none"


def test_photographs_without_a_face_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert _bench(tmp_path, photographs.nobody()) == 1
    assert "no face was found" in capsys.readouterr().err


def test_a_file_that_is_not_there_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert _bench(tmp_path, tmp_path / "none.jpg") == 2
    assert "none.jpg: No such file" in capsys.readouterr().err
