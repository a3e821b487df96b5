"""Measured values in messages, so that one may read on which side of its limit a value is."""

from __future__ import annotations

_MOST_DIGITS = 9


def told(value: float, limit: float, digits: int = 0) -> str:
    """The value with so many digits after the point, and with more where it would read like the limit."""
    while digits < _MOST_DIGITS and round(value, digits) == round(limit, digits):
        digits += 1
    return f"{value:.{digits}f}"


def strangers(log_rate: float, limit: float) -> str:
    """log10 of a share of strangers in words. limit: the share (0..1) that it is compared with."""
    return f"{told(1000 * 10**log_rate, 1000 * limit)} in 1,000 strangers"
