"""The command line: which command, which state, and what comes back to the shell.

A command is a module of edge.commands with `arguments(parser)` and `run(args, place) -> exit code`;
only the one that was asked for is imported, so `token` loads no models' runtime and `detect` no server.
Exit codes: 0 done, 1 something failed (one line on stderr), 2 the command line or a setting is wrong.
"""

from __future__ import annotations

import argparse
import difflib
import importlib
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol, cast

from edge import __version__
from edge.commands.place import Place
from edge.errors import EdgeError, SettingsError

PROGRAM = "api-face"

COMMANDS: Mapping[str, str] = {
    "serve": "answer the HTTP API until stopped, and watch through the camera if there is one",
    "watch": "the camera loop alone: who comes and goes, a line per event",
    "camera": "test the camera: is it there, how bright, sharp and near is what it sees; take a picture",
    "token": "add, list, revoke access tokens; set their quotas",
    "people": "list, show, name, merge, forget, export, import people; set references aside",
    "backup": "people, tokens, settings and CA into one sealed file; or a nightly copy on the device",
    "restore": "a backup, or the copy of a night, back into the state folder",
    "embedder": "which network tells people apart, who would be lost by a switch; switch",
    "detect": "the faces in photographs, as JSON lines",
    "embed": "the faces in photographs with their embeddings, as JSON lines",
    "identify": "who is in photographs, as JSON lines",
    "evaluate": "how well people are told apart: figures from photographs, or of the gallery",
    "bench": "how fast this device recognises the faces in photographs",
    "doctor": "what is wrong with this device, and what to do: one page, or JSON",
    "ca": "where the device's CA certificate is, and its fingerprint",
    "provision": "make this device that of a site: name, settings, tokens, secrets, Wi-Fi from one file",
    "settings": "every setting with its default, unit and meaning, as a settings.toml",
}
"""Each name is also the name of its module."""

_USAGE_ERROR = 2
_INTERRUPTED = 130
_BROKEN_PIPE = 141


class Command(Protocol):
    """What a module of edge.commands offers."""

    def arguments(self, parser: argparse.ArgumentParser) -> None:
        """Add the command's own arguments."""

    def run(self, args: argparse.Namespace, place: Place) -> int:
        """Do it; the exit code."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command line (None: the process's); the exit code."""
    # Before NumPy is imported: the workers are the threads there are; BLAS must not add its own to each.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    try:
        code = _dispatch(sys.argv[1:] if argv is None else argv)
        sys.stdout.flush()
    except SettingsError as error:
        return _fail(error.message, _USAGE_ERROR)
    except EdgeError as error:
        return _fail(error.message, 1)
    except BrokenPipeError:  # the reader has gone (| head)
        _drop_output()
        return _BROKEN_PIPE
    except OSError as error:
        _drop_output()
        return _fail(f"{error.filename}: {error.strerror}" if error.filename else str(error.strerror), 1)
    except KeyboardInterrupt:
        return _INTERRUPTED
    return code


def default_state(environ: Mapping[str, str], is_root: bool) -> Path:
    """Where the state lives when nobody says: the system's place for root, the user's for others."""
    if is_root:
        return Path("/var/lib/api-face")
    base = environ.get("XDG_STATE_HOME", "")
    # The XDG specification: a relative path there is invalid and to be ignored.
    folder = Path(base) if base.startswith("/") else Path.home() / ".local" / "state"
    return folder / "api-face"


def _dispatch(argv: Sequence[str]) -> int:
    common = _common_parser()
    where, words = common.parse_known_args(argv)  # first, so that they may stand anywhere
    end = next((place for place, word in enumerate(words, 1) if not word.startswith("-")), len(words))
    name = _outer_parser(common).parse_args(words[:end]).command
    state = (where.state or default_state(os.environ, os.geteuid() == 0)).expanduser().absolute()
    # Before SQLite is loaded, which reads it then: the copies that it makes of people stay with them.
    os.environ["SQLITE_TMPDIR"] = str(state)
    command = _load(name)
    parser = argparse.ArgumentParser(
        prog=f"{PROGRAM} {name}",
        description=COMMANDS[name].capitalize() + ".",
        epilog=f"--state DIR and --settings FILE may be given, too: see {PROGRAM} --help.",
    )
    command.arguments(parser)
    args = parser.parse_args(words[end:])
    return command.run(args, Place(state, where.settings))


def _common_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog=PROGRAM, add_help=False, allow_abbrev=False)
    parser.add_argument(
        "--state",
        metavar="DIR",
        type=Path,
        help="folder of the store and the certificates (default: /var/lib/api-face for root, "
        "else ~/.local/state/api-face)",
    )
    parser.add_argument(
        "--settings",
        metavar="FILE",
        type=Path,
        help="settings file (default: DIR/settings.toml if there is one)",
    )
    return parser


def _outer_parser(common: argparse.ArgumentParser) -> argparse.ArgumentParser:
    width = max(map(len, COMMANDS))
    parser = argparse.ArgumentParser(
        prog=PROGRAM,
        parents=[common],
        allow_abbrev=False,
        usage=f"{PROGRAM} [--state DIR] [--settings FILE] COMMAND ...",
        description="Face recognition on the device itself.",
        epilog="commands:\n"
        + "\n".join(f"  {name:{width}}  {summary}" for name, summary in COMMANDS.items())
        + f"\n\n{PROGRAM} COMMAND --help tells more.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"{PROGRAM} edge {__version__}")
    parser.add_argument("command", metavar="COMMAND", type=_command_name, help="one of the commands below")
    return parser


def _command_name(text: str) -> str:
    if text in COMMANDS:
        return text
    near = difflib.get_close_matches(text, COMMANDS, n=1, cutoff=0.5)
    hint = f'did you mean "{near[0]}"?' if near else f"the commands are {', '.join(COMMANDS)}"
    raise argparse.ArgumentTypeError(f'there is no command "{text}"; {hint}')


def _load(name: str) -> Command:
    return cast(Command, importlib.import_module(f"edge.commands.{name}"))


def _drop_output() -> None:
    """What could not be written and is still buffered must not be tried again at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _fail(message: str, code: int) -> int:
    print(f"{PROGRAM}: {message}", file=sys.stderr)
    return code
