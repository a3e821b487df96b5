"""A TOML file -> Settings, or words that say what is wrong with it."""

from __future__ import annotations

import dataclasses
import difflib
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, get_type_hints

from edge.errors import SettingsError
from edge.settings.fields import EMBEDDERS, RANGES, Settings


def load_settings(path: Path | None, **overrides: Any) -> Settings:
    """The settings of a TOML file (None: the defaults), then the overrides that are not None.

    Raises SettingsError: unreadable file, unknown key (with a suggestion), wrong type or range.
    """
    values = _read_toml(path) if path is not None else {}
    values.update({key: value for key, value in overrides.items() if value is not None})
    types = get_type_hints(Settings)
    checked = {key: _checked(key, value, types) for key, value in values.items()}
    settings = Settings(**checked)
    _check_together(settings)
    return settings


def _read_toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SettingsError(f"settings file {path}: {error}") from error


def _checked(key: str, value: Any, types: Mapping[str, Any]) -> Any:
    if key not in types:
        near = difflib.get_close_matches(key, types, n=1, cutoff=0.5)
        hint = f'; did you mean "{near[0]}"?' if near else ""
        raise SettingsError(f'unknown setting "{key}"{hint}')
    wanted = types[key]
    if wanted == tuple[str, ...]:
        if not isinstance(value, (list, tuple)) or not all(isinstance(item, str) for item in value):
            raise SettingsError(f'setting "{key}" must be a list of strings, not {value!r}')
        return tuple(value)
    if wanted is float and type(value) is int:
        value = float(value)
    if type(value) is not wanted:
        raise SettingsError(f'setting "{key}" must be {wanted.__name__}, not {value!r}')
    if key in RANGES:
        low, high = RANGES[key]
        if not low <= value <= high:
            raise SettingsError(f'setting "{key}" must be from {low} to {high}, not {value!r}')
    return value


def _check_together(settings: Settings) -> None:
    if bool(settings.tls_certificate) != bool(settings.tls_key):
        raise SettingsError("tls_certificate and tls_key go together: set both or neither")
    if settings.total_memory_mib * 3 < settings.request_memory_mib * 4:
        raise SettingsError(
            f"total_memory_mib ({settings.total_memory_mib}) must be at least 4/3 of "
            f"request_memory_mib ({settings.request_memory_mib}): a quarter of it is for bodies"
        )
    if settings.embedder not in EMBEDDERS:
        raise SettingsError(f'embedder must be {" or ".join(EMBEDDERS)}, not "{settings.embedder}"')
    if settings.log_level not in ("debug", "info", "warning", "error"):
        raise SettingsError(f'log_level must be debug, info, warning or error, not "{settings.log_level}"')
    if settings.runtime not in ("auto", "litert", "tflite"):
        raise SettingsError(f'runtime must be auto, litert or tflite, not "{settings.runtime}"')
    if settings.camera_rotation not in (0, 180):
        raise SettingsError(f"camera_rotation must be 0 or 180, not {settings.camera_rotation}")
    if settings.webhook_url and not settings.webhook_secret_file:
        raise SettingsError("webhook_url needs webhook_secret_file: receivers must be able to tell who posts")
    if settings.webhook_url and not settings.webhook_url.startswith(("https://", "http://")):
        raise SettingsError(f'webhook_url: "{settings.webhook_url}" does not begin with https:// or http://')
    for origin in settings.cors_origins:
        if "*" in origin or "://" not in origin or origin.endswith("/"):
            raise SettingsError(f'cors_origins: "{origin}" is not an origin such as "https://panel.example"')


def describe_defaults() -> list[tuple[str, object]]:
    """Each key with its default, in the order of the file; what `api-face settings` prints."""
    return [(field.name, field.default) for field in dataclasses.fields(Settings)]
