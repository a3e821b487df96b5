"""small frame -> has anything moved? The gate that makes an empty room cost next to nothing.

Each cell of the picture remembers what it looks like when nothing happens, and how much it flickers. What
differs by more than that is motion. The light of the whole picture may change: the median difference is taken
away.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from edge.picture import Plane

_CELL = 8
"""Side of a cell, pixels of the small frame: a face that is just large enough to be recognised fills four."""

_SAMPLES_ACROSS, _SAMPLES_DOWN = 4, 2
"""Pixels of a cell that are read: their mean has a third of a pixel's noise, at an eighth of the reading."""

LEAST_CELLS = 3
"""Cells that differ at once: fewer are flicker."""

_LEAST_STEP = 4.0
"""Gray levels (of 255) that a cell differs by, however still it was before."""

_SIGMAS = 5.0
"""Standard deviations of a cell's flicker that it differs by: one cell in a million does by chance."""

_FORGET_S, _ABSORB_S = 3.0, 20.0
"""Time constants (seconds) with which a cell follows slow light, and with which something new becomes
background: a chair that was moved is no motion after a minute, a person who stands still is followed by the
tracks anyway."""

_CALMER = 0.3
"""The flicker is learnt so many times more slowly: an estimate from few frames would often be too small."""

_ANOTHER_SCENE = 0.5
"""Share of cells that differ at once, from which on all is learnt anew: a lamp was switched, the camera
turned."""

_NEW = 20
"""Frames that make the first background."""

_PER_DEVIATION = math.sqrt(math.pi / 2)
"""Standard deviation of a normal distribution, in mean absolute deviations."""

Cells = NDArray[np.float32]


class MotionGate:
    """Remembers one camera's background. Used by one thread."""

    def __init__(self) -> None:
        self._background: Cells = np.empty((0, 0), np.float32)
        self._flicker: Cells = np.empty((0, 0), np.float32)
        self._time = 0.0
        self._frames = 0

    def moved(self, luma: Plane, time: float) -> bool:
        """Whether anything differs from the background, of which this frame then becomes part. The first
        frame has moved. luma: of the small frame. time: when it was taken, steady seconds.
        """
        cells = cells_of(luma)
        if self._background.shape != cells.shape:
            self._background, self._flicker = cells, np.full_like(cells, _LEAST_STEP / _SIGMAS)
            self._time, self._frames = time, 1
            return True
        passed, self._time = min(max(time - self._time, 0.0), 1.0), time
        difference = cells - self._background
        difference -= np.float32(_median(difference))
        size = np.abs(difference)
        # Noise is the sensor's, and alike in most cells: a cell may flicker more than others, not less.
        flicker = np.maximum(self._flicker, np.float32(_median(self._flicker)))
        changed = size > np.maximum(flicker * np.float32(_SIGMAS), np.float32(_LEAST_STEP))
        count = int(np.count_nonzero(changed))
        if self._frames >= _NEW and count > changed.size * _ANOTHER_SCENE:
            self._background, self._frames = cells, 1
            return True
        self._learn(cells, size, changed, passed)
        return count >= LEAST_CELLS

    def _learn(self, cells: Cells, size: Cells, changed: NDArray[np.bool_], passed: float) -> None:
        slow, fast = (np.float32(1 - math.exp(-passed / constant)) for constant in (_ABSORB_S, _FORGET_S))
        share, calmer = np.where(changed, slow, fast), _CALMER
        if self._frames < _NEW:  # a plain mean of what there is: nothing else is known yet
            self._frames += 1
            share, calmer = np.full_like(cells, 1 / self._frames), 1.0
        self._background += share * (cells - self._background)
        # What has changed says little of the flicker, or a busy place would soon grow blind.
        deviation = np.minimum(size * np.float32(_PER_DEVIATION), np.float32(_SIGMAS) * self._flicker + 1)
        self._flicker += share * np.float32(calmer) * (deviation - self._flicker)


def cells_of(luma: Plane) -> Cells:
    """Mean brightness of the cells, 0..255; what does not fill a cell at the right and lower edge is left
    out."""
    down, across = luma.shape[0] // _CELL * _CELL, luma.shape[1] // _CELL * _CELL
    step_down, step_across = _CELL // _SAMPLES_DOWN, _CELL // _SAMPLES_ACROSS
    rows = luma[step_down // 2 : down : step_down, :across]
    total = rows[:, step_across // 2 :: _CELL].astype(np.uint16)
    for start in range(step_across // 2 + step_across, _CELL, step_across):
        total += rows[:, start::_CELL]
    pairs = total[0::2] + total[1::2]
    cells: Cells = pairs * np.float32(1 / (_SAMPLES_ACROSS * _SAMPLES_DOWN))
    return cells


def _median(values: Cells) -> float:
    """Of every other cell: enough to know how the light changed."""
    return float(np.median(values[::2, ::2]))
