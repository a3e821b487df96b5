"""`api-face bench --peers`: its figures, and peers that behave or do not; no peer is installed for it."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from edge.cli import main
from edge.commands import bench_peers
from edge.commands.peers import child, environment, figures
from edge.commands.peers.album import Album, Pair, open_album
from edge.commands.peers.child import Answer, Child, Hello, PeerLost
from edge.commands.peers.rounds import go_round
from edge.commands.peers.table import beside
from edge.errors import SettingsError
from edge.face import Box
from tests import photographs

SCRIPTS = Path(__file__).resolve().parent.parent / "scripts"

PEER = """
import json, sys, time
from pathlib import Path

print(json.dumps({"versions": "canned 1", "metric": METRIC, "threshold": 0.6}), flush=True)
for number, line in enumerate(sys.stdin):
    path = Path(json.loads(line)["path"])
    person, turn = int(path.parent.name), int(path.stem)
    vector = [0.0] * 8
    vector[person], vector[7] = 1.0, 0.1 * turn
    answer = {"width": 100, "height": 100, "boxes": [[30, 30, 40, 40]], "peak_bytes": 7 << 20}
    answer |= {"vectors": [vector if METRIC else None]}
    answer |= {"detect_s": 0.25 * SLOW, "wall_s": 0.5 * SLOW, "cpu_s": 0.5 * SLOW}
    LINE
    print(json.dumps(answer), flush=True)
"""
"""A peer that sees in a photograph whose folder it lies in. LINE: what else it does before it answers."""


def canned(line: str = "pass", metric: str | None = "cosine", slow: int = 1) -> str:
    return f"METRIC, SLOW = {metric!r}, {slow}\n" + PEER.replace("LINE", line)


def folder(place: Path, people: int, each: int = 2) -> Path:
    """So many people's photographs; nobody looks into them."""
    for person in range(people):
        (place / str(person)).mkdir(parents=True)
        for turn in range(each):
            (place / str(person) / f"{turn}.jpg").touch()
    return place


def started(tmp_path: Path, program: str) -> Callable[[], Child]:
    """How to start a program of that text."""
    script = tmp_path / f"{len(list(tmp_path.iterdir()))}.py"
    script.write_text(program)
    return lambda: Child([sys.executable, str(script)], (), script.with_suffix(".log"))


def answer(*vectors: tuple[float, ...] | None) -> Answer:
    """A face in the centre for each vector."""
    return Answer(100, 100, tuple(Box(30, 30, 40, 40) for _ in vectors), vectors, 1, 1, 1, 1, None)


# -- which photographs ----------------------------------------------------------------------------


def test_a_folder_gives_pairs_in_two_halves_of_different_people(tmp_path: Path) -> None:
    album = open_album(folder(tmp_path, people=6, each=3), 600)
    assert len(album.paths) == 18
    assert sorted(set(album.people)) == list("012345")
    by_half = [
        {
            album.people[place]
            for pair in album.pairs
            if pair.fold == fold
            for place in (pair.first, pair.second)
        }
        for fold in (0, 1)
    ]
    assert [len(half) for half in by_half] == [3, 3]
    assert not by_half[0] & by_half[1]
    for pair in album.pairs:
        assert (album.people[pair.first] == album.people[pair.second]) is pair.same
        assert pair.first != pair.second
    assert sum(pair.same for pair in album.pairs) * 2 == len(album.pairs)


def test_fewer_photographs_are_fewer_people_and_the_same_every_time(tmp_path: Path) -> None:
    place = folder(tmp_path, people=9, each=2)
    album = open_album(place, 8)
    assert len(album.paths) == 8
    assert len(set(album.people)) == 4
    assert open_album(place, 8) == album


