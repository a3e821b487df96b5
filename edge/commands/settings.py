"""`api-face settings`: the settings file that changes nothing, written from the source of Settings."""

from __future__ import annotations

import argparse
import ast
import inspect
import itertools
import json
import textwrap
from collections.abc import Iterator

from edge import settings
from edge.commands.place import Place

_HEAD = """\
# Settings of api-face edge: DIR/settings.toml, or the file named with --settings.
# Each key stands here with its default; take the "# " away from a line to change it.
"""
_WIDTH = 98


def arguments(parser: argparse.ArgumentParser) -> None:
    """None of its own."""
    parser.description = "Print every setting with its default, unit and meaning, as a settings.toml."


def run(args: argparse.Namespace, place: Place) -> int:
    """Print the file."""
    print(settings_toml(), end="")
    return 0


def settings_toml() -> str:
    """Every key, commented out, at its default, under its documentation."""
    meanings = dict(_documented_fields())
    blocks = [
        f"{textwrap.fill(meanings[key], _WIDTH, initial_indent='## ', subsequent_indent='## ')}\n"
        f"# {key} = {_toml(default)}\n"
        for key, default in settings.describe_defaults()
    ]
    return "\n".join([_HEAD, *blocks])


def _documented_fields() -> Iterator[tuple[str, str]]:
    """Each field of Settings with the string that stands under it."""
    (definition,) = ast.parse(inspect.getsource(settings.Settings)).body
    body: list[ast.stmt] = getattr(definition, "body", [])
    for pair in itertools.pairwise(body):
        match pair:
            case ast.AnnAssign(target=ast.Name(id=key)), ast.Expr(value=ast.Constant(value=str(text))):
                yield key, " ".join(text.split())


def _toml(value: object) -> str:
    """A default as TOML writes it: strings and lists of strings as in JSON, numbers with _ as in Python."""
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:_}" if value >= 1_000_000 else str(value)
    return json.dumps(value)
