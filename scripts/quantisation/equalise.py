"""Rewrites MobileFaceNet so that every channel fills its tensor's int8 range; exact in float.

Only two of the ways that are compared use this: what ships has no such range.
"""

from dataclasses import replace

import numpy as np
from model_build.layers import Layer
from model_build.values import Conv, Floats

_QUIETEST = 0.02
"""A channel's peak counts as at least this part of its layer's, or dead channels would be blown up."""


def with_small_slopes(layers: list[Layer]) -> list[Layer]:
    """Every PReLU slope within [-1, 1].

    For |a| > 1, prelu_a(x) = -sign(a) prelu_1/a(-|a| x): the factor goes into the convolution before, the
    sign into the one after.
    """
    found = list(layers)
    for number in range(len(found) - 1):
        layer = found[number]
        if layer.slopes is not None:
            steep = np.abs(layer.slopes) > 1
            safe = np.where(steep, layer.slopes, 1)
            bent = replace(layer, slopes=np.where(steep, 1 / safe, layer.slopes).astype(np.float32))
            found[number] = _times(bent, np.where(steep, -np.abs(safe), 1))
            found[number + 1] = _reading_times(found[number + 1], np.where(steep, -np.sign(safe), 1))
    return found


def equalised(layers: list[Layer], peaks: list[Floats]) -> list[Layer]:
    """Cross-layer equalisation (Nagel et al. 2019, arXiv 1906.04721) through every PReLU.

    A positive factor passes PReLU. peaks: the largest absolute value in each channel of each layer's
    convolution. The residual streams, which several layers read, stay as they are.
    """
    found = list(layers)
    for number, (layer, peak) in enumerate(zip(layers, peaks, strict=True)):
        if layer.slopes is not None:
            factor = np.maximum(peak, _QUIETEST * peak.max())
            found[number] = _times(found[number], 1 / factor)
            found[number + 1] = _reading_times(found[number + 1], factor)
    return found


def _times(layer: Layer, factor: Floats) -> Layer:
    """Each output channel times its factor."""
    along = factor[:, None] if layer.depthwise else factor
    return replace(layer, conv=_conv(layer.conv.weights * along, layer.conv.bias * factor))


def _reading_times(layer: Layer, factor: Floats) -> Layer:
    """The same output from an input whose channels were divided by factor."""
    return replace(layer, conv=_conv(layer.conv.weights * factor[:, None], layer.conv.bias))


def _conv(weights: Floats, bias: Floats) -> Conv:
    return Conv(weights.astype(np.float32), bias.astype(np.float32))
