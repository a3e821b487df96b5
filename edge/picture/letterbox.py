"""Where a picture lies in the square canvas of a detector."""

from __future__ import annotations

from dataclasses import dataclass

from edge.face import Box


@dataclass(frozen=True, slots=True)
class Letterbox:
    """canvas = upright picture * scale + offset, in pixels, both axes at the same scale."""

    scale: float
    offset_x: float
    offset_y: float

    def box(self, left: float, top: float, width: float, height: float) -> Box:
        """A box of the canvas, in pixels of the full upright picture; not clipped."""
        scale = self.scale
        x, y = (left - self.offset_x) / scale, (top - self.offset_y) / scale
        return Box(x, y, width / scale, height / scale)
