"""The plan of the house: which room stands on which floor, and what only it may know."""

from __future__ import annotations

import ast
import functools
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

EDGE = Path(__file__).resolve().parent.parent / "edge"

FLOORS: tuple[tuple[str, ...], ...] = (
    (
        "errors",
        "clock",
        "timesync",
        "face",
        "settings",
        "wording",
        "event",
        "disk",
        "heat",
        "steps",
        "turn",
        "beside",
    ),
    (
        "notify",
        "access",
        "budget",
        "interpreter",
        "calibration",
        "gallery",
        "match",
        "outliers",
        "picture",
        "camera",
    ),
    ("motion", "track", "pace", "evidence"),
    ("align", "heads", "confidence", "detect", "landmarks", "crop", "embed", "quality", "store"),
    ("engine", "portrait", "vision", "recognize", "cap", "reembed", "switch", "learn", "notices", "enrol"),
    ("announce", "bus", "selftest", "watchdog"),
    ("visit", "schedule", "closeup", "presence", "attention", "upkeep", "sightings", "watch"),
    ("outlets", "backup"),
    ("evaluation",),
    ("server", "provisioning"),
    ("wiring", "camera_wiring", "doctor", "commands", "cli", "__main__"),
)
"""From the bottom up. A room imports from floors below its own, and from its left on its own floor."""

OUTSIDE: dict[str, str] = {
    "PIL": "picture",
    "ai_edge_litert": "interpreter",
    "tflite_runtime": "interpreter",
    "sqlite_utils": "store",
    "sqlite3": "store",
    "bottle": "server",
    "tornado": "server",
    "cryptography": "server backup",
    "ifaddr": "server",
    "ssl": "server outlets doctor",
    "matplotlib": "evaluation",
    "picamera2": "camera",
    "libcamera": "camera",
    "av": "camera",
    "paho": "outlets",
    "argparse": "commands",
    "segno": "commands",
}
"""Each library that only one room knows (argparse: and cli, on the same floor; ssl: who is called, and who
calls; cryptography: certificates, and backups). NumPy is everybody's."""

HARDWARE = ("picamera2", "libcamera", "gpiozero", "RPi", "smbus2", "spidev")

MOST_LINES = 250
MOST_FUNCTION_LINES = 60


def modules() -> list[Path]:
    """Every source file of the package."""
    return sorted(EDGE.rglob("*.py"))


def room_of(path: Path) -> str:
    """The top-level module or package a file belongs to; "" for edge/__init__.py."""
    room = path.relative_to(EDGE).parts[0].removesuffix(".py")
    return "" if room == "__init__" else room


def dotted(path: Path) -> str:
    """A file's module name."""
    parts = path.relative_to(EDGE.parent).with_suffix("").parts
    return ".".join(part for part in parts if part != "__init__")


@functools.cache
def module_names() -> frozenset[str]:
    """All of the package."""
    return frozenset(dotted(path) for path in modules())


def imports(tree: ast.AST) -> Iterator[str]:
    """The modules that a tree imports, at any depth, in full."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            assert node.module is not None
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                yield inner if inner in module_names() else node.module


def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def test_every_room_stands_on_one_floor() -> None:
    """Nobody builds a room outside the plan, and the plan has no room that was never built."""
    planned = [room for floor in FLOORS for room in floor]
    assert sorted(planned) == sorted({room_of(path) for path in modules()} - {""})


@pytest.mark.parametrize("path", modules(), ids=dotted)
def test_imports_go_down(path: Path) -> None:
    """No room knows one above it."""
    height = {room: index for index, room in enumerate(room for floor in FLOORS for room in floor)}
    here = room_of(path)
    inside = [name for name in imports(parsed(path)) if name.startswith("edge.")]
    above = [
        name for name in inside if name.split(".")[1] != here and height[name.split(".")[1]] > height[here]
    ]
    assert not above


def test_no_circles_inside_a_room() -> None:
    """The modules of a package import each other in one direction only."""
    graph = {dotted(path): set(imports(parsed(path))) for path in modules()}
    done: set[str] = set()

    def visit(name: str, way: tuple[str, ...]) -> None:
        assert name not in way, " -> ".join((*way[way.index(name) :], name))
        if name not in done:
            for other in sorted(graph[name] & graph.keys()):
                visit(other, (*way, name))
            done.add(name)

    for name in graph:
        visit(name, ())


@pytest.mark.parametrize("path", modules(), ids=dotted)
def test_an_outside_library_has_one_room(path: Path) -> None:
    """Whoever replaces a library has one room to look into."""
    here = "commands" if room_of(path) == "cli" else room_of(path)
    for name in imports(parsed(path)):
        top = name.split(".")[0]
        if top in OUTSIDE:
            assert here in OUTSIDE[top].split(), name
        else:
            assert top in {"edge", "numpy"} or top in sys.stdlib_module_names, f"{name}: whose is it?"


def test_the_runtimes_are_named_in_their_room_alone() -> None:
    """They are imported by name, which the imports above do not show."""
    for path in modules():
        if room_of(path) != "interpreter":
            text = path.read_text(encoding="utf-8")
            assert "ai_edge_litert" not in text
            assert "tflite_runtime" not in text


@pytest.mark.parametrize("path", modules(), ids=dotted)
def test_no_hardware_at_module_level(path: Path) -> None:
    """Importing the package must work on a desk: hardware libraries are imported at use."""
    top_level = [node for node in parsed(path).body if isinstance(node, (ast.Import, ast.ImportFrom))]
    assert not {name.split(".")[0] for node in top_level for name in imports(node)} & set(HARDWARE)


@pytest.mark.parametrize("path", modules(), ids=dotted)
def test_files_and_functions_stay_short(path: Path) -> None:
    """What grows longer is split by responsibility."""
    text = path.read_text(encoding="utf-8")
    assert text.count("\n") <= MOST_LINES
    functions = [
        node for node in ast.walk(parsed(path)) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]
    lengths = {node.name: (node.end_lineno or 0) - node.lineno + 1 for node in functions}
    assert not {name: length for name, length in lengths.items() if length > MOST_FUNCTION_LINES}
