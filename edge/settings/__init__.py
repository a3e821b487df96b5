"""The settings: one frozen dataclass, read from one TOML file. Only `__main__` reads the environment."""

from edge.settings.fields import EMBEDDERS, Settings
from edge.settings.reading import describe_defaults, load_settings

__all__ = ["EMBEDDERS", "Settings", "describe_defaults", "load_settings"]
