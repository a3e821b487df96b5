"""One picture file under a memory budget, unpacked only as far as somebody needs it."""

from __future__ import annotations

from types import TracebackType

from edge.budget import MemoryBudget, Reservation
from edge.errors import ImageTooLarge
from edge.picture.cost import cost, reduction
from edge.picture.decode import unpack
from edge.picture.header import Header, inspect
from edge.picture.picture import Picture
from edge.picture.resample import Stored

MIB = 1024 * 1024


class Source:
    """The bytes of a JPEG or PNG; a context manager that closes its picture and gives the memory back.

    width, height: the upright picture, pixels. Used by one thread at a time.
    Raises UnsupportedImage and BadImage when opened, BadImage, ImageTooLarge and Overloaded when unpacked.
    """

    def __init__(self, data: bytes, budget: MemoryBudget, wait_s: float) -> None:
        self._header = inspect(data)
        self._budget = budget
        self._wait_s = wait_s
        self._held: Reservation | None = None
        self._picture: Picture | None = None
        self.width, self.height = self._header.upright

    def __enter__(self) -> Source:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._let_go()

    def picture(self, long_side: int | None = None) -> Picture:
        """The picture with a long side of at least long_side pixels, if it has that many (None: in full).

        Finer than the last one asked for: the last one is closed first, and where the budget of one
        request does not allow the wanted size, the finest it does allow is given.
        """
        factor = reduction(self._header, long_side)
        if self._picture is not None:
            factor = self._affordable(factor)
            if self._picture.scale >= 1 / factor:
                return self._picture
            self._let_go()
        self._picture = self._unpacked(factor)
        return self._picture

    def _affordable(self, factor: int) -> int:
        while cost(self._header, factor).peak > self._budget.per_request:
            factor *= 2
        return factor

    def _unpacked(self, factor: int) -> Picture:
        needed = cost(self._header, factor)
        if needed.peak > self._budget.per_request:
            raise _too_large(self._header, needed.peak, self._budget.per_request)
        held = self._budget.reserve(needed.peak, self._wait_s)
        try:
            picture = unpacked(self._header, factor)
        except BaseException:
            held.release()
            raise
        held.shrink(needed.kept)
        self._held = held
        return picture

    def _let_go(self) -> None:
        if self._picture is not None:
            self._picture.close()
            self._picture = None
        if self._held is not None:
            self._held.release()
            self._held = None


def decode(data: bytes, *, long_side: int | None = None, limit: int = 96 * MIB) -> Picture:
    """The picture, for callers who share no memory with others. limit: bytes unpacking may take.

    Raises UnsupportedImage, BadImage, ImageTooLarge.
    """
    header = inspect(data)
    factor = reduction(header, long_side)
    needed = cost(header, factor)
    if needed.peak > limit:
        raise _too_large(header, needed.peak, limit)
    return unpacked(header, factor)


def unpacked(header: Header, factor: int) -> Picture:
    """The picture at 1/factor of its size."""
    return Picture(Stored(unpack(header, factor), header.width, header.height, factor, header.orientation))


def _too_large(header: Header, needed: int, limit: int) -> ImageTooLarge:
    width, height = header.upright
    return ImageTooLarge(
        f"unpacking this {width}x{height} px {header.format} takes {-(-needed // MIB)} MiB; "
        f"one picture may take {limit // MIB} MiB"
    )
