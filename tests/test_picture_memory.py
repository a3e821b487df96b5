"""The estimates against the memory that a process of its own really took."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from edge.picture import cost, inspect, reduction
from tests.tricky import big_files, bomb, portrait, saved

ROOT = Path(__file__).resolve().parent.parent
MIB = 1024 * 1024

REFUSE = """
import resource, sys
from pathlib import Path
from edge.errors import ImageTooLarge
from edge.picture import decode
files = [Path(name).read_bytes() for name in sys.argv[1:]]
pages = int(Path("/proc/self/statm").read_text().split()[0])
most = pages * resource.getpagesize() + 4 * 1024 * 1024
resource.setrlimit(resource.RLIMIT_AS, (most, most))
for data in files:
    try:
        decode(data, long_side=960)
    except ImageTooLarge:
        print("refused")
"""


def measured(path: Path, long_side: int | None) -> int:
    """Bytes that unpacking it took at most."""
    script = str(ROOT / "scripts" / "measure-decode-memory")
    command = [sys.executable, script, "--one", str(path), str(long_side or 0)]
    return int(subprocess.run(command, check=True, capture_output=True, text=True, cwd=ROOT).stdout)


def check(path: Path, data: bytes, long_side: int | None) -> None:
    """Never less than measured, and not much more when it matters."""
    path.write_bytes(data)
    header = inspect(data)
    estimate = cost(header, reduction(header, long_side)).peak
    taken = measured(path, long_side)
    assert taken <= estimate
    assert estimate <= 1.6 * taken + MIB


@pytest.mark.parametrize("name", ["12 Mpx jpeg", "12 Mpx jpeg progressive", "12 Mpx png", "24 Mpx jpeg"])
def test_large_files_take_what_their_headers_say(name: str, tmp_path: Path) -> None:
    data = next(file.data for file in big_files() if file.name == name)
    check(tmp_path / "picture", data, 960)


def test_several_scans_transparency_and_a_missing_end_take_what_their_headers_say(tmp_path: Path) -> None:
    image = portrait().resize((1600, 1200))
    scans = next(file.data for file in big_files() if file.name == "24 Mpx jpeg in several scans")
    check(tmp_path / "scans", scans, 960)
    check(tmp_path / "alpha", saved(image.convert("RGBA"), "PNG", compress_level=1), None)
    check(tmp_path / "end", saved(image, "JPEG")[:-2], None)


def test_bombs_are_refused_with_4_mib_left(tmp_path: Path) -> None:
    files = [file.data for file in big_files() if file.code == "image_too_large"] + [bomb(50_000)]
    for number, data in enumerate(files):
        (tmp_path / str(number)).write_bytes(data)
    names = [str(tmp_path / str(number)) for number in range(len(files))]
    command = [sys.executable, "-c", REFUSE, *names]
    done = subprocess.run(command, check=True, capture_output=True, text=True, cwd=ROOT)
    assert done.stdout.split() == ["refused"] * len(files)
