"""bytes <-> pictures; the only room that knows Pillow."""

from edge.picture.cost import Cost, cost, reduction
from edge.picture.encode import encode_jpeg
from edge.picture.header import Header, inspect
from edge.picture.letterbox import Letterbox
from edge.picture.outline import Outline, outlined_jpeg
from edge.picture.picture import Picture
from edge.picture.planes import Plane, Planes
from edge.picture.source import Source, decode
from edge.picture.thumbnail import Thumbnails
from edge.picture.yuv import planes_of

__all__ = [
    "Cost",
    "Header",
    "Letterbox",
    "Outline",
    "Picture",
    "Plane",
    "Planes",
    "Source",
    "Thumbnails",
    "cost",
    "decode",
    "encode_jpeg",
    "inspect",
    "outlined_jpeg",
    "planes_of",
    "reduction",
]