def test_a_list_of_pairs_is_taken_by_turns(tmp_path: Path) -> None:
    folder(tmp_path / "images", people=6)
    rows = [(n % 2, 1, f"images/{n}/0.jpg", f"images/{n}/1.jpg") for n in range(6)]
    rows += [(n % 2, 0, f"images/{n}/0.jpg", f"images/{(n + 1) % 6}/1.jpg") for n in range(6)]
    (tmp_path / "pairs.csv").write_text(
        "fold,same,a,b\n" + "".join(f"{','.join(map(str, row))}\n" for row in rows)
    )
    album = open_album(tmp_path, 600)
    assert [pair.same for pair in album.pairs] == [True, False] * 6
    assert sorted(set(album.people)) == list("012345"), "the person is the folder in which the paths differ"
    assert len(open_album(tmp_path, 9).paths) <= 9
    (tmp_path / "images" / "3" / "0.jpg").unlink()
    with pytest.raises(SettingsError, match=r"there is no .*3/0\.jpg"):
        open_album(tmp_path, 600)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("fold,same,a\n0,1,x\n", "needs the columns fold, same, a and b"),
        ("fold,same,a,b\nx,1,a,b\n", "needs the columns fold, same, a and b"),
        ("fold,same,a,b\n", "pairs of the same person"),
    ],
)
def test_a_bad_list_of_pairs(tmp_path: Path, content: str, said: str) -> None:
    (tmp_path / "pairs.csv").write_text(content)
    with pytest.raises(SettingsError, match=said):
        open_album(tmp_path, 600)


# -- figures --------------------------------------------------------------------------------------


def test_the_central_face_is_the_nearest_to_the_centre_if_it_reaches_it() -> None:
    corner, middle = Box(0, 0, 20, 20), Box(40, 30, 30, 30)
    both = Answer(100, 100, (corner, middle), (None, None), 1, 1, 1, 1, None)
    assert figures.central(both) == 1
    assert figures.central(Answer(100, 100, (corner,), (None,), 1, 1, 1, 1, None)) is None
    assert figures.central(Answer(100, 100, (), (), 1, 1, 1, 1, None)) is None


@pytest.mark.parametrize("metric", ["cosine", "distance"])
def test_comparison_knows_who_is_who_and_that_a_missing_face_resembles_nobody(metric: str) -> None:
    paths = tuple(Path(name) for name in "abcd")
    album = Album(paths, ("A", "A", "B", "B"), (Pair(0, True, 0, 1), Pair(0, False, 0, 2)))
    found = figures.compare(album, [answer((1, 0)), answer((2, 0)), answer((0, 1)), answer()], metric)
    assert found is not None
    assert found.pairs.tolist() == pytest.approx([1, 0] if metric == "cosine" else [-1, -(2**0.5)])
    assert found.genuine.tolist() == pytest.approx([found.pairs[0], -np.inf])
    assert found.genuine_people.tolist() == [0, 1]
    assert len(found.impostor) == 4
    assert figures.compare(album, [answer()] * 4, metric) is None


