"""What libcamera 0.4's virtual camera lacks for picamera2, mended as soon as a program imports picamera2.

`scripts/test-camera` puts a .pth file that calls `install` into the site-packages of its own virtual
environment: the program under test knows nothing of it. All of this is of picamera2 0.3.38, libcamera 0.4.

| gap | mended by |
|---|---|
| picamera2 imports pykms (a preview on a screen), which Debian does not have | an empty module |
| a frame's status is uninitialised memory, and picamera2 drops what is not "Success" | `_Metadata` |
| there is no raw stream, of which picamera2 asks the modes while opening | `_raw_modes` |
| buffers come from /dev/dma_heap | `Memory`, an allocator of memfds |
| it gives NV12 alone, without padding | `Memory` makes it YUV420 with padded rows, as a Pi 5 does |
| it always has four buffers | `_as_asked` |
| it gives frames as fast as they are taken | `Shutter`, which also plays a camera that stalls |

Faults are played when a file asks for them: see STALLED and MEMORY_KIB.
"""

from __future__ import annotations

import importlib.abc
import importlib.util
import sys
import types
from importlib.machinery import ModuleSpec
from typing import Any

from tests.virtual_camera import shutter
from tests.virtual_camera.memory import Memory, frame_bytes, stride_of
from tests.virtual_camera.shutter import Shutter, heals, stalled_until


class Mender(importlib.abc.MetaPathFinder):
    """Waits for the import of picamera2: an interpreter that needs no camera pays nothing."""

    def find_spec(self, name: str, path: Any, target: Any = None) -> ModuleSpec | None:
        if name != "picamera2":
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(name)
        if spec is not None and spec.loader is not None:
            load = spec.loader.exec_module

            def load_and_mend(module: types.ModuleType) -> None:
                pykms: Any = types.ModuleType("pykms")
                pykms.PixelFormat = _AnyName()
                sys.modules.setdefault("pykms", pykms)
                load(module)
                mend()

            spec.loader.exec_module = load_and_mend  # type: ignore[method-assign]
        return spec


def install() -> None:
    """For this interpreter, before any program in it runs. A .pth file may be read twice."""
    if not any(isinstance(finder, Mender) for finder in sys.meta_path):
        sys.meta_path.insert(0, Mender())


class _AnyName:
    """Has every pixel format that the preview's table wants to name."""

    def __getattr__(self, name: str) -> str:
        return name


class _Metadata:
    """Of every frame: picamera2 sees those alone that libcamera completed."""

    sequence = 0
    timestamp = 0
    planes = ()

    def __init__(self, success: Any) -> None:
        self.status = success


def mend() -> None:
    """picamera2 and libcamera, just imported."""
    import libcamera
    from picamera2 import picamera2 as module

    camera = module.Picamera2
    metadata = _Metadata(libcamera.FrameMetadata.Status.Success)
    libcamera.FrameBuffer.metadata = property(lambda _: metadata)
    module.DmaAllocator = Memory
    camera._get_raw_modes = _raw_modes
    camera._update_camera_config = _as_asked(camera._update_camera_config)
    camera.start_ = heals("start", camera.start_)
    camera.__init__ = heals("open", camera.__init__)
    _install_shutter(libcamera.Camera)
    if stalled_until("process"):
        shutter.STALLED.unlink()


def _install_shutter(camera: Any) -> None:
    paced = Shutter(camera)

    def queue_request(self: Any, request: Any) -> None:
        paced.queue(self, request)

    def stop(self: Any) -> None:
        paced.stop(self)

    camera.queue_request, camera.stop = queue_request, stop


def _raw_modes(camera: Any) -> list[dict[str, Any]]:
    import libcamera

    area = camera.camera.properties[libcamera.properties.PixelArrayActiveAreas][0]
    return [{"format": "SRGGB10_CSI2P", "size": (area.width, area.height)}]


def _as_asked(update: Any) -> Any:
    """libcamera makes YUV420 NV12 and gives four buffers; picamera2 gets to see what `Memory` makes of it."""

    def updated(camera: Any, configuration: dict[str, Any], made: Any) -> None:
        update(camera, configuration, made)
        for stream in (configuration["main"], configuration["lores"]):
            if stream is not None:
                stream["format"] = "YUV420"
                stream["stride"] = stride_of(stream["size"][0])
                stream["framesize"] = frame_bytes(*stream["size"])
        Memory.count = configuration["buffer_count"]

    return updated
