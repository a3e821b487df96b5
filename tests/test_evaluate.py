"""`api-face evaluate`, the real command: on a folder made of the pinned photographs, and on a gallery."""

from __future__ import annotations

import csv
import json
import shutil
import stat
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from edge.commands import evaluate_detection, evaluate_json, evaluate_text
from edge.evaluation import plots
from edge.evaluation.intervals import NOTHING
from edge.evaluation.photographs import How, Reader
from edge.evaluation.rows import InputError
from edge.evaluation.tables import read_tables
from edge.settings import EMBEDDERS, Settings
from edge.wiring import opened_device, opened_store
from tests.photographs import astronaut, biden, nobody, obama, photographs
from tests.test_cli import api_face, refused

PEOPLE = {
    "Obama": ("obama.jpg", "obama2.jpg", "obama3.jpg"),
    "Biden": ("biden.jpg",),
    "Collins": ("astronaut.png",),
}


def write(path: Path, rows: Sequence[Mapping[str, object]]) -> None:
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)


def pair(fold: int, same: int, a: str, b: str) -> dict[str, object]:
    return {"fold": fold, "same": same, "a": a, "b": b}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in the shape that evaluate reads, with every kind of CSV."""
    folder = tmp_path_factory.mktemp("data")
    for person, names in PEOPLE.items():
        (folder / person).mkdir()
        for name in names:
            shutil.copy(photographs()[name], folder / person / name)
    (folder / "Nobody").mkdir()
    shutil.copy(nobody(), folder / "Nobody" / "coffee.png")
    write(
        folder / "pairs.csv",
        [
            pair(0, 1, "Obama/obama.jpg", "Obama/obama2.jpg"),
            pair(0, 0, "Obama/obama.jpg", "Biden/biden.jpg"),
            pair(1, 1, "Obama/obama2.jpg", "Obama/obama3.jpg"),
            pair(1, 0, "Obama/obama3.jpg", "Collins/astronaut.png"),
            pair(1, 0, "Nobody/coffee.png", "Collins/astronaut.png"),
        ],
    )
    roles = [
        ("Obama", "Obama/obama.jpg", "enrol"),
        ("Obama", "Obama/obama2.jpg", "probe_known"),
        ("Collins", "Collins/astronaut.png", "probe_unknown"),
        ("Nobody", "Nobody/coffee.png", "probe_unknown"),
    ]
    write(folder / "ident.csv", [{"identity": i, "filename": f, "role": r} for i, f, r in roles])
    box = {"image": "Obama/obama.jpg", "x": 376, "y": 78, "w": 232, "h": 343}
    write(folder / "boxes.csv", [box])
    write(folder / "index.csv", [{"filename": "Nobody/coffee.png", "category": "objects_cups"}])
    return folder


def test_everything_about_a_folder(data: Path, tmp_path: Path) -> None:
    """Tables, JSON, plots and cache; nobody is dropped for having no face."""
    out, figures, cache = tmp_path / "plots", tmp_path / "figures.json", tmp_path / "cache.npz"
    few = ("--resamples", 50, "--cache", cache, "--out", out, "--crops")
    done = api_face("evaluate", data, *few, "--json", figures, state=tmp_path / "state")
    assert done.returncode == 0, done.stderr
    for head in ("Verification", "roles of ident.csv", "rotating", "Detection", "without people"):
        assert head in done.stdout
    assert "TAR at FAR 1e-2" in done.stdout
    found = json.loads(figures.read_text())
    assert found["photographs"] == {"read": 6, "without a face": 1, "unreadable": {}}
    verified = found["verification"]
    assert [row["variant"] for row in verified] == ["photograph", "64", "squeezed", "3:4"]
    assert (verified[0]["same"], verified[0]["different"]) == (3, 12)
    assert set(verified[0]["accuracy"]["folds"]) == {"0", "1"}
    assert verified[0]["accuracy"]["mean"]["value"] >= 0.5
    assert [point["false_rate"] for point in verified[0]["points"]] == [1e-2, 1e-3, 1e-4, 1e-5]
    assert {point["true_rate"]["value"] for point in verified[0]["points"]} == {None}  # of twelve pairs
    assert (verified[0]["missing"], verified[0]["people"]) == (1, 4)
    roles = found["roles"][0]
    assert (roles["enrolled"], roles["missing_strangers"]) == (1, 1)
    assert roles["result"]["found"]["value"] == 1
    assert (roles["result"]["stranger_tries"], roles["result"]["strangers_named_count"]) == (1, 0)
    assert found["detection"]["precision"]["all"]["value"] == 1
    assert [row["fired"] for row in found["negatives"]] == [0, 0]
    assert len(found["sha256"]) == 8
    assert {path.name for path in out.glob("*.png")} == {
        "roc.png", "scores.png", "dir-fpir.png", "reliability.png"
    }  # fmt: skip
    for path in out.glob("*.png"):
        with Image.open(path) as picture:
            assert picture.width > 800

    for path in (figures, cache):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600

    before = cache.stat().st_mtime_ns
    again = api_face("evaluate", data, *few[:-1], "--json", state=tmp_path / "state")
    assert cache.stat().st_mtime_ns == before
    assert json.loads(again.stdout)["verification"][0] == verified[0]


def test_what_is_wrong_with_a_folder_is_said_in_a_line(data: Path, tmp_path: Path) -> None:
    """With the row, as an editor counts them."""
    broken = tmp_path / "broken"
    shutil.copytree(data, broken)
    write(broken / "pairs.csv", [pair(0, 1, "Obama/obama.jpg", "Obama/absent.jpg")])
    line = refused(api_face("evaluate", broken, state=tmp_path / "state"), 1)
    assert "pairs.csv, row 2: there is no file Obama/absent.jpg" in line
    assert "takes a folder" in refused(api_face("evaluate", state=tmp_path / "state"), 2)
    assert "takes a folder" in refused(api_face("evaluate", data, "--gallery", state=tmp_path / "state"), 2)
    assert "no pair" in refused(api_face("evaluate", data, "--folds", 7, state=tmp_path / "state"), 1)
    assert "--seed is at least 0" in refused(api_face("evaluate", data, "--seed", -1, state=tmp_path), 2)


def test_where_nothing_can_be_written_nothing_is_measured(data: Path, tmp_path: Path) -> None:
    """It is found at the start, and the file is named as it was given. No file of somebody's is lost."""
    for option in ("--cache", "--json"):
        path = tmp_path / "absent" / "file"
        line = refused(api_face("evaluate", data, option, path, state=tmp_path), 1)
        assert line == f"api-face: {path}: there is no folder {path.parent}"
        assert "is a folder" in refused(api_face("evaluate", data, option, tmp_path, state=tmp_path), 1)
    letter = tmp_path / "letter.txt"
    letter.write_text("Dear Ada")
    assert str(letter) in refused(api_face("evaluate", data, "--out", letter, state=tmp_path), 1)
    line = refused(api_face("evaluate", data, "--cache", letter, state=tmp_path), 1)
    assert f"{letter} is no file that was kept here" in line
    assert letter.read_text() == "Dear Ada"


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("pairs.csv", "fold,same,a\n0,1,x\n", "row 1: the column b is missing"),
        ("pairs.csv", "fold,same,a,b\n", "has no rows"),
        ("pairs.csv", "", "row 1: the column fold is missing"),
        ("pairs.csv", "fold,same,a,b\n0,maybe,A/1.jpg,A/2.jpg\n", 'row 2: same is 0 or 1, not "maybe"'),
        ("pairs.csv", "fold,same,a,b\n0,1,A/1.jpg,A/2.jpg\nx,1,A/1.jpg,A/2.jpg\n", "row 3: fold is a number"),
        ("pairs.csv", "fold,same,a,b\n0,1,A/1.jpg,\n", "row 2: b is empty"),
        ("pairs.csv", "fold,same,a,b\n0,0,A/1.jpg,A/2.jpg\n", "row 2: same is 0, but .* A and A"),
        ("pairs.csv", "fold,same,a,b\n0,1,A/1.jpg,B/1.jpg\n", "row 2: same is 1, but .* A and B"),
        ("ident.csv", "identity,filename,role\nA,A/1.jpg,boss\n", "row 2: role is one of enrol"),
        ("boxes.csv", "image,x,y,w\nA/1.jpg,1,2,3\n", "column h is missing"),
        ("boxes.csv", "image,x,y,w,h\nA/1.jpg,1,2,3,wide\n", "row 2: h is a number"),
        ("pairs.csv", "fold,same,a,b\nnan,1,A/1.jpg,A/2.jpg\n", 'row 2: fold is a number, not "nan"'),
        ("pairs.csv", "fold,same,a,b\n-inf,1,A/1.jpg,A/2.jpg\n", "row 2: fold is a number"),
        ("pairs.csv", "fold,same,a,b\n0.5,1,A/1.jpg,A/2.jpg\n", "row 2: fold is a whole number"),
        ("pairs.csv", "fold,same,a,b\n0,1,A/1.jpg,A/./1.jpg\n", "row 2: b is another photograph than a"),
        ("pairs.csv", "fold,same,a,b\n0,1,A/1.jpg,A/../A/2.jpg\n", "row 2: b is a path below the folder"),
        ("pairs.csv", "fold,same,a,b\n0,1,/etc/hostname,A/2.jpg\n", "row 2: a is a path below the folder"),
        ("index.csv", "identity,filename\nA,../1.jpg\n", "row 2: filename is a path below the folder"),
        ("boxes.csv", "image,x,y,w,h\nA/1.jpg,nan,2,3,4\n", 'row 2: x is a number, not "nan"'),
        ("boxes.csv", "image,x,y,w,h\nA/1.jpg,-1,2,-3,4\n", 'row 2: w is at least 0, not "-3"'),
        ("pairs.csv", "fold,same,a,b\n0,1,A\0/1.jpg,A/2.jpg\n", "row 2: there is no file|line contains NUL"),
        ("index.csv", "file,size\nA/1.jpg,3\n", "none of pairs.csv, ident.csv, boxes.csv"),
        ("pairs.csv", "\xff\xfe", "pairs.csv: "),
    ],
)
def test_each_problem_of_a_csv(tmp_path: Path, name: str, text: str, message: str) -> None:
    for file in ("A/1.jpg", "A/2.jpg", "B/1.jpg"):
        (tmp_path / file).parent.mkdir(exist_ok=True)
        (tmp_path / file).touch()
    (tmp_path / name).write_bytes(text.encode("latin-1"))
    with pytest.raises(InputError, match=message):
        read_tables(tmp_path)


