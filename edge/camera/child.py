"""The camera's own process: `python -m edge.camera.child SPEC SOCKET MEMORY` (two file descriptors).

It opens the camera and says so, then answers one request at a time:

    {"ask": "next", "wait": seconds}                    {"is": "frame", ...}, "stalled", "ended"
    {"ask": "region", "left", "top", "width", "height"} {"is": "region", "width", "height"}
    {"ask": "flush"}                                    {"is": "flushed"}
    {"ask": "reopen"}                                   {"is": "opened"}, "absent"
    {"ask": "stop"}                                     (it ends)

{"is": "absent" or "failed", "reason": words} is its last word. It ends, too, when the socket closes, and is
killed by the kernel when its parent dies.
"""

from __future__ import annotations

import ctypes
import errno
import logging
import signal
import socket
import sys
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path

from edge.camera.frame import Capture, Frame
from edge.camera.replay import Replay
from edge.camera.shared import Half, Message, SharedPlanes, receive, send
from edge.camera.sources import open_capture
from edge.camera.spec import Spec
from edge.errors import CameraAbsent, CameraEnded, CameraStalled

_PR_SET_PDEATHSIG = 1  # linux/prctl.h
_OOM_SCORE = 500
"""Of 1000: when memory runs out, the camera goes before the service."""

_SAMPLED_ROWS = 4
"""One row in so many tells brightness and sameness."""

_log = logging.getLogger(__name__)

Opener = Callable[[Spec], Capture]


def main(argv: Sequence[str], opener: Opener = open_capture) -> int:
    """The whole life of the process; its exit code."""
    _settle()
    spec = Spec.loads(argv[0])
    shared = SharedPlanes(int(argv[2]), spec, writable=True)
    with socket.socket(fileno=int(argv[1])) as connection:
        try:
            return _Camera(spec, opener, connection, shared).serve()
        except (BrokenPipeError, ConnectionError):
            return 0  # the parent has gone


class _Camera:
    """The capture, and who asks for its frames."""

    def __init__(self, spec: Spec, opener: Opener, connection: socket.socket, shared: SharedPlanes) -> None:
        self._spec = spec
        self._opener = opener
        self._connection = connection
        self._shared = shared
        self._capture: Capture | None = None

    def serve(self) -> int:
        """Until nobody asks any more."""
        answer = self._answer({"ask": "reopen"})
        while answer is not None:
            send(self._connection, answer)
            if answer["is"] in {"absent", "failed"}:
                return 1
            if isinstance(self._capture, Replay) and answer["is"] == "frame":
                self._capture.ahead()
            request = receive(self._connection)
            answer = None if request is None else self._answer(request)
        self._close()
        return 0

    def _answer(self, request: Message) -> Message | None:
        try:
            return self._done(request)
        except CameraAbsent as error:
            return {"is": "absent", "reason": error.message}
        except CameraStalled as error:
            return {"is": "stalled", "reason": error.message}
        except CameraEnded as error:
            return {"is": "ended", "reason": error.message}
        except Exception as error:
            # A driver may raise anything: the parent is told, and starts another child.
            _log.warning("the camera failed", exc_info=True)
            opening = request["ask"] == "reopen"
            return {"is": "absent" if opening else "failed", "reason": _words(error)}

    def _done(self, request: Message) -> Message | None:
        if request["ask"] == "reopen":
            self._close()
            self._capture = self._opener(self._spec)
            return {"is": "opened"}
        capture = self._capture
        if capture is None or request["ask"] == "stop":
            return None
        if request["ask"] == "flush":
            capture.flush()
            return {"is": "flushed"}
        if request["ask"] == "region":
            planes = capture.region(*(int(request[side]) for side in ("left", "top", "width", "height")))
            self._shared.write(Half.REGION, planes)
            return {"is": "region", "width": planes.width, "height": planes.height}
        return self._given(capture.next(float(request["wait"])))

    def _given(self, frame: Frame) -> Message:
        self._shared.write(Half.SMALL, frame.small)
        sample = frame.small.y[::_SAMPLED_ROWS]
        return {
            "is": "frame",
            "number": frame.number,
            "time": frame.time,
            "size": [frame.width, frame.height],
            "small": [frame.small.width, frame.small.height],
            "luma": float(sample.mean()),
            "digest": zlib.crc32(sample.tobytes()),
        }

    def _close(self) -> None:
        capture, self._capture = self._capture, None
        if capture is not None:
            capture.close()


def _settle() -> None:
    """What a child owes its parent. Signals that stop the whole group are the parent's to act on."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    logging.basicConfig(level=logging.WARNING, format="camera: %(message)s")
    try:
        Path("/proc/self/oom_score_adj").write_text(str(_OOM_SCORE), encoding="ascii")
    except OSError as error:
        _log.warning("oom_score_adj: %s", error.strerror)


def _words(error: Exception) -> str:
    if isinstance(error, OSError) and error.errno == errno.ENOMEM:
        return "the system has no memory for the camera's frames (ENOMEM)"
    return f"{type(error).__name__}: {error}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
