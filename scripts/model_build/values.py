"""Small values that the networks share: arrays, a convolution's weights, the input, a head's table."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Pixels = NDArray[np.uint8]
Tensor = Any
"""A TensorFlow tensor; TensorFlow ships no types."""

HEAD_TOP = 6.0
"""A head's useful range is mapped to [0, 6] because RELU6 fuses into the convolution before it."""


@dataclass(frozen=True)
class Conv:
    """Weights [height, width, in, out] (depthwise: [height, width, in, 1]) and bias [out]."""

    weights: Floats
    bias: Floats


def to_unit(pixels: Pixels) -> Floats:
    """What every network here takes: (pixel - 128) / 128.

    With the range [-1, 127/128] the quantiser arrives at scale 1/128 and zero point 0, so the
    int8 input is exactly pixel - 128 and a caller only flips the top bit of each byte.
    """
    return (pixels.astype(np.float32) - np.float32(128)) / np.float32(128)


def fold_input(conv: Conv, scale: float, shift: Floats) -> Conv:
    """The first convolution of a network made for pixel * scale + shift, taking to_unit(pixel)."""
    per_unit = np.float32(128 * scale)
    at_zero = per_unit + shift.astype(np.float32)
    return Conv(
        weights=(conv.weights * per_unit).astype(np.float32),
        bias=(conv.bias + (conv.weights * at_zero[None, None, :, None]).sum((0, 1, 2))).astype(np.float32),
    )


@dataclass(frozen=True)
class Head:
    """The useful range of a detector's outputs: of the score's logit and of each box number."""

    score_lo: float
    score_hi: float
    box_lo: Floats
    box_hi: Floats

    def scores(self, conv: Conv) -> Conv:
        """A score convolution whose useful range arrives on [0, 6]."""
        return _rescaled(conv, np.array([self.score_lo]), np.array([self.score_hi]))

    def boxes(self, conv: Conv) -> Conv:
        """A box convolution whose useful range arrives on [0, 6], number by number."""
        return _rescaled(conv, self.box_lo, self.box_hi)


def _rescaled(conv: Conv, lo: NDArray[Any], hi: NDArray[Any]) -> Conv:
    repeats = conv.bias.size // lo.size
    low, high = np.tile(lo, repeats), np.tile(hi, repeats)
    factor = HEAD_TOP / (high - low)
    return Conv((conv.weights * factor).astype(np.float32), ((conv.bias - low) * factor).astype(np.float32))
