"""What the calibration pictures feed to each layer: mean and covariance, all that rounding needs."""

import numpy as np
import tensorflow as tf  # type: ignore[import-untyped,import-not-found,unused-ignore]
from numpy.typing import NDArray

from model_build.layers import Layer
from model_build.mobilefacenet import MobileFaceNet
from model_build.rounding import Inputs
from model_build.values import Floats, Pixels, Tensor, to_unit

_BATCH = 20
_PLACES = 96
"""So many positions of a picture are looked at in each layer, spread evenly; neighbours are much alike."""


def gathered(network: MobileFaceNet, pictures: list[Pixels]) -> list[list[Inputs]]:
    """For each layer one entry, or one for each channel of a depthwise layer."""
    sums = [_Sums() for _ in network.layers]
    for start in range(0, len(pictures), _BATCH):
        batch = to_unit(np.concatenate(pictures[start : start + _BATCH]))
        flows = network.flows(tf.constant(batch))[:-1]
        for layer, flow, layer_sums in zip(network.layers, flows, sums, strict=True):
            layer_sums.add(_patches(layer, flow))
    return [layer_sums.inputs() for layer_sums in sums]


def _patches(layer: Layer, flow: Tensor) -> Floats:
    """[groups, samples, inputs of one output]: one group, or one for each channel of a depthwise layer."""
    height, width = layer.conv.weights.shape[:2]
    strides = [1, layer.stride, layer.stride, 1]
    windows = tf.image.extract_patches(flow, [1, height, width, 1], strides, [1, 1, 1, 1], layer.padding)
    places = windows.shape[1] * windows.shape[2]
    step = max(1, places // _PLACES)
    chosen = tf.reshape(windows, [windows.shape[0], places, -1])[:, ::step].numpy()
    if not layer.depthwise:
        return np.asarray(chosen.reshape(1, -1, chosen.shape[-1]), np.float32)
    taps = chosen.reshape(-1, height * width, flow.shape[-1])
    return np.ascontiguousarray(taps.transpose(2, 0, 1), np.float32)


class _Sums:
    """Running sums over batches."""

    def __init__(self) -> None:
        self._count = 0
        self._first: NDArray[np.float64] | float = 0.0
        self._second: NDArray[np.float64] | float = 0.0

    def add(self, patches: Floats) -> None:
        self._count += patches.shape[1]
        self._first = self._first + patches.sum(1, dtype=np.float64)
        self._second = self._second + np.matmul(patches.transpose(0, 2, 1), patches)

    def inputs(self) -> list[Inputs]:
        means, seconds = np.asarray(self._first) / self._count, np.asarray(self._second) / self._count
        return [
            Inputs(mean, second - np.outer(mean, mean)) for mean, second in zip(means, seconds, strict=True)
        ]
