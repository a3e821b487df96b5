"""A refused client that is still sending its body is heard out for a moment, at no cost.

Closing a TCP connection while bytes arrive sends a reset, and a reset can overtake the answer. So the
answer is followed by the end of our side only; what still comes is thrown away inside the kernel
(MSG_TRUNC), neither decrypted nor copied, up to a limit in bytes and in time.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket

LINGER_BYTES = 16 * 1024 * 1024
LINGER_S = 2.0
MAX_LINGERING = 64
_PIECE = 1024 * 1024


class Lingering:
    """The connections that are being heard out."""

    def __init__(self) -> None:
        self._left: dict[socket.socket, int] = {}

    def take_over(self, connected: socket.socket) -> None:
        """Hear out the connection of this socket, which the caller closes straight away."""
        if len(self._left) >= MAX_LINGERING:
            return
        loop = asyncio.get_running_loop()
        try:
            connected.shutdown(socket.SHUT_WR)  # of the TCP connection; Python's TLS object is done with
            sock = socket.socket(fileno=os.dup(connected.fileno()))
        except OSError:  # the client has gone
            return
        sock.setblocking(False)
        self._left[sock] = LINGER_BYTES
        loop.add_reader(sock, self._discard, sock)
        loop.call_later(LINGER_S, self._close, sock)

    def close(self) -> None:
        """Hear nobody out any longer."""
        for sock in list(self._left):
            self._close(sock)

    def _discard(self, sock: socket.socket) -> None:
        with contextlib.suppress(BlockingIOError):
            try:
                count = len(sock.recv(_PIECE, socket.MSG_TRUNC))
            except ConnectionError:
                count = 0
            self._left[sock] -= count
            if count == 0 or self._left[sock] <= 0:
                self._close(sock)

    def _close(self, sock: socket.socket) -> None:
        if self._left.pop(sock, None) is not None:
            asyncio.get_running_loop().remove_reader(sock)
            sock.close()
