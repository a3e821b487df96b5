"""The figures of `api-face evaluate` for machines, with what they were measured with."""

from __future__ import annotations

import argparse
import dataclasses
import hashlib
import json
import math
import platform
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from edge import __version__
from edge.evaluation.curve import Trials
from edge.evaluation.detection import Judged
from edge.evaluation.kept import private
from edge.evaluation.pairs import Crossed
from edge.evaluation.stamp import model_files
from edge.interpreter import runtime
from edge.settings import Settings


def header(args: argparse.Namespace, settings: Settings, embedder: str) -> dict[str, object]:
    """Versions, hashes of the models, the settings that matter, and the arguments. embedder: the model."""
    return {
        "api-face edge": __version__,
        "python": platform.python_version(),
        "numpy": np.__version__,
        "runtime": f"{runtime().name} {runtime().version}",
        "machine": platform.machine(),
        "sha256": {path.name: _sha256(path) for path in model_files(embedder)},
        "embedder": embedder,
        "false_positive_rate": settings.false_positive_rate,
        "min_confidence": settings.min_confidence,
        "arguments": {
            name: getattr(args, name)
            for name in ("folds", "protocol", "crops", "people_from_folders", "resamples", "seed")
        },
    }


def written(found: Mapping[str, object], where: str) -> None:
    """To a file that only its owner may read (it has people's names), or ("-") to standard output. Raises
    OSError."""
    text = json.dumps(plain(found), indent=1, allow_nan=False)
    if where == "-":
        print(text)
    else:
        with private(Path(where)) as file:
            file.write(f"{text}\n".encode())


def plain(value: Any) -> Any:
    """Of dictionaries, lists, strings and numbers; NaN becomes null; scores and weights are left out."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = ((field.name, getattr(value, field.name)) for field in dataclasses.fields(value))
        return {name: plain(one) for name, one in fields if _told(one)}
    if isinstance(value, Mapping):
        return {str(name): plain(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [plain(one) for one in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value


def _told(value: object) -> bool:
    return not isinstance(value, np.ndarray | Crossed | Trials | Judged)


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
