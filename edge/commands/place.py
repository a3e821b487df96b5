"""Where a command works: the state folder, and the settings that hold there."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edge.settings import Settings, load_settings


@dataclass(frozen=True, slots=True)
class Place:
    """The state folder, and the settings file that was named on the command line (None: none was)."""

    state: Path
    settings_file: Path | None

    def settings(self, **overrides: Any) -> Settings:
        """The settings in force; overrides that are not None win. Raises SettingsError."""
        return load_settings(self.settings_path(), **overrides)

    def settings_path(self) -> Path | None:
        """The settings file in force; None when there is none."""
        usual = self.state / "settings.toml"
        return self.settings_file or (usual if usual.exists() else None)
