"""Whether a release works with a device's state. Runs as the service's user.

    python trial.py try STATE SETTINGS COPY         with a copy of the state, on a port of its own; prints the
                                                    names of the databases whose form it changes
    python trial.py healthy SETTINGS SECONDS        whether the service answers within that time, and goes on

`try` is for the release's own Python, `healthy` for any. Exit code 0: yes, or done; else the reason stands on
stderr.
"""

from __future__ import annotations

import base64
import contextlib
import http.client
import json
import re
import shutil
import sqlite3
import ssl
import subprocess
import sys
import threading
import time
import tomllib
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

from stores import opened, say, version

_HOST, _PORT = "::", 443
"""What the installer sets."""


_START_S = 120
_STEADY_S = 5.0
"""So long the service must go on answering."""

_LEFT_OUT = ("mqtt_host", "webhook_url", "camera", "min_confidence")
"""Settings by which a copy would tell the world things, take the camera away, or not find a drawn face."""


class Failed(Exception):
    """Why this release will not do."""


def try_out(state: Path, settings: Path, copy: Path) -> None:
    """Migrate the copy, serve it, ask it something, see that nobody is missing, and print what was migrated."""
    _copy(state, copy)
    forms = {path.name: version(path) for path in copy.glob("*.sqlite")}
    kept = [
        line for line in settings.read_text().splitlines() if line.partition("=")[0].strip() not in _LEFT_OUT
    ]
    own_settings = copy / "settings.toml"
    own_settings.write_text("\n".join([*kept, ""]))
    before = _people(copy)
    words = [sys.executable, "-sPB", "-m", "edge", "--state", str(copy), "--settings", str(own_settings)]
    add = [*words, "token", "add", "update"]
    added = subprocess.run(add, stdout=subprocess.PIPE, text=True, check=False, cwd="/")
    if added.returncode:
        raise Failed("its command line does not work with this device's state")
    with _serving([*words, "serve", "--host", "127.0.0.1", "--port", "0"]) as url:
        _ask(url, added.stdout.strip())
    if _people(copy) != before:
        raise Failed(f"of {before} people it kept {_people(copy)}")
    print(*sorted(name for name, form in forms.items() if version(copy / name) != form))


def healthy(settings: Path, seconds: float) -> None:
    """Raises Failed."""
    given = tomllib.loads(settings.read_text(encoding="utf-8"))
    host, port = given.get("host", _HOST), given.get("port", _PORT)
    host = "127.0.0.1" if host in ("::", "0.0.0.0", "") else host  # noqa: S104
    end, since = time.monotonic() + seconds, None
    while time.monotonic() < end:
        now = time.monotonic()
        if not _answers(host, port):
            since = None
        elif since is None:
            since = now
        elif now - since >= _STEADY_S:
            return
        time.sleep(0.2)
    raise Failed(f"the service was not healthy at {host} port {port} within {seconds:.0f} s")


def _copy(state: Path, copy: Path) -> None:
    """While the service goes on. The certificates too, for making them takes time."""
    copy.mkdir(mode=0o700)
    for path in state.iterdir():
        if path.suffix == ".sqlite":
            with opened(path) as one, opened(copy / path.name) as other:
                one.backup(other)
                other.execute("PRAGMA journal_mode = WAL")
        elif path.name == "tls":
            shutil.copytree(path, copy / "tls")


def _people(state: Path) -> int:
    if not (state / "people.sqlite").exists():
        return 0
    with opened(state / "people.sqlite") as database:
        return int(database.execute("SELECT count(*) FROM person").fetchone()[0])


@contextlib.contextmanager
def _serving(command: list[str]) -> Iterator[str]:
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd="/")
    patience = threading.Timer(_START_S, process.kill)
    patience.start()
    try:
        assert process.stdout is not None
        line = process.stdout.readline()  # it says where it serves, or ends
        patience.cancel()
        found = re.search(r"https://\S+", line)
        if found is None:
            raise Failed("it does not start with a copy of this device's state")
        yield found[0]
    finally:
        patience.cancel()
        process.terminate()
        try:
            process.wait(_START_S)
        except subprocess.TimeoutExpired:
            process.kill()


def _ask(url: str, token: str) -> None:
    """One detect, as a client would."""
    from edge.selftest import drawn_face  # of the release that is tried

    key = "data:image/jpeg;base64," + base64.b64encode(drawn_face()).decode()
    with _connection("127.0.0.1", urlsplit(url).port or 0) as connection:
        headers = {"Authorization": f"Bearer {token}"}
        connection.request("POST", "/v1.0/detect", json.dumps({"key": key}), headers)
        answer = connection.getresponse()
        body = answer.read().decode()
    if answer.status != 200 or len(json.loads(body)["faces"]) != 1:
        raise Failed(f"asked for the one face of a picture, detect answers {answer.status}: {body}")
    if not _answers("127.0.0.1", urlsplit(url).port or 0):
        raise Failed("it is not healthy")


def _answers(host: str, port: int) -> bool:
    with contextlib.suppress(OSError, http.client.HTTPException), _connection(host, port) as connection:
        connection.request("GET", "/health")
        return connection.getresponse().status == 200
    return False


@contextlib.contextmanager
def _connection(host: str, port: int) -> Iterator[http.client.HTTPSConnection]:
    """To this machine itself: nothing secret is said that it does not know, so the certificate is not checked."""
    context = ssl._create_unverified_context()  # noqa: S323
    connection = http.client.HTTPSConnection(host, port, context=context, timeout=30)
    with contextlib.closing(connection):
        yield connection


def main() -> int:
    verb, *rest = sys.argv[1:]
    try:
        if verb == "try":
            try_out(*map(Path, rest))
        else:
            healthy(Path(rest[0]), float(rest[1]))
    except (Failed, OSError, sqlite3.Error) as failure:
        say(f"the new release: {failure}" if verb == "try" else failure)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
