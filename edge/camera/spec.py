"""Which camera, and how its frames are wanted: the settings of the camera, understood."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from edge.errors import SettingsError

if TYPE_CHECKING:
    from edge.settings import Settings

Kind = Literal["pi", "v4l2", "file"]

_FORMS = (
    '"none", "pi", "pi:NUMBER", "v4l2:DEVICE" (for example v4l2:/dev/video0) or "file:PATH", '
    'which may end in "?loop", "?speed=full" or both ("?loop&speed=full")'
)
_LOOP, _FULL_SPEED = "loop", "speed=full"


@dataclass(frozen=True, slots=True)
class Spec:
    """One camera or replay.

    target: the device's path, the folder's or clip's path, or the camera's number as text. width, height: of
    the full frame at most, pixels, even. rotation: degrees that the frames are turned, 0 or 180. fps: frames
    a second at most, of a replay in the media's own time. loop: a replay begins again at its end. full_speed:
    a replay gives the next frame as soon as it is asked for.
    """

    kind: Kind
    target: str
    width: int
    height: int
    rotation: int
    fps: float
    loop: bool = False
    full_speed: bool = False

    @classmethod
    def of(cls, settings: Settings) -> Spec | None:
        """The camera of the settings; None: there is none. Raises SettingsError."""
        return cls.parse(
            settings.camera,
            settings.camera_width,
            settings.camera_height,
            settings.camera_rotation,
            settings.camera_fps,
        )

    @classmethod
    def parse(cls, text: str, width: int, height: int, rotation: int = 0, fps: float = 10.0) -> Spec | None:
        """What the setting `camera` says; None for "none". Raises SettingsError."""
        kind, colon, target = text.partition(":")
        size = width - width % 2, height - height % 2
        match kind:
            case "none" if not colon:
                return None
            case "pi" if not colon or (target.isascii() and target.isdigit()):
                return cls("pi", str(int(target or "0")), *size, rotation, fps)
            case "v4l2" if target.startswith("/"):
                return cls("v4l2", target, *size, rotation, fps)
            case "file" if target:
                path, words = _options(target)
                full = str(Path(path).expanduser().absolute())
                return cls("file", full, *size, rotation, fps, _LOOP in words, _FULL_SPEED in words)
            case _:
                raise SettingsError(f'camera must be {_FORMS}, not "{text}"')

    @property
    def live(self) -> bool:
        """Whether it is a device, which time does not wait for."""
        return self.kind != "file"

    def dumps(self) -> str:
        """As one word of a command line."""
        return json.dumps(dataclasses.asdict(self))

    @classmethod
    def loads(cls, word: str) -> Spec:
        """What dumps made."""
        return cls(**json.loads(word))


def _options(target: str) -> tuple[str, set[str]]:
    """The path, and the options behind its last question mark."""
    path, mark, text = target.rpartition("?")
    if not mark:
        return target, set()
    words = set(text.split("&"))
    if not path or not words <= {_LOOP, _FULL_SPEED}:
        raise SettingsError(f'camera: "?{text}" is no option of a file; they are ?{_LOOP} and ?{_FULL_SPEED}')
    return path, words
