"""The settings: one frozen dataclass, read from one TOML file. Only `__main__` reads the environment."""

from __future__ import annotations

import dataclasses
import difflib
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_type_hints

from edge.errors import SettingsError

EMBEDDERS: Mapping[str, str] = {"mobilefacenet": "mobilefacenet-112-int8", "dlib": "dlib-resnet-150-int8"}
"""The model file of each value of the setting `embedder`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Every key of settings.toml, with its default. The text under a field is its documentation."""

    host: str = "::"
    """Address to listen on; "::" is all of IPv4 and IPv6, "127.0.0.1" this machine alone."""

    port: int = 443
    """TCP port, 1-65535 (0: any free one, printed at start)."""

    tls_certificate: str = ""
    """Path of the installer's own certificate chain (PEM); empty: the device makes its own."""

    tls_key: str = ""
    """Path of the private key of `tls_certificate` (PEM)."""

    tls_names: tuple[str, ...] = ()
    """Further DNS names or addresses to put into the device's own certificate."""

    cors_origins: tuple[str, ...] = ()
    """Web origins whose pages may call, e.g. "https://panel.example"; compared exactly."""

    workers: int = 2
    """Recognitions at the same time, each with its own interpreters (about 30 MiB); 1-64."""

    model_threads: int = 1
    """CPU threads one interpreter uses; 1-16."""

    max_requests: int = 16
    """Requests in hand at once (count); one more is 503."""

    max_connections: int = 512
    """Open TCP connections (count); past it the one that has waited longest without a request closes."""

    header_seconds: float = 10.0
    """From accepting a connection, or from its last answer, to a complete request head (seconds)."""

    request_seconds: float = 30.0
    """From the head of a request to its whole body; past it the connection closes (seconds)."""

    queue_seconds: float = 5.0
    """How long a request waits its turn for memory or a worker before it is 503 (seconds)."""

    detect_key_chars: int = 8_000_000
    """Longest `key` of detect and identify (base64 characters without white space)."""

    train_key_chars: int = 1_000_000
    """Longest `key` of train and index (base64 characters without white space)."""

    request_memory_mib: int = 96
    """Memory that the decoding of one picture may take (MiB); a picture that needs more is 413."""

    total_memory_mib: int = 128
    """Memory that all requests together may take (MiB), a quarter for bodies, the rest for pictures;
    others wait."""

    min_confidence: float = 0.6
    """Faces below this confidence are not reported (0..1)."""

    embedder: str = "mobilefacenet"
    """The network that tells people apart: "mobilefacenet", the most accurate, or "dlib", whose weights are
    in the public domain. After a change the kept crops are embedded anew while the old one answers."""

    false_positive_rate: float = 0.001
    """How many strangers may be given a known person's name (0.000001..0.1); less means that known people are
    more often "unknown"."""

    enrol_on_index: bool = True
    """Whether index gives a stranger a new personId; false: 422 unknown_person."""

    max_references: int = 8
    """References kept per person (count); past it the least useful one gives way; 1-64."""

    keep_crops: bool = True
    """Keep the aligned crop of each reference, so that a later model can re-embed it."""

    forget_unnamed_days: int = 90
    """Days without being seen after which a person enrolled by index and never named is forgotten."""

    log_level: str = "info"
    """"debug", "info", "warning" or "error"."""


_RANGES: Mapping[str, tuple[float, float]] = {
    "port": (0, 65535),
    "workers": (1, 64),
    "model_threads": (1, 16),
    "max_requests": (1, 4096),
    "max_connections": (8, 65536),
    "header_seconds": (0.5, 600),
    "request_seconds": (0.5, 3600),
    "queue_seconds": (0, 600),
    "detect_key_chars": (1000, 100_000_000),
    "train_key_chars": (1000, 100_000_000),
    "request_memory_mib": (8, 65536),
    "total_memory_mib": (8, 65536),
    "min_confidence": (0.05, 1),
    "false_positive_rate": (1e-6, 0.1),
    "max_references": (1, 64),
    "forget_unnamed_days": (1, 36500),
}


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
    if key in _RANGES:
        low, high = _RANGES[key]
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
    for origin in settings.cors_origins:
        if "*" in origin or "://" not in origin or origin.endswith("/"):
            raise SettingsError(f'cors_origins: "{origin}" is not an origin such as "https://panel.example"')


def describe_defaults() -> list[tuple[str, object]]:
    """Each key with its default, in the order of the file; what `api-face settings` prints."""
    return [(field.name, field.default) for field in dataclasses.fields(Settings)]