def test_who_is_who_may_stand_in_a_csv(tmp_path: Path) -> None:
    """Where folders are not people, as in a set with a folder for each view."""
    (tmp_path / "frontal").mkdir()
    for number in (1, 2):
        (tmp_path / "frontal" / f"{number}.jpg").touch()
    (tmp_path / "pairs.csv").write_text("fold,same,a,b\n0,0,frontal/1.jpg,frontal/2.jpg\n")
    with pytest.raises(InputError, match="who is who"):
        read_tables(tmp_path)
    (tmp_path / "index.csv").write_text("identity,filename\nIda,frontal/1.jpg\nAda,frontal/2.jpg\n")
    assert read_tables(tmp_path).identity("frontal/2.jpg") == "Ada"


def test_a_photograph_without_its_end_gives_crops_like_a_whole_one(tmp_path: Path) -> None:
    """The service takes it: only the last marker is missing."""
    whole, cut = obama(), tmp_path / "cut.jpg"
    cut.write_bytes(whole.read_bytes()[:-2])
    reader = Reader(How(EMBEDDERS[Settings().embedder], 0.5, crops=True))
    found = reader.embeddings(cut)
    assert not np.isnan(found).any()
    assert (found == reader.embeddings(whole)).all()


def test_without_matplotlib_the_figures_still_come(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(plots.NoPlots, match="pip install"):
        plots.draw_dir_fpir([], 1e-3, "nothing", tmp_path / "x.png")


def test_where_no_box_counts_there_is_no_precision(capsys: pytest.CaptureFixture[str]) -> None:
    nothing = evaluate_detection.Detected(1, 1, 0, 0.5, {"all": NOTHING}, (), None)
    evaluate_text.show({"detection": nothing}, Settings())
    assert "| all | - |" in capsys.readouterr().out


def test_json_has_no_nan() -> None:
    assert evaluate_json.plain({"a": [float("nan"), (1, float("inf"))], "b": 0.5}) == {
        "a": [None, [1, None]],
        "b": 0.5,
    }


# -- the gallery ----------------------------------------------------------------------------------


def test_the_enrolled_people_against_each_other(tmp_path: Path) -> None:
    """The same man under two names makes a small gallery tight."""
    with opened_device(tmp_path, Settings()) as device:
        for path in (obama(), photographs()["obama2.jpg"]):
            device.enroller.train(path.read_bytes(), "Barack", None)
        device.enroller.train(biden().read_bytes(), "Joe", None)
        device.enroller.train(astronaut().read_bytes(), None, None)
    shown = api_face("evaluate", "--gallery", state=tmp_path)
    assert shown.returncode == 0, shown.stderr
    assert shown.stdout.startswith("gallery         ok\n")
    assert "3, 2 of them with a single reference" in shown.stdout
    assert "Barack" in shown.stdout

    with opened_device(tmp_path, Settings()) as device:
        device.enroller.train(photographs()["obama3.jpg"].read_bytes(), "Barry", "new")
    found: dict[str, Any] = json.loads(api_face("evaluate", "--gallery", "--json", state=tmp_path).stdout)
    gallery = found["gallery"]
    assert (gallery["people"], gallery["references"]) == (4, 5)
    assert gallery["tight"]
    assert gallery["hits"] == 1
    assert gallery["head_room"] < 0
    assert {found["people"][str(row)]["name"] for row in gallery["closest"]} == {"Barack", "Barry"}


def test_the_header_names_the_model_that_answers(tmp_path: Path) -> None:
    """Not that of the settings, while a switch to it waits."""
    other = next(name for name in EMBEDDERS if name != Settings().embedder)
    with opened_device(tmp_path, Settings(embedder=other)) as device:
        device.enroller.train(biden().read_bytes(), "Joe", None)
    report = tmp_path / "report.json"
    done = api_face("evaluate", "--gallery", "--json", report, state=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("gallery         ok\n")
    assert stat.S_IMODE(report.stat().st_mode) == 0o600
    found = json.loads(report.read_text())
    assert found["embedder"] == EMBEDDERS[other]
    assert f"{EMBEDDERS[other]}.tflite" in found["sha256"]


def test_a_gallery_of_nobody(tmp_path: Path) -> None:
    with opened_store(tmp_path):
        pass
    shown = api_face("evaluate", "--gallery", state=tmp_path)
    assert shown.returncode == 0
    assert "people          0" in shown.stdout


def test_a_mistyped_state_is_no_gallery(tmp_path: Path) -> None:
    """And no store is made there."""
    assert "no people.sqlite" in refused(api_face("evaluate", "--gallery", state=tmp_path / "typo"), 2)
    assert not (tmp_path / "typo").exists()


@pytest.mark.parametrize(
    "words", [("--folds", 0), ("--crops",), ("--resamples", 9), ("--out", "plots"), ("--cache", "file")]
)
def test_what_means_nothing_for_a_gallery_is_refused(tmp_path: Path, words: tuple[object, ...]) -> None:
    with opened_store(tmp_path):
        pass
    line = refused(api_face("evaluate", "--gallery", *words, state=tmp_path), 2)
    assert f"no use for {words[0]}" in line
