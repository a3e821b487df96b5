"""A settings.toml with other values: the rest of the text, its comments too, stays as it was."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Mapping
from typing import Any

from edge.errors import SettingsError


def with_values(text: str, values: Mapping[str, Any]) -> str:
    """The text with these values in force. Raises SettingsError where a value in it cannot be replaced."""
    before = _parsed(text)
    for key, value in values.items():
        if before.get(key) != value:
            text = _with_value(text, key, value)
    try:
        right = tomllib.loads(text) == {**before, **values}
    except tomllib.TOMLDecodeError:  # the first line of a list over several
        right = False
    if not right:
        raise SettingsError(f"the settings file cannot take {', '.join(values)}: write them into it by hand")
    return text


def _parsed(text: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"the settings file: {error}") from error


def _with_value(text: str, key: str, value: Any) -> str:
    """In place of the line that sets it, or the one that shows its default; else at the end."""
    line = f"{key} = {json.dumps(value, ensure_ascii=False)}"  # strings, numbers and lists are TOML as well
    for start in (rf"{key}\b", rf"# {key}\b"):
        found, count = re.subn(rf"^{start} *=.*$", lambda _: line, text, count=1, flags=re.MULTILINE)
        if count:
            return found
    return text.rstrip("\n") + f"\n\n{line}\n"
