"""The parent's end of a camera's process: start it, ask, listen, end it."""

from __future__ import annotations

import contextlib
import mmap
import os
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import edge
from edge.camera.shared import Message, SharedPlanes, receive, send
from edge.camera.spec import Spec
from edge.clock import Clock
from edge.errors import CameraError

COMMAND = (sys.executable, "-P", "-m", "edge.camera.child")
"""-P: whatever folder it is started in, only what PYTHONPATH and the installation hold is imported."""

OPENING = "reopen"
"""What a new process is taken to have been asked."""

_FEW_THREADS = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "MALLOC_ARENA_MAX": "2"}
_MIB = 1 << 20


class CameraProcess:
    """One child. Strictly one request at a time. Used by one thread."""

    def __init__(self, command: Sequence[str], spec: Spec, shared: SharedPlanes, clock: Clock) -> None:
        """Raises CameraError: it cannot be started."""
        self._clock = clock
        try:
            self._connection, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            with theirs:
                self._process = _started(command, spec, (theirs.fileno(), shared.fd))
        except OSError as error:
            raise CameraError(f"the camera's process cannot be started: {error.strerror}") from error
        self.pid = self._process.pid
        self.opened = False
        self.asked: str | None = OPENING
        self.asked_at = clock.steady()

    def ask(self, what: str, **fields: float) -> None:
        """Raises CameraError: it has gone."""
        if self.asked is not None:
            raise CameraError(f"{what}, while {self.asked} is not answered")
        try:
            send(self._connection, {"ask": what, **fields})
        except OSError as error:
            raise CameraError(self._end_in_words()) from error
        self.asked, self.asked_at = what, self._clock.steady()

    def answer(self, wait_s: float) -> Message | None:
        """To what was asked last; None: not yet. Raises CameraError: it has gone."""
        poll = select.poll()
        poll.register(self._connection, select.POLLIN)
        if not poll.poll(max(0.0, wait_s) * 1000):
            return None
        message = receive(self._connection)
        if message is None:
            raise CameraError(self._end_in_words())
        self.asked = None
        return message

    def memory_mib(self) -> float:
        """Resident, MiB; 0 of one that has ended."""
        try:
            pages = Path(f"/proc/{self.pid}/statm").read_text(encoding="ascii").split()[1]
        except (OSError, IndexError):
            return 0.0
        return int(pages) * mmap.PAGESIZE / _MIB

    def end(self, grace_s: float, kill_s: float) -> bool:
        """Let it end by itself within grace_s seconds, else kill it. Whether it is gone after kill_s more:
        one that is stuck in a driver may not be."""
        with contextlib.suppress(CameraError):
            if grace_s > 0 and self.asked is None:
                self.ask("stop")
        self._connection.close()
        if grace_s > 0 and self._ended(grace_s):
            return True
        self._process.send_signal(signal.SIGKILL)
        return self._ended(kill_s)

    def _ended(self, wait_s: float) -> bool:
        try:
            self._process.wait(wait_s)
        except subprocess.TimeoutExpired:
            return False
        return True

    def gone(self) -> bool:
        """Whether it has ended, and the system has forgotten it."""
        return self._process.poll() is not None

    def _end_in_words(self) -> str:
        """It closed its socket, so it ends now."""
        if not self._ended(1.0):
            return "the camera's process closed its connection"
        code = self._process.returncode
        how = f"exit code {code}" if code >= 0 else f"signal {signal.Signals(-code).name}"
        return f"the camera's process ended ({how})"


def _started(command: Sequence[str], spec: Spec, fds: tuple[int, int]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [*command, spec.dumps(), *map(str, fds)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        pass_fds=fds,
        env={**os.environ, **_FEW_THREADS, "PYTHONPATH": _python_path()},
        process_group=0,  # Ctrl-C is for the parent
    )


def _python_path() -> str:
    """So that the child imports this very package, also from a source folder."""
    here = str(Path(edge.__file__).resolve().parent.parent)
    before = os.environ.get("PYTHONPATH")
    return here if not before else os.pathsep.join((here, before))