def test_pairs_are_judged_at_the_threshold_of_the_other_folds() -> None:
    same = [True, False, True, False]
    album = Album((), (), tuple(Pair(n // 2, kind, 0, 0) for n, kind in enumerate(same)))
    # Fold 0 parts at 0.5, fold 1 at 0.8: at 0.5 both of fold 1 are "the same", at 0.8 none of fold 0 is.
    right = figures.judged(album, np.array([0.6, 0.4, 0.9, 0.7]))
    assert right.tolist() == [False, True, True, False]


def test_the_best_threshold_lies_between_scores_and_never_between_equal_ones() -> None:
    kinds = np.array([False, False, True, True])
    assert figures.best_limit(np.array([0.1, 0.2, 0.4, 0.9]), kinds) == pytest.approx(0.3)
    assert figures.best_limit(np.array([-np.inf, -np.inf, 0.4, 0.9]), kinds) == 0.4
    assert figures.best_limit(np.array([0.5, 0.5, 0.5, 0.5]), kinds) in {0.5, np.nextafter(0.5, 1)}


def test_the_limit_for_a_false_accept_rate_is_exact_or_none() -> None:
    impostor = np.arange(1000.0)
    limit = figures.limit_at(impostor, 1e-2)
    assert limit is not None
    assert np.count_nonzero(impostor > limit) == 10
    assert figures.limit_at(impostor[:99], 1e-2) is None


def test_an_interval_holds_the_mean_and_narrows_with_people() -> None:
    def width(people: int) -> float:
        whose = np.arange(people)
        values = (whose % 4 > 0).astype(float)
        low, high = figures.Resampling(people).interval(values, whose, whose)
        assert low < values.mean() < high
        return high - low

    assert width(400) == pytest.approx(width(100) / 2, rel=0.15)
    whose = np.arange(10)
    assert figures.Resampling(10).interval(np.ones(10), whose, whose[::-1]) == (1, 1)


def test_a_ratio_is_taken_photograph_by_photograph() -> None:
    assert beside([0.010, 0.020, 0.300], [0.001, 0.010, 0.100]) == "20.0 ms (3.0 x)"


# -- peers that behave, and others ----------------------------------------------------------------


def test_every_peer_sees_every_photograph(tmp_path: Path) -> None:
    album = open_album(folder(tmp_path / "people", 4), 8)
    starts = {name: started(tmp_path, canned()) for name in ("one", "two")}
    said: list[str] = []
    results = go_round(starts, album.paths, said.append)
    assert all(result.lost is None and len(result.answers) == 8 for result in results.values())
    assert results["one"].hello == Hello("canned 1", "cosine", 0.6)
    assert said[-1] == ""


@pytest.mark.parametrize(
    ("program", "told"),
    [
        ("raise SystemExit('no such library')", "exit code 1: no such library (at the start)"),
        ("print('hello world')", "cannot be understood: hello world (at the start)"),
        ("print('[]', flush=True)", "cannot be understood: [] (at the start)"),
        (
            canned("if number == 3: raise ValueError('sick of it')"),
            "ValueError: sick of it (at photograph 3 of 8)",
        ),
        (canned("if number == 3: answer = 'rubbish'"), 'understood: "rubbish" (at photograph 3 of 8)'),
        (canned("answer['boxes'] = []"), "cannot be understood"),
        (canned("time.sleep(60 * (number == 3))"), "no answer within 1 s (at photograph 3 of 8)"),
    ],
)
def test_a_peer_that_fails_is_left_out_with_its_last_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, program: str, told: str
) -> None:
    monkeypatch.setattr(child, "ANSWER_S", 1.0)
    album = open_album(folder(tmp_path / "people", 4), 8)
    starts = {"good": started(tmp_path, canned()), "bad": started(tmp_path, program)}
    results = go_round(starts, album.paths, lambda _: None)
    assert results["good"].lost is None
    assert len(results["good"].answers) == 8
    assert told in (results["bad"].lost or "")


def test_what_cannot_be_installed_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    python = tmp_path / "python"
    python.write_text("#!/bin/sh\necho no venv here >&2\nexit 1\n")
    python.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(python))
    (tmp_path / "few.txt").write_text("numpy\n")
    with pytest.raises(PeerLost, match="cannot be installed: no venv here"):
        environment.environment(tmp_path / "few.txt", tmp_path / "venv")


def test_our_own_program_answers(tmp_path: Path) -> None:
    command = [sys.executable, "-P", "-m", "peers.ours", "--state", str(tmp_path)]
    with Child(command, (SCRIPTS.parent, SCRIPTS), tmp_path / "log") as ours:
        hello = ours.hello()
        assert hello.metric == "cosine"
        assert hello.threshold is not None
        first, second, other = (
            ours.ask(photographs.photographs()[name]) for name in ("obama.jpg", "obama2.jpg", "biden.jpg")
        )
        nothing = ours.ask(photographs.nobody())
        broken = tmp_path / "broken.jpg"
        broken.write_bytes(b"\xff\xd8\xff")
        refused = ours.ask(broken)
    assert (first.width, first.height) == (910, 1137)
    assert 0 < first.detect_s < first.wall_s
    assert first.cpu_s > 0
    assert first.peak_bytes > 10 << 20
    vectors = [np.array(seen.vectors[figures.central(seen) or 0]) for seen in (first, second, other)]
    assert vectors[0] @ vectors[1] > hello.threshold > vectors[0] @ vectors[2]
    assert nothing.boxes == ()
    assert nothing.refused is None
    assert "BadImage" in (refused.refused or "")


# -- the command ----------------------------------------------------------------------------------


@pytest.fixture
def clone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A clone whose peers are canned."""
    root = tmp_path / "clone"
    programs = root / "scripts" / "peers"
    programs.mkdir(parents=True)
    (programs / "__init__.py").touch()
    (programs / "ours.py").write_text(canned())
    (programs / "hog_dlib.py").write_text(canned(metric="distance", slow=10))
    (programs / "float_mobilefacenet.py").write_text("raise SystemExit('npm: not found')")
    (programs / "float_dlib.py").write_text(canned("if turn: answer['boxes'] = answer['vectors'] = []"))
    (programs / "float_blazeface.py").write_text(canned(metric=None))
    (programs / "opencv_haar.py").write_text(canned("answer['refused'] = 'too dark'", metric=None, slow=2))
    monkeypatch.setattr(bench_peers, "CLONE", root)
    monkeypatch.setattr(bench_peers, "environment", lambda requirements, folder: Path(sys.executable))
    return root


def test_the_tables(clone: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    place = folder(tmp_path / "people", 6)
    words = ["--peers", str(place), "--dlib-python", sys.executable]
    assert main(["--state", str(tmp_path / "state"), "bench", *words]) == 0
    machine, costs, limits, notes = capsys.readouterr().out.split("\n\n")
    assert machine == "12 photographs of 6 people; 12 pairs, 6 of them of the same person; one thread each"
    rows = {line[:20].strip(): line[20:].split() for line in costs.splitlines()[1:]}
    whole = ["100.0%", "100.0%", "(100.0-100.0)", "-", "-"]
    assert rows["ours"][:5] == whole
    assert (
        " ".join(rows["face_recognition"][5:])
        == "2500.0 ms (10.0 x) 5000.0 ms (10.0 x) 5000.0 ms (10.0 x) 7 MiB"
    )
    assert rows["in your Python"][:5] == whole
    assert rows["dlib float"][:2] == ["50.0%", "50.0%"], "who is not found is not recognised"
    assert " ".join(rows["OpenCV Haar"][4:]) == "500.0 ms (2.0 x) - 1000.0 ms 7 MiB"
    assert rows["MobileFaceNet float"] == ["NOT", "RUN", *"-------"]
    assert rows["OpenCV YuNet"][:2] == ["NOT", "RUN"]
    assert "distance 0.6" in limits
    assert "-50.0 (-50.0 to -50.0)" in limits
    assert "MobileFaceNet float: NOT RUN: ended with exit code 1: npm: not found (at the start)" in notes
    assert "OpenCV YuNet: NOT RUN: OpenCV ships no YuNet model" in notes
    assert "OpenCV Haar: could not take 12 photographs: too dark" in notes
    assert "face_recognition: canned 1" in notes


def test_without_our_own_there_is_no_table(
    clone: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (clone / "scripts" / "peers" / "ours.py").write_text("raise SystemExit('no models')")
    place = folder(tmp_path / "people", 4)
    assert main(["--state", str(tmp_path / "state"), "bench", "--peers", str(place)]) == 1
    assert "our own program did not run: ended with exit code 1: no models" in capsys.readouterr().err


def test_it_needs_a_clone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(bench_peers, "CLONE", tmp_path)
    assert main(["--state", str(tmp_path), "bench", "--peers", str(tmp_path)]) == 1
    assert capsys.readouterr().err.count("\n") == 1


@pytest.mark.parametrize(
    ("people", "words", "said"),
    [
        (0, (), "0 people with two photographs or more"),
        (1, (), "1 people with two photographs or more, and at least 4 are needed"),
        (6, ("--photographs", "3"), "--photographs is from 8"),
        (6, ("a.jpg",), "either photographs (FILE...) or --peers DIR"),
    ],
)
def test_too_little_to_compare(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], people: int, words: tuple[str, ...], said: str
) -> None:
    place = tmp_path / "people"
    place.mkdir()
    folder(place, people)
    assert main(["--state", str(tmp_path), "bench", "--peers", str(place), *words]) == 2
    assert said in capsys.readouterr().err


def test_a_folder_that_is_not_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--state", str(tmp_path), "bench", "--peers", str(tmp_path / "none")]) == 2
    assert "no such folder" in capsys.readouterr().err
    assert main(["--state", str(tmp_path), "bench"]) == 2
