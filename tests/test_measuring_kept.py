"""The measuring scripts read anew what was kept for other photographs, another embedder or other code."""

from __future__ import annotations

import argparse
import importlib
import multiprocessing.dummy
import sys
from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from edge.settings import EMBEDDERS
from tests.photographs import biden

SCRIPTS = Path(__file__).resolve().parent.parent / "scripts"


@pytest.fixture(autouse=True)
def _scripts_on_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", [str(SCRIPTS), *sys.path])
    monkeypatch.setattr(multiprocessing, "Pool", multiprocessing.dummy.Pool)


def script(name: str) -> ModuleType:
    """One without a suffix."""
    loader = SourceFileLoader(name.replace("-", "_"), str(SCRIPTS / name))
    spec = spec_from_loader(loader.name, loader)
    assert spec is not None
    module = module_from_spec(spec)
    sys.modules[loader.name] = module  # dataclasses look there
    loader.exec_module(module)
    return module


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """As of LFW, with a fold each of one person, and of CFP."""
    for name in ("lfw/A/1.jpg", "lfw/A/2.jpg", "lfw/B/1.jpg", "lfw/B/2.jpg", "cfp/1.jpg"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(name.encode())
    pairs = "fold,same,a,b,label_error\n0,1,A/1.jpg,A/2.jpg,0\n1,1,B/1.jpg,B/2.jpg,0\n"
    (tmp_path / "lfw" / "pairs.csv").write_text(pairs)
    (tmp_path / "lfw" / "ident.csv").write_text("identity,filename,role\nA,A/1.jpg,enrol\n")
    (tmp_path / "cfp" / "index.csv").write_text("identity,view,filename\n1,frontal,1.jpg\n")
    return tmp_path


def test_measure_quality(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    looks = importlib.import_module("measuring.looks")
    read: list[int] = []

    def rows(embedder: str, work: object, tasks: list[Path]) -> list[np.ndarray]:
        read.append(len(tasks))
        return [np.arange(7, dtype=np.float32)] * len(tasks)

    monkeypatch.setattr(looks, "rows", rows)
    one, other = EMBEDDERS.values()
    for embedder, folds in ((one, [0]), (one, [0]), (one, [0, 1]), (one, [0, 1]), (other, [0, 1])):
        seen = looks.photographs(data, embedder, folds, data / "kept.npz")
        assert len(seen.names) == 1 + 2 * len(folds)
    assert read == [3, 5, 5]


def test_compare_matching(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    comparing = script("compare-matching")
    read: list[Path] = []

    def embed(path: Path) -> tuple[np.ndarray, list[float]]:
        read.append(path)
        return np.zeros((2, 2, 4), np.float32), [1.0] * 3

    monkeypatch.setattr(comparing, "embed", embed)
    monkeypatch.setattr(comparing, "start", lambda name: None)
    one, other = EMBEDDERS
    for embedder, folds in ((one, [0]), (one, [0]), (one, [0, 1]), (other, [0, 1])):
        options = argparse.Namespace(data=data / "lfw", embedder=embedder, folds=folds, keep=data / "k.npz")
        vectors, owners = comparing.read(options)
        assert len(vectors) == len(owners) == 2 * len(folds)
    assert len(read) == 2 + 4 + 4


def test_measure_detection(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    observing = importlib.import_module("detecting.observing")
    path, keep = tmp_path / "1.jpg", tmp_path / "kept"
    path.write_bytes(biden().read_bytes())
    first = observing.observe([path], 1, keep)
    assert len(first[path].looks) > 0

    def never(path: Path) -> None:
        raise AssertionError("it was kept")

    with monkeypatch.context() as patched:
        patched.setattr(observing, "_observe", never)
        assert observing.observe([path], 1, keep)[path].width == first[path].width
        patched.setattr(observing, "stamp", lambda *of: "of other nets")
        with pytest.raises(AssertionError, match="it was kept"):
            observing.observe([path], 1, keep)
    path.write_bytes(b"another photograph, which cannot be read")
    assert observing.observe([path], 1, keep)[path].looks == []
