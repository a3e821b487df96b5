"""Memory that is promised before it is taken: for the bodies of requests, and for unpacked pictures.

The two have separate shares, because a request that holds its body goes on to ask for its picture: out
of one pool, sixteen bodies could leave no room for the picture that any of them is waiting for.
"""

from __future__ import annotations

import threading
from collections import deque
from types import TracebackType

from edge.clock import Clock
from edge.errors import BodyTooLarge, ImageTooLarge, Overloaded

_MIB = 1024 * 1024
_BODIES = 4
"""A quarter of the memory is for bodies."""

_KEPT = 32
"""One part in so many of that is for bodies that begin; it holds some dozens of small ones."""


class Share:
    """A number of bytes, promised in the order in which they were asked for. Thread-safe.

    There are two lines, and nobody overtakes in either: who comes, and who holds some and asks for more.
    Those who grow leave `kept` bytes alone, so that bodies that stand still cannot shut out whoever comes.
    """

    def __init__(self, size: int, clock: Clock, kept: int = 0) -> None:
        """size, kept: bytes."""
        self.size = size
        self._free = size
        self._kept = kept
        self._clock = clock
        self._coming: deque[object] = deque()
        self._growing: deque[object] = deque()
        self._idle = 0  # bytes held by those who wait for more: nothing of it comes free by itself
        self._changed = threading.Condition()

    @property
    def used(self) -> int:
        """Bytes that are promised now."""
        with self._changed:
            return self.size - self._free

    def must_hold(self, nbytes: int) -> None:
        """Raises BodyTooLarge when there is no use in waiting for so many."""
        most = self.size - self._kept
        if nbytes > most:
            raise BodyTooLarge(
                f"receiving the body takes {-(-nbytes // _MIB)} MiB; one may take {most // _MIB} MiB"
            )

    def take(self, nbytes: int, wait_s: float, held: int = 0) -> None:
        """Take nbytes, which at most are the share's size. held: what the caller has and will not give.

        Raises Overloaded when they are not free within wait_s; and the last in line at once when all that
        is used is held by those who wait for more, for each of them waits for another.
        """
        deadline = self._clock.steady() + wait_s
        line, floor = (self._growing, self._kept) if held else (self._coming, 0)
        ticket = object()
        with self._changed:
            line.append(ticket)
            self._idle += held
            self._changed.notify_all()
            try:
                while line[0] is not ticket or self._free - nbytes < floor:
                    left = deadline - self._clock.steady()
                    stuck = held > 0 and line[-1] is ticket and self._idle >= self.size - self._free
                    if left <= 0 or stuck:
                        within = f"within {wait_s:g} s" if left <= 0 else "as all wait for more"
                        raise Overloaded(f"no {-(-nbytes // _MIB)} MiB of memory came free {within}")
                    self._changed.wait(left)
                self._free -= nbytes
            finally:
                self._idle -= held
                line.remove(ticket)
                self._changed.notify_all()

    def give(self, nbytes: int) -> None:
        """Back, for the next in the line."""
        with self._changed:
            self._free += nbytes
            self._changed.notify_all()


class Reservation:
    """Bytes held by one thread at a time; a context manager that gives them back."""

    def __init__(self, share: Share, nbytes: int) -> None:
        self._share = share
        self.nbytes = nbytes

    def __enter__(self) -> Reservation:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()

    def grow(self, nbytes: int, wait_s: float) -> None:
        """To nbytes in all. Raises BodyTooLarge, Overloaded, and keeps what it has."""
        if nbytes > self.nbytes:
            self._share.must_hold(nbytes)
            self._share.take(nbytes - self.nbytes, wait_s, self.nbytes)
            self.nbytes = nbytes

    def shrink(self, nbytes: int) -> None:
        """To nbytes in all."""
        if nbytes < self.nbytes:
            self._share.give(self.nbytes - nbytes)
            self.nbytes = nbytes

    def release(self) -> None:
        """All of it; doing so again does nothing."""
        self.shrink(0)


class MemoryBudget:
    """What all requests together may take (total, bytes), and what one picture may (per_request, bytes)."""

    def __init__(self, total: int, per_request: int, clock: Clock) -> None:
        bodies = total // _BODIES
        self.bodies = Share(bodies, clock, kept=bodies // _KEPT)
        self.pictures = Share(total - bodies, clock)
        if per_request > self.pictures.size:
            raise ValueError(f"{per_request} bytes a picture do not fit into {self.pictures.size}")
        self.per_request = per_request

    def reserve(self, nbytes: int, wait_s: float) -> Reservation:
        """For a picture. Raises ImageTooLarge, Overloaded."""
        if nbytes > self.per_request:
            raise ImageTooLarge(
                f"the picture takes {-(-nbytes // _MIB)} MiB; one may take {self.per_request // _MIB} MiB"
            )
        self.pictures.take(nbytes, wait_s)
        return Reservation(self.pictures, nbytes)

    def reserve_body(self, nbytes: int, wait_s: float) -> Reservation:
        """For a body; wait_s 0 asks without waiting. Raises BodyTooLarge, Overloaded."""
        self.bodies.must_hold(nbytes)
        self.bodies.take(nbytes, wait_s)
        return Reservation(self.bodies, nbytes)
