"""api-face edge: who is in front of the camera, answered on the device itself."""

__version__ = "1.3.0"
