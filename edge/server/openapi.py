"""The machine-readable contract."""

from __future__ import annotations

from typing import Any

from edge.settings import Settings


def document(settings: Settings) -> dict[str, Any]:
    return {"openapi": "3.1.0", "info": {"title": "api-face edge", "version": "1.0"}, "paths": {}}
