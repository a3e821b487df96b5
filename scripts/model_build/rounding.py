"""Rounding weights to int8 so that a layer's output changes least, not so that each weight does.

The inputs of a layer are strongly correlated, so the error made in one weight can be undone in the
others. GPTQ (Frantar et al. 2022, arXiv 2210.17323; in itself Hassibi's optimal brain surgeon) rounds
one weight after the other and moves those still to be rounded by the least squares of the inputs'
covariance. The mean of what is left goes into the bias (Nagel et al. 2019, arXiv 1906.04721).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from model_build.values import Floats

TOP = 127
"""Weights use -127..127: symmetric, as the TFLite int8 specification wants them."""
_DAMPING = 0.01
"""Part of the mean variance that is added to each input's: no weight may be moved for a chance correlation."""


@dataclass(frozen=True)
class Inputs:
    """What the calibration pictures feed to one output of a layer: mean [inputs], covariance [inputs, inputs]."""

    mean: NDArray[np.float64]
    covariance: NDArray[np.float64]


@dataclass(frozen=True)
class Rounded:
    """int8 weights [inputs, outputs], the scale of each output, the corrected bias."""

    weights: NDArray[np.int8]
    scales: Floats
    bias: Floats


def rounded(weights: Floats, bias: Floats, inputs: Inputs | None) -> Rounded:
    """Weights [inputs, outputs] rounded; without inputs each to its nearest."""
    scales = np.maximum(np.abs(weights).max(0), 1e-12).astype(np.float32) / np.float32(TOP)
    grid = weights.astype(np.float64) / scales
    if inputs is None:
        return Rounded(_nearest(grid), scales, bias)
    found = _compensated(grid, inputs.covariance)
    missing = (grid - found) * scales
    return Rounded(found, scales, (bias + inputs.mean @ missing).astype(np.float32))


def _nearest(grid: NDArray[np.float64]) -> NDArray[np.int8]:
    return np.clip(np.round(grid), -TOP, TOP).astype(np.int8)


def _compensated(grid: NDArray[np.float64], covariance: NDArray[np.float64]) -> NDArray[np.int8]:
    """Row after row; what rounding a row leaves over is passed on to the rows below."""
    count = len(grid)
    damped = covariance + np.eye(count) * (_DAMPING * np.trace(covariance) / count + 1e-12)
    # The upper Cholesky factor of the inverse holds, row by row, the inverse over the rows not yet rounded.
    passing = np.linalg.cholesky(np.linalg.inv(damped)).T
    left, found = grid.copy(), np.zeros(grid.shape, np.int8)
    for row in range(count):
        found[row] = _nearest(left[row])
        error = (left[row] - found[row]) / passing[row, row]
        left[row + 1 :] -= np.outer(passing[row, row + 1 :], error)
    return found
