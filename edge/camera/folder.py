"""A folder of JPEGs as a reel: the pictures in the order of the numbers in their names."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from pathlib import Path

from edge.camera.replay import Still
from edge.camera.sizes import full_size
from edge.camera.spec import Spec
from edge.errors import CameraAbsent, PictureError
from edge.picture import Header, Planes, inspect, planes_of

RATE_FILE = "fps"
"""Name of a file in the folder that says at how many pictures a second it was taken."""

_JPEG = frozenset({".jpg", ".jpeg"})
_LARGEST_FILE = 64 << 20  # bytes

_log = logging.getLogger(__name__)


class Folder:
    """Raises CameraAbsent: there is no such folder, or no JPEG in it."""

    def __init__(self, spec: Spec) -> None:
        self._spec = spec
        self._path = Path(spec.target)
        try:
            names = [path for path in self._path.iterdir() if path.suffix.lower() in _JPEG]
        except OSError as error:
            raise CameraAbsent(f"{self._path}: {error.strerror}") from error
        if not names:
            raise CameraAbsent(f"{self._path}: there is no .jpg in it")
        self._files = sorted(names, key=lambda path: _natural(path.name))
        self._fps = self._rate()

    def stills(self) -> Iterator[tuple[float, Still]]:
        """See Reel. A file that is no picture is left out; the others keep their times."""
        for place, path in enumerate(self._files):
            try:
                yield place / self._fps, _Photograph(path, self._spec)
            except (OSError, PictureError) as error:
                _log.warning("%s is left out of the replay: %s", path, error)

    def close(self) -> None:
        """See Reel."""

    def _rate(self) -> float:
        path = self._path / RATE_FILE
        if not path.exists():
            return self._spec.fps
        try:
            rate = float(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise CameraAbsent(f"{path}: {error}") from error
        if not 0.01 <= rate <= 1000:
            raise CameraAbsent(f"{path}: {rate:g} is not from 0.01 to 1000 pictures a second")
        return rate


class _Photograph:
    """One file of the folder."""

    def __init__(self, path: Path, spec: Spec) -> None:
        with path.open("rb") as file:
            self._header: Header = inspect(file.read(_LARGEST_FILE))
        self.width, self.height = full_size(*self._header.upright, spec.width, spec.height)

    def planes(self, width: int, height: int) -> Planes:
        """See Still."""
        return planes_of(self._header, width, height)


def _natural(name: str) -> list[tuple[int, str]]:
    """So that 10.jpg comes after 9.jpg."""
    return [(int(digits or 0), letters) for digits, letters in re.findall(r"(\d*)(\D*)", name)]
