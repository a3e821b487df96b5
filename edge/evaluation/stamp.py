"""A stamp for kept results: it differs whenever the same photograph may give other numbers."""

from __future__ import annotations

import ast
import hashlib
import platform
from collections.abc import Iterator, Sequence
from importlib.metadata import version
from pathlib import Path

from edge.engine import LANDMARK_NET, PROPOSER
from edge.interpreter import MODELS, runtime

_ROOT = Path(__file__).resolve().parents[2]
_LIBRARIES = ("numpy", "pillow")
"""Beside the runtime, what computes the numbers."""


def stamp(roots: Sequence[Path], embedder: str | None, *choices: object, models: Path = MODELS) -> str:
    """Of the code that starts at these files, model_files(), the libraries, and whatever else was chosen
    (its repr counts). Raises ModelError: no runtime."""
    digest = hashlib.sha256(repr(choices).encode())
    used = runtime()
    told = (used.name, used.version, platform.machine(), *map(version, _LIBRARIES))
    digest.update(repr(told).encode())
    for path in (*model_files(embedder, models), *sources(roots)):
        content = path.read_bytes()
        digest.update(f"\0{path.name} {len(content)}\0".encode() + content)
    return digest.hexdigest()


def model_files(embedder: str | None, models: Path = MODELS) -> list[Path]:
    """Networks, sidecars and calibrations, sorted; without an embedder the networks and sidecars of the
    detector: what they say before it is calibrated."""
    names = [PROPOSER, LANDMARK_NET, *([embedder] if embedder else [])]
    files = sorted(path for name in names for path in models.glob(f"{name}.*"))
    return [
        path
        for path in files
        if path.suffix == ".tflite"
        or (path.suffix == ".json" and (embedder or not path.stem.endswith(".calibration")))
    ]


def sources(roots: Sequence[Path]) -> list[Path]:
    """The source files, and all of this package that they import, at any depth; sorted."""
    found: set[Path] = set()
    waiting = [path.resolve() for path in roots]
    while waiting:
        path = waiting.pop()
        if path not in found:
            found.add(path)
            waiting += _imported(path)
    return sorted(found)


def _imported(path: Path) -> Iterator[Path]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        else:
            continue
        for name in names:
            yield from _files(name)


def _files(name: str) -> Iterator[Path]:
    """Those that importing edge.a.b runs; b may be a name in edge.a."""
    parts = name.split(".")
    if parts[0] != "edge":
        return
    for depth in range(1, len(parts) + 1):
        place = _ROOT.joinpath(*parts[:depth])
        for path in (place / "__init__.py", place.with_suffix(".py")):
            if path.is_file():
                yield path
